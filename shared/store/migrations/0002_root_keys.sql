-- The key from which all keys of the service come, sealed once for each secret
-- that opens it. Whoever reads this table alone has nothing; whoever changes
-- the secret adds a row, and what was hashed and sealed before stays good.
CREATE TABLE root_keys (
    -- A keyed hash, by which a secret finds its row.
    secret_id bytea PRIMARY KEY,
    sealed bytea NOT NULL,
    create_time timestamptz NOT NULL DEFAULT clock()
);
