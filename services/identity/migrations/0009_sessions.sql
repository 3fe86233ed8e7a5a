-- The seconds that a session lasts without being used, as the tenant's policy was
-- at the login: asking whether it holds needs no other table.
ALTER TABLE sessions
    ADD COLUMN idle_timeout bigint NOT NULL DEFAULT 28800,
    -- As the client named itself; empty where it did not.
    ADD COLUMN user_agent text NOT NULL DEFAULT '';
ALTER TABLE sessions ALTER COLUMN idle_timeout DROP DEFAULT;

-- Chains of refresh tokens, each of one holder. Its tokens are numbered and
-- sealed, and nothing else of them is kept: see tokens/refresh.rs.
CREATE TABLE refresh_chains (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    session_id uuid NOT NULL,
    -- The number of the token that was made last, which nobody has used.
    newest bigint NOT NULL DEFAULT 1,
    -- The number of the token for which it was made; 0 where that was none.
    parent bigint NOT NULL DEFAULT 0 CHECK (parent < newest),
    create_time timestamptz NOT NULL DEFAULT clock(),
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, session_id) REFERENCES sessions (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX refresh_chains_by_session ON refresh_chains (tenant_id, session_id, create_time);
SELECT tenant_table('refresh_chains');

-- From when on a key signs, where there are others. The keys that are there
-- were made to sign a day later.
ALTER TABLE signing_keys ADD COLUMN sign_time timestamptz;
UPDATE signing_keys SET sign_time = create_time + interval '1 day';
ALTER TABLE signing_keys ALTER COLUMN sign_time SET NOT NULL;

-- Machines (requirement O-02). Their ids are those of subjects, as users' are.
CREATE TABLE service_accounts (
    tenant_id uuid NOT NULL REFERENCES tenants (tenant_id),
    id uuid NOT NULL,
    name text NOT NULL,
    -- The name in lower case: what is unique, and what lists are sorted by.
    name_key text COLLATE "C" NOT NULL,
    description text NOT NULL,
    disable_time timestamptz,
    create_time timestamptz NOT NULL DEFAULT clock(),
    update_time timestamptz NOT NULL DEFAULT clock(),
    version bigint NOT NULL DEFAULT 1,
    PRIMARY KEY (tenant_id, id)
);
CREATE UNIQUE INDEX service_accounts_by_name ON service_accounts (tenant_id, name_key);
SELECT tenant_table('service_accounts');

-- The keys of service accounts. One that is revoked is gone.
CREATE TABLE api_keys (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    service_account_id uuid NOT NULL,
    display_name text NOT NULL,
    -- How the key begins, to find which one somebody uses.
    prefix text NOT NULL,
    key_hash bytea NOT NULL,
    -- The seconds that were asked for, 0 for ever; the next key in its place has
    -- the same.
    lifetime bigint NOT NULL CHECK (lifetime >= 0),
    create_time timestamptz NOT NULL DEFAULT clock(),
    expire_time timestamptz,
    -- Written at most once a minute.
    last_use_time timestamptz,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, service_account_id)
        REFERENCES service_accounts (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX api_keys_by_hash ON api_keys (key_hash);
CREATE INDEX api_keys_by_account ON api_keys (tenant_id, service_account_id, create_time, id);
CREATE INDEX api_keys_over ON api_keys (expire_time) WHERE expire_time IS NOT NULL;
SELECT tenant_table('api_keys');
