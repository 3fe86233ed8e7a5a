-- Passwords that end: temporary ones, old ones, and those that were before.

ALTER TABLE passwords
    -- Another with every password. A new hash of the same password keeps it.
    ADD COLUMN id uuid NOT NULL DEFAULT gen_random_uuid(),
    -- It must be changed at the next login.
    ADD COLUMN temporary boolean NOT NULL DEFAULT false,
    -- From when on nobody can log in with it; only temporary ones end.
    ADD COLUMN expire_time timestamptz CHECK (temporary OR expire_time IS NULL),
    -- When the user was told that it must be changed soon.
    ADD COLUMN notice_time timestamptz;
COMMENT ON COLUMN passwords.key_version IS
    'The version of the key; 0 where another system made the hash, over the password itself';
-- Those that get too old, and those that end.
CREATE INDEX passwords_by_age ON passwords (tenant_id, change_time) WHERE expire_time IS NULL;
-- Those whose users are still to be told.
CREATE INDEX passwords_untold ON passwords (tenant_id, change_time)
    WHERE notice_time IS NULL AND NOT temporary AND expire_time IS NULL;
CREATE INDEX passwords_by_end ON passwords (tenant_id, expire_time) WHERE expire_time IS NOT NULL;

-- What cannot be used again, as many as the policy asks for.
CREATE TABLE former_passwords (
    tenant_id uuid NOT NULL,
    user_id uuid NOT NULL,
    id uuid NOT NULL,
    hash text NOT NULL,
    key_version smallint NOT NULL,
    end_time timestamptz NOT NULL DEFAULT clock(),
    PRIMARY KEY (tenant_id, user_id, id),
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id) ON DELETE CASCADE
);
SELECT tenant_table('former_passwords');

-- How many passwords were refused in a login, or for a link.
ALTER TABLE login_flows ADD COLUMN refusals smallint NOT NULL DEFAULT 0;
ALTER TABLE reset_tokens ADD COLUMN refusals smallint NOT NULL DEFAULT 0;

-- Temporary passwords that are to be mailed. The id is the mail's.
CREATE TABLE password_mails (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    -- The password that an admin specified, sealed, and which it is; NULL where
    -- one is generated while the mail is written.
    password bytea,
    password_id uuid,
    -- Who gets a copy, sealed.
    copy_email bytea,
    request_time timestamptz NOT NULL DEFAULT clock(),
    expire_time timestamptz NOT NULL,
    -- When it was sent or given up; nothing sealed is left then.
    end_time timestamptz CHECK (end_time IS NULL OR password IS NULL AND copy_email IS NULL),
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX password_mails_by_user ON password_mails (tenant_id, user_id);
CREATE INDEX password_mails_over ON password_mails (expire_time);
SELECT tenant_table('password_mails');

-- How many mails went to an address, whoever had it: deleting a user gives nobody
-- room for more. In the place of reset_requests, which went with the user.
DROP TABLE reset_requests;
CREATE TABLE address_mails (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    -- Keyed, so that nobody finds an address here who does not have the key.
    address_hash bytea NOT NULL,
    -- Each is counted for itself.
    occasion text NOT NULL CHECK (occasion IN ('ASKED_FOR', 'BY_ADMIN', 'COPY', 'CHANGE')),
    request_time timestamptz NOT NULL DEFAULT clock(),
    PRIMARY KEY (tenant_id, id)
);
CREATE INDEX address_mails_by_address
    ON address_mails (tenant_id, address_hash, occasion, request_time);
CREATE INDEX address_mails_over ON address_mails (request_time);
SELECT tenant_table('address_mails');
