-- What every service's schema has beside its own tables. Run by
-- store::migrate as usher_owner with the service's schema as search_path.

-- Transaction time, moved by the clock of the process that began the
-- transaction. SQL asks this and never now(), so that a test moves Rust's time
-- and the database's together.
CREATE FUNCTION clock() RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT now() + coalesce(nullif(current_setting('usher.clock', true), '')::bigint, 0)
                   * interval '1 microsecond'
$$;

-- Puts a table under row level security: the service sees the rows of the
-- tenant of its transaction, its worker role sees all. An unset tenant is ''
-- or NULL and matches nothing. FORCE holds for the owner too, so a migration
-- that rewrites rows says SET LOCAL ROLE usher_<service>_worker first.
CREATE FUNCTION tenant_table(name regclass) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    service text := current_schema();
BEGIN
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', name);
    EXECUTE format(
        'CREATE POLICY tenant ON %s TO %I
            USING (tenant_id = nullif(current_setting(''usher.tenant'', true), '''')::uuid)
            WITH CHECK (tenant_id = nullif(current_setting(''usher.tenant'', true), '''')::uuid)',
        name, 'usher_' || service);
    EXECUTE format(
        'CREATE POLICY worker ON %s TO %I USING (true) WITH CHECK (true)',
        name, 'usher_' || service || '_worker');
END $$;

-- Events, written in the transaction of the change that they tell. No row
-- level security: only the feed reads them, and it serves all tenants.
-- Rows are kept for ever for now. Whoever adds a clean-up keeps at least seven
-- days, and always the newest row of each shard, from which the next position
-- is counted.
CREATE TABLE outbox (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_id uuid NOT NULL,
    shard integer NOT NULL,
    -- The place in the shard; NULL until the relay has given one, because ids
    -- are handed out in another order than transactions commit.
    position bigint,
    tenant_id uuid NOT NULL,
    occur_time timestamptz NOT NULL DEFAULT clock(),
    actor_user_id uuid,
    actor_service text,
    actor_address text,
    actor_home_tenant_id uuid,
    request_id text NOT NULL,
    payload_type text NOT NULL,
    payload bytea NOT NULL
);
CREATE UNIQUE INDEX outbox_by_position ON outbox (shard, position) WHERE position IS NOT NULL;
CREATE INDEX outbox_unnumbered ON outbox (shard, id) WHERE position IS NULL;

-- How far a consumer of this service has come in each feed it follows.
CREATE TABLE cursors (
    consumer text NOT NULL,
    producer text NOT NULL,
    shard integer NOT NULL,
    position bigint NOT NULL,
    PRIMARY KEY (consumer, producer, shard)
);

-- Events that a consumer could not apply and went past.
CREATE TABLE parked (
    consumer text NOT NULL,
    producer text NOT NULL,
    shard integer NOT NULL,
    position bigint NOT NULL,
    event bytea NOT NULL,
    error text NOT NULL,
    attempts integer NOT NULL,
    park_time timestamptz NOT NULL DEFAULT clock(),
    PRIMARY KEY (consumer, producer, shard, position)
);

-- The replies to requests that carried a request id, for repeating them.
CREATE TABLE replies (
    tenant_id uuid NOT NULL,
    caller text NOT NULL,
    request_id uuid NOT NULL,
    request_hash bytea NOT NULL,
    -- NULL where the reply is not kept: it held a secret, or told of a user who
    -- was deleted.
    reply bytea,
    create_time timestamptz NOT NULL DEFAULT clock(),
    PRIMARY KEY (tenant_id, caller, request_id)
);
CREATE INDEX replies_by_age ON replies (create_time);
SELECT tenant_table('replies');
-- Whom and what replies name by an id: a reply that tells of a user who is
-- deleted is found by theirs.
CREATE TABLE reply_subjects (
    tenant_id uuid NOT NULL,
    subject_id uuid NOT NULL,
    caller text NOT NULL,
    request_id uuid NOT NULL,
    create_time timestamptz NOT NULL DEFAULT clock(),
    PRIMARY KEY (tenant_id, subject_id, caller, request_id)
);
CREATE INDEX reply_subjects_by_age ON reply_subjects USING brin (create_time);
SELECT tenant_table('reply_subjects');

-- Waits for whoever else works on the same request id, then answers the reply
-- that is kept. One function, so that it is one round trip; VOLATILE, so that
-- the SELECT sees what was committed during the wait.
CREATE FUNCTION claim_request(request_lock bigint, of_tenant uuid, of_caller text, of_request uuid)
RETURNS TABLE (request_hash bytea, reply bytea) LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(request_lock);
    RETURN QUERY SELECT r.request_hash, r.reply FROM replies r
        WHERE r.tenant_id = of_tenant AND r.caller = of_caller AND r.request_id = of_request;
END $$;

-- Gives the next positions of a shard to events that have none, and answers
-- those events. One at a time per shard and service: without the lock nothing
-- is numbered. VOLATILE: each statement sees what was committed before it.
CREATE FUNCTION number_events(of_shard integer, at_most integer) RETURNS SETOF outbox
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    last bigint;
BEGIN
    IF NOT pg_try_advisory_xact_lock(hashtext(current_schema()), of_shard) THEN
        RETURN;
    END IF;
    SELECT coalesce(max(o.position), 0) INTO last
        FROM outbox o WHERE o.shard = of_shard AND o.position IS NOT NULL;
    RETURN QUERY UPDATE outbox o SET position = last + p.n
        FROM (SELECT u.id, row_number() OVER (ORDER BY u.id) AS n
              FROM (SELECT w.id FROM outbox w WHERE w.shard = of_shard AND w.position IS NULL
                    ORDER BY w.id LIMIT at_most) u) p
        WHERE o.id = p.id
        RETURNING o.*;
END $$;
