-- The audit trail as a chain (B-83), and what its records had before and have
-- after.

-- The trail is made anew from the feeds, which are kept: from here on each
-- record hangs on the one before it.
TRUNCATE audit_records;
DELETE FROM cursors WHERE consumer = 'audit';

ALTER TABLE audit_records
    -- The place in the tenant's trail, from 1, without gaps.
    ADD COLUMN sequence bigint NOT NULL CHECK (sequence > 0),
    -- What AuditSeal in the contract says.
    ADD COLUMN hash bytea NOT NULL,
    ADD COLUMN actor_email_commitment bytea NOT NULL,
    -- NULL where there is no address, and once it is erased.
    ADD COLUMN actor_email_salt bytea,
    ADD COLUMN changes_commitment bytea NOT NULL;
CREATE UNIQUE INDEX audit_records_in_order ON audit_records (tenant_id, sequence);
CREATE INDEX audit_records_by_action ON audit_records (tenant_id, action, occur_time, id);
CREATE INDEX audit_records_by_address ON audit_records (tenant_id, actor_address, occur_time, id)
    WHERE actor_address <> '';
CREATE INDEX audit_records_by_request ON audit_records (tenant_id, request_id)
    WHERE request_id <> '';

-- The end of each trail. Its row is locked by whoever adds a record.
CREATE TABLE audit_heads (
    tenant_id uuid PRIMARY KEY,
    -- The last record; 0 before the first.
    sequence bigint NOT NULL DEFAULT 0,
    -- Its hash.
    hash bytea NOT NULL DEFAULT decode(repeat('00', 32), 'hex'),
    seal_time timestamptz NOT NULL DEFAULT clock(),
    -- As of an AuditCheckpoint. Empty where a record was added to an end that
    -- was not as the service left it: such a trail is never signed again.
    signature bytea NOT NULL DEFAULT '',
    -- The last record of which a checkpoint was kept.
    checkpoint_sequence bigint NOT NULL DEFAULT 0
);
SELECT tenant_table('audit_heads');

-- Ends as they were, every few minutes.
CREATE TABLE audit_checkpoints (
    tenant_id uuid NOT NULL,
    sequence bigint NOT NULL,
    hash bytea NOT NULL,
    seal_time timestamptz NOT NULL,
    signature bytea NOT NULL,
    PRIMARY KEY (tenant_id, sequence)
);
SELECT tenant_table('audit_checkpoints');

-- What fields of people had before and have after a change. Beside the events,
-- which outlive the people; written with the change, gone with the person.
CREATE TABLE audit_changes (
    tenant_id uuid NOT NULL,
    event_id uuid NOT NULL,
    -- Of whom it tells.
    user_id uuid NOT NULL,
    -- Encoded; see audit/changes.rs.
    changes bytea NOT NULL,
    salt bytea NOT NULL,
    PRIMARY KEY (tenant_id, event_id)
);
CREATE INDEX audit_changes_by_user ON audit_changes (tenant_id, user_id);
SELECT tenant_table('audit_changes');
