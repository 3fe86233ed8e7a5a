-- The policy of a tenant: how its users prove who they are, and for how long
-- that holds. The defaults are those that the contract names.
ALTER TABLE tenants
    ADD COLUMN password_min_length integer NOT NULL DEFAULT 8,
    ADD COLUMN password_min_strength integer NOT NULL DEFAULT 2,
    ADD COLUMN password_history_length integer NOT NULL DEFAULT 0,
    ADD COLUMN password_breached_allowed boolean NOT NULL DEFAULT false,
    -- Zero: for ever.
    ADD COLUMN password_max_age interval NOT NULL DEFAULT '0',
    ADD COLUMN password_generated_length integer NOT NULL DEFAULT 16,
    ADD COLUMN lockout_max_attempts integer NOT NULL DEFAULT 10,
    ADD COLUMN lockout_window interval NOT NULL DEFAULT '15 minutes',
    -- Zero: until an admin unlocks.
    ADD COLUMN lockout_duration interval NOT NULL DEFAULT '15 minutes',
    ADD COLUMN lockout_max_attempts_per_address integer NOT NULL DEFAULT 100,
    -- Beside mfa_policy.
    ADD COLUMN factor_required_role_ids uuid[] NOT NULL DEFAULT '{}',
    ADD COLUMN factor_sms_allowed boolean NOT NULL DEFAULT false,
    -- Zero: never.
    ADD COLUMN factor_device_trust_duration interval NOT NULL DEFAULT '30 days',
    ADD COLUMN session_idle_timeout interval NOT NULL DEFAULT '8 hours',
    ADD COLUMN session_max_lifetime interval NOT NULL DEFAULT '7 days';
