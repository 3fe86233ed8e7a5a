-- How many rows the commit does in one go. Kept from its beginning to its end,
-- whatever the replicas that work on it are configured with: a chunk that broke
-- off is asked for again in the same words.
ALTER TABLE imports ADD COLUMN chunk_rows integer NOT NULL DEFAULT 200 CHECK (chunk_rows BETWEEN 1 AND 500);
