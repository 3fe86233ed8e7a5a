-- Actions on many users, and what the other services still hold of deleted ones.

CREATE TABLE bulk_operations (
    tenant_id uuid NOT NULL REFERENCES tenants (tenant_id),
    id uuid NOT NULL,
    action text NOT NULL CHECK (action IN (
        'DELETE', 'DISABLE', 'ENABLE', 'RESET_FACTORS', 'RESEND_INVITATION')),
    state text NOT NULL DEFAULT 'RUNNING' CHECK (state IN ('RUNNING', 'DONE', 'CANCELLED', 'DENIED')),
    -- Who asked for it, and from where: the worker acts as they.
    creator_user_id uuid NOT NULL,
    creator_tenant_id uuid NOT NULL,
    creator_address text,
    total integer NOT NULL,
    -- Every user up to this place has a result.
    checkpoint integer NOT NULL DEFAULT 0 CHECK (checkpoint <= total),
    -- Of those, the ones to whom it was not done.
    skipped integer NOT NULL DEFAULT 0,
    refused integer NOT NULL DEFAULT 0,
    -- Who works on it, and until when nobody else does.
    lease_id uuid,
    lease_end_time timestamptz,
    -- When a worker last took it up.
    work_time timestamptz,
    create_time timestamptz NOT NULL DEFAULT clock(),
    end_time timestamptz,
    PRIMARY KEY (tenant_id, id)
);
CREATE INDEX bulk_operations_running ON bulk_operations (tenant_id) WHERE state = 'RUNNING';
CREATE INDEX bulk_operations_by_turn ON bulk_operations (tenant_id, work_time);
CREATE INDEX bulk_operations_over ON bulk_operations (end_time) WHERE end_time IS NOT NULL;
SELECT tenant_table('bulk_operations');

-- The users of an operation, frozen when it was asked for. No foreign key to
-- users: the result of a deletion outlives the user, by their id alone.
CREATE TABLE bulk_results (
    tenant_id uuid NOT NULL,
    operation_id uuid NOT NULL,
    -- From 1 on, in the order of turns.
    place integer NOT NULL,
    user_id uuid NOT NULL,
    outcome text CHECK (outcome IN ('DONE', 'SKIPPED', 'REFUSED')),
    reason text NOT NULL DEFAULT '',
    reason_domain text NOT NULL DEFAULT '',
    end_time timestamptz,
    PRIMARY KEY (tenant_id, operation_id, place),
    FOREIGN KEY (tenant_id, operation_id) REFERENCES bulk_operations (tenant_id, id) ON DELETE CASCADE
);
SELECT tenant_table('bulk_results');

-- Deleted users, until long after every service has erased what it held of them.
CREATE TABLE erasures (
    tenant_id uuid NOT NULL,
    user_id uuid NOT NULL,
    -- The services that have not said so yet.
    pending_services text[] NOT NULL,
    create_time timestamptz NOT NULL DEFAULT clock(),
    end_time timestamptz,
    PRIMARY KEY (tenant_id, user_id)
);
CREATE INDEX erasures_by_time ON erasures (tenant_id, create_time, user_id);
CREATE INDEX erasures_pending ON erasures (create_time) WHERE end_time IS NULL;
CREATE INDEX erasures_over ON erasures (end_time) WHERE end_time IS NOT NULL;
SELECT tenant_table('erasures');
