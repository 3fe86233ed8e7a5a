-- Who exists, and how they prove it. Run by store::migrate as usher_owner with
-- the service's schema as search_path, after the tables every service has.

-- The tenants of the installation. The name is the one unique key that does
-- not begin with tenant_id: it is how a person who is not signed in names
-- their tenant, so it is unique across tenants by meaning.
CREATE TABLE tenants (
    tenant_id uuid PRIMARY KEY,
    name text NOT NULL,
    display_name text NOT NULL,
    mfa_policy text NOT NULL CHECK (mfa_policy IN ('OFF', 'OPTIONAL', 'REQUIRED')),
    language text NOT NULL,
    -- The RoleSet of authorization, by the number of its value.
    role_set integer NOT NULL,
    -- PREPARING until authorization has made the roles. The row is the saga's
    -- log: a worker finishes what a crash left. A tenant that is being prepared
    -- is not there for anybody else.
    state text NOT NULL DEFAULT 'PREPARING' CHECK (state IN ('PREPARING', 'ACTIVE')),
    -- Who asked for the tenant, with which request: the same request goes on
    -- where it stopped. For the platform tenant, the first operator.
    creator_user_id uuid,
    creator_tenant_id uuid,
    creator_address text,
    request_id text NOT NULL DEFAULT '',
    create_time timestamptz NOT NULL DEFAULT clock(),
    update_time timestamptz NOT NULL DEFAULT clock(),
    version bigint NOT NULL DEFAULT 1
);
CREATE UNIQUE INDEX tenants_by_name ON tenants (name);
CREATE INDEX tenants_preparing ON tenants (update_time) WHERE state = 'PREPARING';
SELECT tenant_table('tenants');

CREATE TABLE users (
    tenant_id uuid NOT NULL REFERENCES tenants (tenant_id),
    id uuid NOT NULL,
    first_name text NOT NULL,
    last_name text NOT NULL,
    username text NOT NULL,
    email text NOT NULL,
    language text NOT NULL,
    -- What the names are compared, sorted and searched by; see users/names.rs.
    username_key text NOT NULL,
    email_key text NOT NULL,
    sort_key text COLLATE "C" NOT NULL,
    search_text text COLLATE "C" NOT NULL,
    -- When credentials were set; NULL for a person who has not accepted yet.
    setup_time timestamptz,
    disable_time timestamptz,
    -- Derived, so that nobody can set it wrong (requirement U-02).
    status text NOT NULL GENERATED ALWAYS AS (
        CASE WHEN disable_time IS NOT NULL THEN 'INACTIVE'
             WHEN setup_time IS NULL THEN 'INVITED'
             ELSE 'ACTIVE' END) STORED,
    last_login_time timestamptz,
    create_time timestamptz NOT NULL DEFAULT clock(),
    update_time timestamptz NOT NULL DEFAULT clock(),
    version bigint NOT NULL DEFAULT 1,
    PRIMARY KEY (tenant_id, id)
);
CREATE UNIQUE INDEX users_by_username ON users (tenant_id, username_key);
CREATE UNIQUE INDEX users_by_email ON users (tenant_id, email_key);
CREATE INDEX users_sorted ON users (tenant_id, sort_key, id);
SELECT tenant_table('users');

-- Apart from users, so that no query about people reads a hash by accident.
CREATE TABLE passwords (
    tenant_id uuid NOT NULL,
    user_id uuid NOT NULL,
    -- argon2id in PHC form, over the HMAC of the password under this version
    -- of the service's key.
    hash text NOT NULL,
    key_version smallint NOT NULL,
    change_time timestamptz NOT NULL DEFAULT clock(),
    PRIMARY KEY (tenant_id, user_id),
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id) ON DELETE CASCADE
);
SELECT tenant_table('passwords');

-- Enrolled authenticators.
CREATE TABLE totp_factors (
    tenant_id uuid NOT NULL,
    user_id uuid NOT NULL,
    -- Sealed, bound to tenant and user.
    secret bytea NOT NULL,
    -- The step of the last code that was accepted (RFC 6238): a code of this
    -- step or an earlier one is refused.
    last_step bigint NOT NULL,
    enrol_time timestamptz NOT NULL DEFAULT clock(),
    PRIMARY KEY (tenant_id, user_id),
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id) ON DELETE CASCADE
);
SELECT tenant_table('totp_factors');

