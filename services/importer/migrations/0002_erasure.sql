-- All rows of an address are found by it, also those that are never committed:
-- whoever deletes a user finds them in all imports.
DROP INDEX import_rows_by_address;
CREATE INDEX import_rows_by_address ON import_rows (tenant_id, import_id, address, line);
-- The rows of a review that was given up are removed: they name people who never
-- became anybody.
ALTER TABLE imports ADD COLUMN emptied boolean NOT NULL DEFAULT false;
CREATE INDEX imports_given_up ON imports (end_time)
    WHERE state = 'CANCELLED' AND commit_user_id IS NULL AND NOT emptied;
