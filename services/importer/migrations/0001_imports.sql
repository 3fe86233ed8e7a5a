-- Files of people on their way to being users. Run by store::migrate as
-- usher_owner with the service's schema as search_path, after the tables every
-- service has.

CREATE TABLE imports (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    file_name text NOT NULL,
    -- SHA-256 of the file: a repeated upload is known by it.
    file_hash bytea NOT NULL,
    upload_user_id uuid NOT NULL,
    request_id uuid,
    state text NOT NULL DEFAULT 'REVIEW' CHECK (state IN ('REVIEW', 'COMMITTING', 'DONE', 'CANCELLED')),
    encoding text NOT NULL,
    delimiter text NOT NULL,
    byte_order_mark boolean NOT NULL,
    -- Changed with each row by what changes of it; each row is in exactly one of
    -- the first six.
    good integer NOT NULL DEFAULT 0,
    flagged integer NOT NULL DEFAULT 0,
    wrong integer NOT NULL DEFAULT 0,
    duplicate integer NOT NULL DEFAULT 0,
    blank integer NOT NULL DEFAULT 0,
    dropped integer NOT NULL DEFAULT 0,
    existing integer NOT NULL DEFAULT 0,
    -- As of the commit. During the review it is counted when asked for, because
    -- the seats of the tenant change meanwhile.
    over_seats integer NOT NULL DEFAULT 0,

    -- The commit: who said so, how it is to be done, and how far it has come.
    commit_user_id uuid,
    commit_home_tenant_id uuid,
    commit_address text,
    existing_users text CHECK (existing_users IN ('SKIP', 'FAIL')),
    without_mails boolean NOT NULL DEFAULT false,
    language text NOT NULL DEFAULT '',
    -- How many rows are done in one go. Kept from the beginning of the commit to
    -- its end, whatever the replicas that work on it are configured with: a
    -- chunk that broke off is asked for again in the same words.
    chunk_rows integer NOT NULL DEFAULT 200 CHECK (chunk_rows BETWEEN 1 AND 500),
    rows_total integer NOT NULL DEFAULT 0,
    rows_created integer NOT NULL DEFAULT 0,
    rows_skipped integer NOT NULL DEFAULT 0,
    rows_failed integer NOT NULL DEFAULT 0,
    rows_per_second double precision NOT NULL DEFAULT 0,
    -- Every row up to this line has its outcome.
    checkpoint_line integer NOT NULL DEFAULT 0,
    -- A caller asked the worker to stop.
    cancelled boolean NOT NULL DEFAULT false,
    failure text NOT NULL DEFAULT '',
    -- Who works on the commit, and until when nobody else does.
    lease_id uuid,
    lease_end_time timestamptz,
    -- When a worker last took it up.
    work_time timestamptz,

    version bigint NOT NULL DEFAULT 1,
    create_time timestamptz NOT NULL DEFAULT clock(),
    end_time timestamptz,
    PRIMARY KEY (tenant_id, id),
    CHECK (state <> 'COMMITTING' OR commit_user_id IS NOT NULL)
);
CREATE UNIQUE INDEX imports_by_request ON imports (tenant_id, upload_user_id, request_id)
    WHERE request_id IS NOT NULL;
CREATE INDEX imports_to_commit ON imports (id) WHERE state = 'COMMITTING';
CREATE INDEX imports_by_turn ON imports (tenant_id, work_time);
CREATE INDEX imports_in_review ON imports (tenant_id) WHERE state = 'REVIEW';
SELECT tenant_table('imports');

-- No foreign key to imports: rows are written once, in the transaction of their
-- import, and the check would cost as much as the writing.
CREATE TABLE import_rows (
    tenant_id uuid NOT NULL,
    import_id uuid NOT NULL,
    line integer NOT NULL,
    -- As in the file, trimmed.
    email text NOT NULL,
    -- By which rows are duplicates. A column, because under row level security
    -- no index on an expression is used.
    address text COLLATE "C" NOT NULL GENERATED ALWAYS AS (lower(email COLLATE "C")) STORED,
    first_name text NOT NULL,
    last_name text NOT NULL,
    role text NOT NULL,
    -- What the role resolves to; NULL where the tenant has no default role.
    role_id uuid,
    -- The role in lower case, where the tenant has none of this name: what a
    -- mapping goes by.
    unknown_role text,
    default_group boolean NOT NULL,
    -- What the row is by itself, and what it is among the others: of the good
    -- and flagged rows of one address, all but the first are duplicates.
    verdict text NOT NULL CHECK (verdict IN ('GOOD', 'FLAGGED', 'WRONG', 'BLANK', 'DROPPED')),
    state text NOT NULL CHECK (state IN ('GOOD', 'FLAGGED', 'WRONG', 'DUPLICATE', 'BLANK', 'DROPPED')),
    -- What makes it wrong: a list of {field, description}.
    problems jsonb,
    existing boolean NOT NULL,
    outcome text CHECK (outcome IN ('CREATED', 'SKIPPED', 'FAILED')),
    user_id uuid,
    failure text NOT NULL DEFAULT '',
    PRIMARY KEY (tenant_id, import_id, line)
);
CREATE INDEX import_rows_not_good ON import_rows (tenant_id, import_id, state, line) WHERE state <> 'GOOD';
CREATE INDEX import_rows_by_address ON import_rows (tenant_id, import_id, address, line)
    WHERE verdict IN ('GOOD', 'FLAGGED');
CREATE INDEX import_rows_by_unknown_role ON import_rows (tenant_id, import_id, unknown_role)
    WHERE unknown_role IS NOT NULL;
CREATE INDEX import_rows_by_user ON import_rows (tenant_id, user_id) WHERE user_id IS NOT NULL;
SELECT tenant_table('import_rows');

-- What a caller made of the role names that the tenant does not know.
CREATE TABLE import_roles (
    tenant_id uuid NOT NULL,
    import_id uuid NOT NULL,
    -- Trimmed, in lower case.
    name text NOT NULL,
    role_id uuid NOT NULL,
    PRIMARY KEY (tenant_id, import_id, name)
);
SELECT tenant_table('import_roles');
