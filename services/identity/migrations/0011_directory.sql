-- What lists of users are answered from (requirements U-07 to U-09): a mirror
-- of who holds which roles and is in which groups, counts that follow every
-- change, and an index of the texts that are searched. Triggers keep counts,
-- texts and seats, so that whoever writes a user need not know of them.

-- How far a tenant's mirror of authorization has come.
CREATE TABLE directories (
    tenant_id uuid PRIMARY KEY,
    -- The last revision of authorization's that is mirrored.
    revision bigint NOT NULL DEFAULT 0,
    -- The roles that use a seat.
    licensed_role_ids uuid[] NOT NULL DEFAULT '{}',
    -- While other roles use a seat than before, users are gone through by id, a
    -- few at a time: those after this one are still to come.
    reseat_after uuid
);
CREATE INDEX directories_reseating ON directories (tenant_id) WHERE reseat_after IS NOT NULL;
SELECT tenant_table('directories');

-- The roles that users hold or wait for. No foreign key to users: authorization
-- may tell of a user before they are created here.
CREATE TABLE held_roles (
    tenant_id uuid NOT NULL,
    role_id uuid NOT NULL,
    user_id uuid NOT NULL,
    -- NULL for a role on the tenant.
    project_id uuid,
    UNIQUE NULLS NOT DISTINCT (tenant_id, role_id, user_id, project_id)
);
CREATE INDEX held_roles_by_user ON held_roles (tenant_id, user_id);
CREATE INDEX held_roles_by_project ON held_roles (tenant_id, project_id, user_id)
    WHERE project_id IS NOT NULL;
SELECT tenant_table('held_roles');

-- The groups that users are in or wait to join.
CREATE TABLE memberships (
    tenant_id uuid NOT NULL,
    group_id uuid NOT NULL,
    user_id uuid NOT NULL,
    PRIMARY KEY (tenant_id, group_id, user_id)
);
CREATE INDEX memberships_by_user ON memberships (tenant_id, user_id);
SELECT tenant_table('memberships');

ALTER TABLE users
    -- The sort key is what is searched, too.
    DROP COLUMN search_text,
    -- Whether the user uses a seat: holds one of the roles that use one.
    ADD COLUMN licensed boolean NOT NULL DEFAULT false,
    -- How many second factors the user has enrolled, of any kind.
    ADD COLUMN factors smallint NOT NULL DEFAULT 0 CHECK (factors >= 0);
-- What users are counted by, as one number: the status (0 INVITED, 1 ACTIVE,
-- 2 INACTIVE) times 8, plus 4 with a second factor, 2 with a seat, and 1 for who
-- has logged in; see users/cells.rs.
ALTER TABLE users ADD COLUMN cell smallint NOT NULL GENERATED ALWAYS AS (
    CASE WHEN disable_time IS NOT NULL THEN 16 WHEN setup_time IS NULL THEN 0 ELSE 8 END
    + CASE WHEN factors > 0 THEN 4 ELSE 0 END
    + CASE WHEN licensed THEN 2 ELSE 0 END
    + CASE WHEN last_login_time IS NOT NULL THEN 1 ELSE 0 END) STORED;
CREATE INDEX users_by_cell ON users (tenant_id, cell);
-- The orders of lists, with the cell, so that a page of one kind of users is found
-- in the index alone; by name also a page of a search.
DROP INDEX users_sorted;
CREATE INDEX users_by_name ON users (tenant_id, sort_key, id) INCLUDE (cell);
CREATE INDEX users_by_creation ON users (tenant_id, create_time, id) INCLUDE (cell);
-- Who never logged in did so before all others.
CREATE INDEX users_by_login ON users (tenant_id, coalesce(last_login_time, '-infinity'), id);

-- How many users there are in each cell: what was counted, and what changed
-- since. A change is a row of its own, so that users who are created at the same
-- time do not wait for each other; a worker adds the rows up.
CREATE TABLE user_counts (
    tenant_id uuid NOT NULL,
    cell smallint NOT NULL,
    users bigint NOT NULL,
    PRIMARY KEY (tenant_id, cell)
);
SELECT tenant_table('user_counts');
CREATE TABLE user_count_changes (
    tenant_id uuid NOT NULL,
    id bigint GENERATED ALWAYS AS IDENTITY,
    cell smallint NOT NULL,
    change bigint NOT NULL,
    PRIMARY KEY (tenant_id, id)
);
SELECT tenant_table('user_count_changes');

-- The texts that are searched, apart from users: a login changes users, and
-- would write the text into its index again. Each name and address in them follows
-- a separator, also the first.
CREATE TABLE user_texts (
    tenant_id uuid NOT NULL,
    user_id uuid NOT NULL,
    text text COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant_id, user_id)
);
SELECT tenant_table('user_texts');

