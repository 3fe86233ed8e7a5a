-- Whether a subject is a service account: it holds roles like a user, and is never
-- the admin whom a tenant must have.
ALTER TABLE subjects ADD COLUMN service_account boolean NOT NULL DEFAULT false;
