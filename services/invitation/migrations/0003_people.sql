-- Mails that tell of another address.
-- The kinds are those of the code: each new one would be a change here too.
ALTER TABLE mails DROP CONSTRAINT IF EXISTS mails_kind_check;
-- The change that such a mail tells of to the former address; NULL for the one
-- to the new address, and for all other mails.
ALTER TABLE mails ADD COLUMN change_id uuid;
