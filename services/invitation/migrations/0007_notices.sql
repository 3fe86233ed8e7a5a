-- The kinds of mails are those of the code, which grow with every release.
ALTER TABLE mails DROP CONSTRAINT IF EXISTS mails_kind_check;
-- How many notices of a kind a user got lately.
CREATE INDEX mails_by_kind ON mails (tenant_id, user_id, kind, create_time);
