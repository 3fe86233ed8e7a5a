-- Second factors beside authenticators, and what changing them takes.

-- Phones that were proven to receive codes (requirement M-04). The number is
-- the factor's own: one that is changed in the profile proves nothing.
CREATE TABLE sms_factors (
    tenant_id uuid NOT NULL,
    user_id uuid NOT NULL,
    -- E.164.
    number text NOT NULL,
    enrol_time timestamptz NOT NULL DEFAULT clock(),
    PRIMARY KEY (tenant_id, user_id),
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id) ON DELETE CASCADE
);
SELECT tenant_table('sms_factors');

-- Recovery codes that were not used (requirement M-06). One that was is gone.
CREATE TABLE recovery_codes (
    tenant_id uuid NOT NULL,
    user_id uuid NOT NULL,
    -- Keyed, and bound to tenant and user.
    code_hash bytea NOT NULL,
    create_time timestamptz NOT NULL DEFAULT clock(),
    PRIMARY KEY (tenant_id, user_id, code_hash),
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id) ON DELETE CASCADE
);
SELECT tenant_table('recovery_codes');

-- Authenticators that a signed-in user is enrolling. Those of a login are in
-- its flow.
CREATE TABLE totp_enrolments (
    tenant_id uuid NOT NULL,
    session_id uuid NOT NULL,
    -- Sealed, bound to tenant and user.
    secret bytea NOT NULL,
    expire_time timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, session_id),
    FOREIGN KEY (tenant_id, session_id) REFERENCES sessions (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX totp_enrolments_over ON totp_enrolments (expire_time);
SELECT tenant_table('totp_enrolments');

-- What was proven in a session again, lately: changes of factors ask for it.
CREATE TABLE session_proofs (
    tenant_id uuid NOT NULL,
    session_id uuid NOT NULL,
    factor text NOT NULL,
    expire_time timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, session_id, factor),
    FOREIGN KEY (tenant_id, session_id) REFERENCES sessions (tenant_id, id) ON DELETE CASCADE
);
SELECT tenant_table('session_proofs');

-- Codes that were sent by SMS and not used. One a login or session and purpose:
-- the last that was sent.
CREATE TABLE sms_codes (
    tenant_id uuid NOT NULL,
    -- The login flow or the session that asked for it, and that alone can use it.
    holder_id uuid NOT NULL,
    -- PROVE: to the enrolled phone. ENROL: to one that is being enrolled.
    purpose text NOT NULL CHECK (purpose IN ('PROVE', 'ENROL')),
    user_id uuid NOT NULL,
    number text NOT NULL,
    -- Keyed, and bound to tenant and holder.
    code_hash bytea NOT NULL,
    expire_time timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, holder_id, purpose),
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX sms_codes_by_user ON sms_codes (tenant_id, user_id);
CREATE INDEX sms_codes_over ON sms_codes (expire_time);
SELECT tenant_table('sms_codes');

-- Messages to phones: the queue, and for a day the count of what went to a
-- number and was asked for by a user.
CREATE TABLE sms_messages (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    -- Keyed: for counting, not for reading.
    number_hash bytea NOT NULL,
    -- Number and text, sealed; NULL once it is over with the message.
    content bytea,
    state text NOT NULL DEFAULT 'QUEUED' CHECK (state IN ('QUEUED', 'SENT', 'FAILED')),
    attempts integer NOT NULL DEFAULT 0,
    next_attempt_time timestamptz NOT NULL DEFAULT clock(),
    -- Who is sending it, and until when that is believed.
    lease_token uuid,
    lease_time timestamptz,
    create_time timestamptz NOT NULL DEFAULT clock(),
    -- When the code in it is over, and with it the message.
    expire_time timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id) ON DELETE CASCADE,
    CHECK ((content IS NULL) = (state <> 'QUEUED'))
);
CREATE INDEX sms_messages_by_number ON sms_messages (tenant_id, number_hash, create_time);
CREATE INDEX sms_messages_by_user ON sms_messages (tenant_id, user_id, create_time);
CREATE INDEX sms_messages_waiting ON sms_messages (next_attempt_time) WHERE state = 'QUEUED';
CREATE INDEX sms_messages_over ON sms_messages (create_time);
SELECT tenant_table('sms_messages');

-- What can be proven is said once, in factors/prove.rs.
ALTER TABLE login_proofs DROP CONSTRAINT IF EXISTS login_proofs_factor_check;

-- What a user has of second factors, and what the tenant asks of them
-- (requirement M-02): the one place that says so.
CREATE VIEW second_factors WITH (security_invoker = true) AS
SELECT u.tenant_id, u.id AS user_id,
    t.mfa_policy,
    t.mfa_policy = 'REQUIRED' AS required,
    t.factor_sms_allowed AS sms_allowed,
    EXISTS (SELECT FROM totp_factors f
            WHERE f.tenant_id = u.tenant_id AND f.user_id = u.id) AS totp_enrolled,
    EXISTS (SELECT FROM sms_factors f
            WHERE f.tenant_id = u.tenant_id AND f.user_id = u.id) AS sms_enrolled,
    (SELECT count(*) FROM recovery_codes c
     WHERE c.tenant_id = u.tenant_id AND c.user_id = u.id)::integer AS recovery_codes_left
FROM users u
JOIN tenants t ON t.tenant_id = u.tenant_id;
