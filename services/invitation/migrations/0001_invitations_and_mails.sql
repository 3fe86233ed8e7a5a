-- Invitations, and every mail with its delivery.

CREATE TABLE invitations (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    -- The user who waits for the invitee. The id is chosen here, before
    -- identity has the user, so that every step can be repeated.
    user_id uuid NOT NULL,
    email text NOT NULL,
    -- The address as it is compared: in lower case.
    email_key text NOT NULL,
    first_name text NOT NULL,
    last_name text NOT NULL,
    role_ids uuid[] NOT NULL,
    project_ids uuid[] NOT NULL,
    default_group boolean NOT NULL,
    language text NOT NULL,
    without_mail boolean NOT NULL,
    inviter_user_id uuid,
    -- Where the inviter lives; another tenant where an operator invited.
    inviter_home_tenant_id uuid,
    inviter_name text NOT NULL,
    inviter_email text NOT NULL,
    inviter_hidden boolean NOT NULL,
    -- EXPIRED is not a state: it is pending with a past expire_time.
    state text NOT NULL CHECK (state IN ('preparing', 'pending', 'accepting', 'accepted', 'declined')),
    -- Taken back by an admin: not listed any more, and worth no roles. The row
    -- stays while the person may finish an account with its link.
    revoked boolean NOT NULL DEFAULT false,
    -- The keyed hash of the link's secret; NULL until a mail was rendered.
    token_hash bytea CHECK (length(token_hash) = 32),
    -- The one mail that may set token_hash; asking for another replaces it.
    mail_id uuid,
    -- Somebody is at work on the row until then. A lease that ended unfinished
    -- was left by a crash: anybody may take it over and finish or undo.
    lease_time timestamptz,
    -- Who holds the lease; whoever lost it changes nothing any more.
    lease_token uuid,
    -- Which call made the row, and which of its drafts, so that a repeated
    -- call goes on with the same rows.
    request_key text NOT NULL,
    request_index integer NOT NULL,
    request_hash bytea NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    create_time timestamptz NOT NULL DEFAULT clock(),
    expire_time timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, request_key, request_index)
);
-- One open invitation an address.
CREATE UNIQUE INDEX invitations_open ON invitations (tenant_id, email_key)
    WHERE NOT revoked AND state IN ('preparing', 'pending', 'accepting');
CREATE INDEX invitations_by_user ON invitations (tenant_id, user_id);
CREATE INDEX invitations_by_inviter ON invitations (tenant_id, inviter_user_id);
CREATE INDEX invitations_by_state ON invitations (tenant_id, state, id)
    INCLUDE (expire_time, inviter_email) WHERE NOT revoked;
CREATE INDEX invitations_declined ON invitations (tenant_id, email_key) WHERE state = 'declined';
CREATE INDEX invitations_over ON invitations (expire_time) WHERE state = 'declined';
CREATE INDEX invitations_revoked ON invitations (tenant_id, email_key) WHERE revoked;
-- Across tenants: the token of a link is all that an invitee brings along.
CREATE INDEX invitations_by_token ON invitations (token_hash) WHERE token_hash IS NOT NULL;
CREATE INDEX invitations_unfinished ON invitations (lease_time) WHERE lease_time IS NOT NULL;
SELECT tenant_table('invitations');

CREATE TABLE mails (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('invitation', 'password_reset')),
    user_id uuid NOT NULL,
    invitation_id uuid,
    -- Where it goes; empty until it is first sent where identity knows better.
    email text NOT NULL,
    -- What addresses are compared by. A column, because under row level security
    -- no index on an expression is used.
    email_key text COLLATE "C" NOT NULL GENERATED ALWAYS AS (lower(email COLLATE "C")) STORED,
    -- The part behind the @, in lower case: a slow one must not stop others.
    domain text NOT NULL,
    language text NOT NULL,
    -- 0: a person waits for it. 1: one of many.
    priority smallint NOT NULL,
    state text NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'sent', 'failed', 'dropped')),
    attempts integer NOT NULL DEFAULT 0,
    next_attempt_time timestamptz NOT NULL DEFAULT clock(),
    -- As in invitations: who is sending it, and until when that is believed.
    lease_time timestamptz,
    lease_token uuid,
    -- What the mail server last said. Never holds a secret.
    last_answer text NOT NULL DEFAULT '',
    create_time timestamptz NOT NULL DEFAULT clock(),
    send_time timestamptz,
    PRIMARY KEY (tenant_id, id)
);
CREATE INDEX mails_by_user ON mails (tenant_id, user_id, id);
-- How many were sent to an address lately.
CREATE INDEX mails_by_address ON mails (tenant_id, email_key, create_time)
    WHERE kind = 'invitation' AND state <> 'dropped';
CREATE INDEX mails_by_invitation ON mails (tenant_id, invitation_id) WHERE invitation_id IS NOT NULL;
CREATE INDEX mails_waiting ON mails (priority, next_attempt_time) WHERE state = 'queued';
SELECT tenant_table('mails');
