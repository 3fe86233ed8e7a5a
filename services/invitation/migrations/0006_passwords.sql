-- The kinds of mails are those of the code, which grow with every release.
ALTER TABLE mails DROP CONSTRAINT IF EXISTS mails_kind_check;
