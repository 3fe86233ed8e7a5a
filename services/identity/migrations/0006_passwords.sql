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

-- Temporary passwords that are to be mailed. The id is the mail's.
CREATE TABLE password_mails (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    -- The password that an admin specified, sealed, and which it is; NULL where
    -- one is generated while the mail is written.
    password bytea,
    password_id uuid,
    -- Who gets a copy, sealed, and its keyed hash, to count how many they get.
    copy_email bytea,
    copy_hash bytea,
    request_time timestamptz NOT NULL DEFAULT clock(),
    expire_time timestamptz NOT NULL,
    -- When it was sent or given up; nothing sealed is left then.
    end_time timestamptz CHECK (end_time IS NULL OR password IS NULL AND copy_email IS NULL),
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX password_mails_by_user ON password_mails (tenant_id, user_id);
CREATE INDEX password_mails_by_copy ON password_mails (tenant_id, copy_hash, request_time)
    WHERE copy_hash IS NOT NULL;
CREATE INDEX password_mails_over ON password_mails (expire_time);
SELECT tenant_table('password_mails');
