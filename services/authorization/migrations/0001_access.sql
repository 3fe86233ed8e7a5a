-- One row a tenant: its revision. Every change of access locks this row before
-- anything else and raises the revision before it commits, so that the order of
-- revisions is the order of commits, and rules such as "never the last admin"
-- are decided by one change after the other.
CREATE TABLE tenants (
    tenant_id uuid PRIMARY KEY,
    role_set text NOT NULL,
    revision bigint NOT NULL,
    -- The revision of the last change of roles or projects: what is cached of
    -- them is good for as long as it is at least this new.
    structure_revision bigint NOT NULL,
    create_time timestamptz NOT NULL DEFAULT clock(),
    CHECK (structure_revision <= revision)
);
SELECT tenant_table('tenants');

-- The users of a tenant, as far as roles concern them; learned from identity.
CREATE TABLE subjects (
    tenant_id uuid NOT NULL,
    user_id uuid NOT NULL,
    suspended boolean NOT NULL DEFAULT false,
    -- Stays when a user is deleted, so that a grant that was on its way then
    -- finds nobody to give to. The row holds the id and nothing else.
    erased boolean NOT NULL DEFAULT false,
    -- Whether an admin locked the account: what the user holds counts on, but they
    -- are not counted as an admin.
    locked boolean NOT NULL DEFAULT false,
    -- When identity was let disable, lock or delete the user: from then on they are
    -- not counted as an admin, so that of two who remove each other one fails.
    leave_time timestamptz,
    PRIMARY KEY (tenant_id, user_id)
);
-- Those of whom identity is still to be heard; see departures.rs.
CREATE INDEX subjects_leaving ON subjects (leave_time)
    WHERE leave_time IS NOT NULL AND NOT suspended AND NOT locked AND NOT erased;
SELECT tenant_table('subjects');

CREATE TABLE roles (
    tenant_id uuid NOT NULL REFERENCES tenants,
    id uuid NOT NULL,
    name text NOT NULL,
    aliases text[] NOT NULL DEFAULT '{}',
    display_name text NOT NULL,
    description text NOT NULL,
    -- As written, wildcards and all; what they cover is the catalogue's to say.
    permissions text[] NOT NULL,
    predefined boolean NOT NULL,
    licensed boolean NOT NULL DEFAULT false,
    is_default boolean NOT NULL,
    PRIMARY KEY (tenant_id, id)
);
CREATE UNIQUE INDEX roles_name ON roles (tenant_id, lower(name));
CREATE UNIQUE INDEX roles_default ON roles (tenant_id) WHERE is_default;
SELECT tenant_table('roles');

CREATE TABLE projects (
    tenant_id uuid NOT NULL REFERENCES tenants,
    id uuid NOT NULL,
    name text NOT NULL,
    -- Who left the Default Group reaches the projects that are older than that.
    create_revision bigint NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    create_time timestamptz NOT NULL DEFAULT clock(),
    PRIMARY KEY (tenant_id, id)
);
CREATE UNIQUE INDEX projects_name ON projects (tenant_id, lower(name));
SELECT tenant_table('projects');

CREATE TABLE role_bindings (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    role_id uuid NOT NULL,
    project_id uuid,
    pending boolean NOT NULL,
    create_time timestamptz NOT NULL DEFAULT clock(),
    PRIMARY KEY (tenant_id, id),
    UNIQUE NULLS NOT DISTINCT (tenant_id, user_id, role_id, project_id),
    FOREIGN KEY (tenant_id, user_id) REFERENCES subjects,
    FOREIGN KEY (tenant_id, role_id) REFERENCES roles,
    FOREIGN KEY (tenant_id, project_id) REFERENCES projects
);
CREATE INDEX role_bindings_role ON role_bindings (tenant_id, role_id, user_id, id);
CREATE INDEX role_bindings_project ON role_bindings (tenant_id, project_id, user_id, id) WHERE project_id IS NOT NULL;
SELECT tenant_table('role_bindings');

CREATE TABLE groups (
    tenant_id uuid NOT NULL REFERENCES tenants,
    id uuid NOT NULL,
    name text NOT NULL,
    is_default boolean NOT NULL,
    PRIMARY KEY (tenant_id, id)
);
CREATE UNIQUE INDEX groups_name ON groups (tenant_id, lower(name));
CREATE UNIQUE INDEX groups_default ON groups (tenant_id) WHERE is_default;
SELECT tenant_table('groups');

CREATE TABLE group_members (
    tenant_id uuid NOT NULL,
    group_id uuid NOT NULL,
    user_id uuid NOT NULL,
    pending boolean NOT NULL,
    join_time timestamptz NOT NULL DEFAULT clock(),
    -- Set when somebody leaves the Default Group: a former member keeps the
    -- projects that there were at this revision (requirement A-08).
    left_revision bigint,
    PRIMARY KEY (tenant_id, group_id, user_id),
    FOREIGN KEY (tenant_id, group_id) REFERENCES groups,
    FOREIGN KEY (tenant_id, user_id) REFERENCES subjects
);
CREATE INDEX group_members_user ON group_members (tenant_id, user_id);
SELECT tenant_table('group_members');

-- The seat counter. The CHECK is the last line of defence: whatever a change
-- does, no more seats are sold than there are.
CREATE TABLE seats (
    tenant_id uuid PRIMARY KEY REFERENCES tenants,
    total integer NOT NULL,
    used integer NOT NULL,
    -- The etag of the licence.
    version bigint NOT NULL DEFAULT 1,
    CONSTRAINT seats_never_oversold CHECK (used BETWEEN 0 AND total)
);
SELECT tenant_table('seats');

-- Who uses a seat: each user with at least one binding to a licensed role, be
-- it live or pending, be the user enabled or not.
CREATE TABLE seat_holders (
    tenant_id uuid NOT NULL,
    user_id uuid NOT NULL,
    start_time timestamptz NOT NULL DEFAULT clock(),
    PRIMARY KEY (tenant_id, user_id),
    FOREIGN KEY (tenant_id, user_id) REFERENCES subjects
);
SELECT tenant_table('seat_holders');