-- The budget of wrong answers of a user, one over all factors and paths. No
-- foreign key: unknown usernames have a budget too, under an id made of the
-- name, so that they cost and look the same.
CREATE TABLE attempts (
    tenant_id uuid NOT NULL,
    user_id uuid NOT NULL,
    failures integer NOT NULL CHECK (failures >= 0),
    -- Wrong answers since the user last logged in, which no window ends.
    in_a_row integer NOT NULL DEFAULT 0,
    -- Those of them that were second factors: who reads the user's mail sets
    -- another password, and has proven none of these.
    factors_in_a_row integer NOT NULL DEFAULT 0,
    -- Answers that are being checked, each charged before the check.
    pending integer NOT NULL CHECK (pending >= 0),
    -- When those that are still pending count no more: a process that was
    -- killed settles nothing.
    lease_end_time timestamptz NOT NULL,
    -- When the count starts anew.
    window_end_time timestamptz NOT NULL,
    lock_time timestamptz,
    unlock_time timestamptz,
    PRIMARY KEY (tenant_id, user_id)
);
CREATE INDEX attempts_over ON attempts (window_end_time) WHERE in_a_row = 0;
SELECT tenant_table('attempts');

-- Logins that want more proofs.
CREATE TABLE login_flows (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    token_hash bytea NOT NULL,
    -- Whether the user asked to enrol an authenticator.
    enrol_totp boolean NOT NULL,
    -- The sealed secret of an authenticator that is being enrolled.
    totp_secret bytea,
    create_time timestamptz NOT NULL DEFAULT clock(),
    expire_time timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX login_flows_by_token ON login_flows (token_hash);
CREATE INDEX login_flows_by_user ON login_flows (tenant_id, user_id);
CREATE INDEX login_flows_over ON login_flows (expire_time);
SELECT tenant_table('login_flows');

-- What was proven in a flow. The assurance level of a session is counted from
-- these rows and from nothing else.
CREATE TABLE login_proofs (
    tenant_id uuid NOT NULL,
    flow_id uuid NOT NULL,
    factor text NOT NULL CHECK (factor IN ('PASSWORD', 'TOTP')),
    prove_time timestamptz NOT NULL DEFAULT clock(),
    PRIMARY KEY (tenant_id, flow_id, factor),
    FOREIGN KEY (tenant_id, flow_id) REFERENCES login_flows (tenant_id, id) ON DELETE CASCADE
);
SELECT tenant_table('login_proofs');

-- Sessions that hold. One that has ended is gone.
CREATE TABLE sessions (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    token_hash bytea NOT NULL,
    assurance_level smallint NOT NULL CHECK (assurance_level > 0),
    address text NOT NULL,
    create_time timestamptz NOT NULL DEFAULT clock(),
    expire_time timestamptz NOT NULL,
    -- Written at most once a minute.
    last_use_time timestamptz NOT NULL DEFAULT clock(),
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX sessions_by_token ON sessions (token_hash);
CREATE INDEX sessions_by_user ON sessions (tenant_id, user_id);
CREATE INDEX sessions_over ON sessions (expire_time);
SELECT tenant_table('sessions');

-- The mails that were asked for, to bound how many go to one user.
CREATE TABLE reset_requests (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    request_time timestamptz NOT NULL DEFAULT clock(),
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX reset_requests_by_user ON reset_requests (tenant_id, user_id, request_time);
CREATE INDEX reset_requests_over ON reset_requests (request_time);
SELECT tenant_table('reset_requests');

-- The tokens of password-reset links.
CREATE TABLE reset_tokens (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    token_hash bytea NOT NULL,
    create_time timestamptz NOT NULL DEFAULT clock(),
    expire_time timestamptz NOT NULL,
    use_time timestamptz,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX reset_tokens_by_token ON reset_tokens (token_hash);
CREATE INDEX reset_tokens_by_user ON reset_tokens (tenant_id, user_id);
CREATE INDEX reset_tokens_over ON reset_tokens (expire_time);
SELECT tenant_table('reset_tokens');

-- The keys that sign tokens. Of the installation, not of a tenant.
CREATE TABLE signing_keys (
    id text PRIMARY KEY,
    public_key bytea NOT NULL,
    -- PKCS #8, sealed.
    private_key bytea NOT NULL,
    create_time timestamptz NOT NULL DEFAULT clock()
);

-- What happened, from the feeds of all services (requirement O-03). No foreign
-- key: the trail outlives what it tells of.
CREATE TABLE audit_records (
    tenant_id uuid NOT NULL,
    -- The id of the event.
    id uuid NOT NULL,
    occur_time timestamptz NOT NULL,
    producer text NOT NULL,
    action text NOT NULL,
    actor_user_id uuid,
    actor_service text NOT NULL,
    actor_address text NOT NULL,
    actor_home_tenant_id uuid,
    actor_email text NOT NULL,
    target_id uuid,
    request_id text NOT NULL,
    event_type text NOT NULL,
    event bytea NOT NULL,
    PRIMARY KEY (tenant_id, id)
);
CREATE INDEX audit_records_by_time ON audit_records (tenant_id, occur_time, id);
CREATE INDEX audit_records_by_actor ON audit_records (tenant_id, actor_user_id, occur_time, id);
CREATE INDEX audit_records_by_target ON audit_records (tenant_id, target_id, occur_time, id);
SELECT tenant_table('audit_records');
