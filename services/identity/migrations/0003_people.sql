-- What else is known of people, the domains of their usernames, and what each
-- tenant wants to know of its own.
ALTER TABLE users
    ADD COLUMN phone text NOT NULL DEFAULT '',
    ADD COLUMN time_zone text NOT NULL DEFAULT '',
    ADD COLUMN avatar_uri text NOT NULL DEFAULT '',
    ADD COLUMN authentication_provider text NOT NULL DEFAULT 'LOCAL'
        CHECK (authentication_provider IN ('LOCAL')),
    ADD COLUMN active_directory_id uuid,
    ADD COLUMN classification_level_id uuid,
    -- The values of the tenant's own properties by name: texts, numbers, booleans.
    ADD COLUMN properties jsonb NOT NULL DEFAULT '{}';

-- The domains of a tenant. One that is not proven counts for nothing, so any
-- number of tenants may have added it.
CREATE TABLE domains (
    tenant_id uuid NOT NULL REFERENCES tenants (tenant_id),
    name text COLLATE "C" NOT NULL,
    -- What the TXT record is to hold.
    challenge text NOT NULL,
    create_time timestamptz NOT NULL DEFAULT clock(),
    verify_time timestamptz,
    PRIMARY KEY (tenant_id, name)
);
-- Unique across tenants by meaning: a domain is proven by one at a time.
CREATE UNIQUE INDEX domains_proven ON domains (name) WHERE verify_time IS NOT NULL;
SELECT tenant_table('domains');

-- In the row of the tenant, so that there is never more than one.
ALTER TABLE tenants
    ADD COLUMN primary_domain text COLLATE "C",
    ADD FOREIGN KEY (tenant_id, primary_domain) REFERENCES domains (tenant_id, name);

-- The properties that a tenant defined for its users.
CREATE TABLE properties (
    tenant_id uuid NOT NULL REFERENCES tenants (tenant_id),
    name text COLLATE "C" NOT NULL,
    display_name text NOT NULL,
    type text NOT NULL CHECK (type IN ('TEXT', 'NUMBER', 'BOOLEAN', 'DATE', 'CHOICE')),
    required boolean NOT NULL,
    choices text[] NOT NULL,
    -- As in users.properties; NULL where there is none.
    default_value jsonb,
    user_editable boolean NOT NULL,
    create_time timestamptz NOT NULL DEFAULT clock(),
    update_time timestamptz NOT NULL DEFAULT clock(),
    version bigint NOT NULL DEFAULT 1,
    -- Since when it is deleted: nobody sees it, and a worker takes its values away,
    -- of users by id. It is done with all up to this one; then the row goes too.
    delete_time timestamptz,
    cleared_user_id uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
    PRIMARY KEY (tenant_id, name)
);
CREATE INDEX properties_deleted ON properties (tenant_id, name) WHERE delete_time IS NOT NULL;
SELECT tenant_table('properties');

-- Addresses that users had, for as long as it takes to tell who reads there.
CREATE TABLE email_changes (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    -- Sealed, bound to tenant and change.
    former_email bytea NOT NULL,
    expire_time timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX email_changes_by_user ON email_changes (tenant_id, user_id);
CREATE INDEX email_changes_over ON email_changes (expire_time);
SELECT tenant_table('email_changes');
