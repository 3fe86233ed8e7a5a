-- All rows of an address are found by it, also those that are never committed:
-- whoever deletes a user finds them in all imports.
DROP INDEX import_rows_by_address;
CREATE INDEX import_rows_by_address ON import_rows (tenant_id, import_id, address, line);
