-- The devices from which users log in (requirement M-05, B-3).
CREATE TABLE devices (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    -- The keyed hash of the device's token.
    token_hash bytea NOT NULL,
    -- What the device called itself.
    name text NOT NULL,
    -- The address of the last login; empty where unknown.
    address text NOT NULL,
    create_time timestamptz NOT NULL DEFAULT clock(),
    last_use_time timestamptz NOT NULL DEFAULT clock(),
    -- Until when the second factor is skipped.
    trust_end_time timestamptz,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX devices_by_user ON devices (tenant_id, user_id, create_time, id);
CREATE INDEX devices_over ON devices (last_use_time);
SELECT tenant_table('devices');

-- The device of the user that a login presented the token of, and what else it
-- asked for. No foreign key: a device may be forgotten while a login goes on,
-- which then comes from a new one.
ALTER TABLE login_flows
    ADD COLUMN device_id uuid,
    ADD COLUMN device_name text NOT NULL DEFAULT '',
    ADD COLUMN trust_device boolean NOT NULL DEFAULT false;

-- The device from which a session was begun. No foreign key: the session holds
-- on where the device is forgotten by and by.
ALTER TABLE sessions ADD COLUMN device_id uuid;
CREATE INDEX sessions_by_device ON sessions (tenant_id, device_id) WHERE device_id IS NOT NULL;

-- Devices and network addresses have a row here too, each under an id of its
-- own in user_id: all budgets are charged by the same statement. A lock by an
-- admin holds for all devices as well, and until an admin ends it.
ALTER TABLE attempts ADD COLUMN by_admin boolean NOT NULL DEFAULT false;