-- The grams of a text: a number for each three letters in a row, and for each
-- separator with the one letter behind it, another one in every tenant. So the
-- index has a list of users for each gram of each tenant, and a search costs what
-- its own tenant has; one or two letters are found where a name begins.
CREATE FUNCTION grams(of_tenant uuid, of_text text) RETURNS integer[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT array_agg(hashtext(gram) # uuid_hash(of_tenant))
    FROM (SELECT substr(of_text, at, 3) FROM generate_series(1, length(of_text) - 2) at
          UNION ALL
          SELECT chr(1) || left(name, 1) FROM unnest(string_to_array(substr(of_text, 2), chr(1))) name
          WHERE starts_with(of_text, chr(1)) AND name <> '') g (gram)
$$;
-- New texts wait in a list, up to half a MiB, and are put in order together.
CREATE INDEX user_texts_by_gram ON user_texts USING gin (grams(tenant_id, text))
    WITH (fastupdate = on, gin_pending_list_limit = 512);

-- The users of the transaction's tenant in whose text all the words appear;
-- patterns are the words for LIKE. Words of one or two letters have a separator
-- before them.
--
-- Under row level security Postgres compares with LIKE and @> only rows that a
-- policy has let through, and so never by an index. So this function runs as the
-- owner, whom the policy below lets through, and names the tenant exactly as the
-- policy of the service does.
--
-- What stands after an @ is the domain of an address, which most of a tenant
-- share: its grams have the longest lists and tell the least, so the index is not
-- asked for them where there is enough before it.
CREATE POLICY search ON user_texts FOR SELECT TO usher_owner USING (true);
CREATE FUNCTION search_users(words text[], patterns text[]) RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER ROWS 500 SET search_path = identity, pg_temp AS $$
    SELECT t.user_id FROM user_texts t
    WHERE t.tenant_id = nullif(current_setting('usher.tenant', true), '')::uuid
      AND grams(t.tenant_id, t.text) @> (
          SELECT array_agg(gram)
          FROM unnest(words) word
          CROSS JOIN coalesce(substring(word FROM '^[^@]{2,}@'), word) telling
          CROSS JOIN unnest(grams(nullif(current_setting('usher.tenant', true), '')::uuid, telling)) gram)
      AND t.text LIKE ALL (patterns)
$$;
REVOKE ALL ON FUNCTION search_users FROM PUBLIC;
GRANT EXECUTE ON FUNCTION search_users TO usher_identity, usher_identity_worker;

-- Whether a user holds a role that uses a seat.
CREATE FUNCTION uses_seat(of_tenant uuid, of_user uuid) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (
        SELECT FROM held_roles h JOIN directories d ON d.tenant_id = h.tenant_id
        WHERE h.tenant_id = of_tenant AND h.user_id = of_user AND h.role_id = ANY(d.licensed_role_ids))
$$;

-- The mirror of a tenant is changed by one at a time, and not while a user is
-- being created: each would miss what the other has not committed yet.
CREATE FUNCTION seat_new_user() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(hashtext('directory'), uuid_hash(NEW.tenant_id));
    NEW.licensed := uses_seat(NEW.tenant_id, NEW.id);
    RETURN NEW;
END $$;
CREATE TRIGGER users_seated BEFORE INSERT ON users
    FOR EACH ROW EXECUTE FUNCTION seat_new_user();

CREATE FUNCTION count_new_users() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO user_count_changes (tenant_id, cell, change)
        SELECT tenant_id, cell, count(*) FROM fresh GROUP BY tenant_id, cell;
    INSERT INTO user_texts SELECT tenant_id, id, chr(1) || sort_key FROM fresh;
    RETURN NULL;
END $$;
CREATE TRIGGER users_counted AFTER INSERT ON users REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION count_new_users();

CREATE FUNCTION count_gone_users() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO user_count_changes (tenant_id, cell, change)
        SELECT tenant_id, cell, -count(*) FROM gone GROUP BY tenant_id, cell;
    DELETE FROM user_texts t USING gone g WHERE t.tenant_id = g.tenant_id AND t.user_id = g.id;
    RETURN NULL;
END $$;
CREATE TRIGGER users_uncounted AFTER DELETE ON users REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION count_gone_users();

CREATE FUNCTION recount_user() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO user_count_changes (tenant_id, cell, change)
        VALUES (OLD.tenant_id, OLD.cell, -1), (NEW.tenant_id, NEW.cell, 1);
    RETURN NULL;
END $$;
CREATE TRIGGER users_recounted AFTER UPDATE ON users
    FOR EACH ROW WHEN (OLD.cell <> NEW.cell) EXECUTE FUNCTION recount_user();

CREATE FUNCTION rewrite_user_text() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE user_texts SET text = chr(1) || NEW.sort_key
        WHERE tenant_id = NEW.tenant_id AND user_id = NEW.id;
    RETURN NULL;
END $$;
CREATE TRIGGER users_rewritten AFTER UPDATE ON users
    FOR EACH ROW WHEN (OLD.sort_key <> NEW.sort_key) EXECUTE FUNCTION rewrite_user_text();

-- Every table of second factors, a row a factor, has this trigger.
CREATE FUNCTION count_factor() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        UPDATE users SET factors = factors + 1 WHERE tenant_id = NEW.tenant_id AND id = NEW.user_id;
    ELSE
        UPDATE users SET factors = factors - 1 WHERE tenant_id = OLD.tenant_id AND id = OLD.user_id;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER totp_factors_counted AFTER INSERT OR DELETE ON totp_factors
    FOR EACH ROW EXECUTE FUNCTION count_factor();
CREATE TRIGGER sms_factors_counted AFTER INSERT OR DELETE ON sms_factors
    FOR EACH ROW EXECUTE FUNCTION count_factor();

-- For the users there are. The texts first: the trigger of counts sees no change
-- in them, and counting is done at the end, of what is true then.
SET LOCAL ROLE usher_identity_worker;
INSERT INTO user_texts SELECT tenant_id, id, chr(1) || sort_key FROM users;
UPDATE users u SET factors = f.count FROM (
    SELECT tenant_id, user_id, count(*) FROM (
        SELECT tenant_id, user_id FROM totp_factors
        UNION ALL SELECT tenant_id, user_id FROM sms_factors) one
    GROUP BY tenant_id, user_id) f
    WHERE f.tenant_id = u.tenant_id AND f.user_id = u.id;
DELETE FROM user_count_changes;
INSERT INTO user_counts SELECT tenant_id, cell, count(*) FROM users GROUP BY tenant_id, cell;
SET LOCAL ROLE usher_owner;
