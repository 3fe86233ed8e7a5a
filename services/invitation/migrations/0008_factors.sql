-- Notices that second factors were changed. The kinds are those of the code.
ALTER TABLE mails DROP CONSTRAINT IF EXISTS mails_kind_check;
