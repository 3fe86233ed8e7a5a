//! B-22: the net beneath every query.

use sqlx::{PgConnection, Row};
use testkit::Database;

/// Tables without a tenant: each with the reason why.
const WITHOUT_TENANT: [(&str, &str); 7] = [
    (
        "outbox",
        "read only by the relay and by FeedService, for all tenants",
    ),
    ("cursors", "how far a consumer has read"),
    ("parked", "events that a consumer could not apply"),
    ("signing_keys", "keys of the installation"),
    (
        "root_keys",
        "the key of a service, sealed under its secrets",
    ),
    ("migrations", "which migrations of the service ran"),
    ("store_migrations", "which migrations of the chassis ran"),
];
const SCHEMAS: [&str; 4] = ["identity", "authorization", "invitation", "importer"];

/// Views that see what their owner sees, and not what who asks may see.
async fn views_above_the_rules(db: &mut PgConnection) -> Vec<String> {
    let views = sqlx::query_scalar(
        "SELECT n.nspname || '.' || c.relname || ' does not ask as its caller'
         FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE n.nspname = ANY($1) AND c.relkind IN ('v', 'm')
             AND NOT coalesce(c.reloptions @> '{security_invoker=true}', false)",
    );
    views
        .bind(SCHEMAS)
        .fetch_all(db)
        .await
        .expect("the catalogue")
}

/// Functions that do what their owner may, but for the search of users, which
/// names the tenant of the transaction and is told in its migration.
async fn functions_above_the_rules(db: &mut PgConnection) -> Vec<String> {
    let functions = sqlx::query_scalar(
        "SELECT p.oid::regprocedure || ' does what its owner may'
         FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
         WHERE n.nspname = ANY($1) AND p.prosecdef
             AND NOT (n.nspname = 'identity' AND p.proname = 'search_users'
                 AND p.proconfig = ARRAY['search_path=identity, pg_temp']
                 AND NOT has_function_privilege('usher_importer', p.oid, 'EXECUTE'))",
    );
    functions
        .bind(SCHEMAS)
        .fetch_all(db)
        .await
        .expect("the catalogue")
}

/// What is wrong with the tables of all services.
async fn holes(db: &mut PgConnection) -> Vec<String> {
    let tables = sqlx::query(
        "SELECT n.nspname AS schema, c.relname AS name, c.relrowsecurity AND c.relforcerowsecurity AS forced,
                pg_get_userbyid(c.relowner) AS owner,
                EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'tenant_id') AS has_tenant,
                (SELECT count(*) FROM pg_policy p WHERE p.polrelid = c.oid
                     -- No service is the owner: what they may is for functions of theirs, below.
                     AND p.polroles <> ARRAY['usher_owner'::regrole::oid]) AS policies
         FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE n.nspname = ANY($1) AND c.relkind IN ('r', 'p')",
    )
    .bind(SCHEMAS)
    .fetch_all(&mut *db)
    .await
    .expect("the catalogue");
    assert!(tables.len() > 20, "only {} tables", tables.len());
    let mut holes = Vec::new();
    for table in &tables {
        let (schema, name): (String, String) = (table.get("schema"), table.get("name"));
        if WITHOUT_TENANT.iter().any(|(known, _)| *known == name) {
            continue;
        }
        if !table.get::<bool, _>("has_tenant") {
            holes.push(format!("{schema}.{name} has no tenant_id"));
        }
        if !table.get::<bool, _>("forced") || table.get::<i64, _>("policies") != 2 {
            holes.push(format!(
                "{schema}.{name} is not under forced row level security with its two policies"
            ));
        }
        if table
            .get::<String, _>("owner")
            .starts_with(&format!("usher_{schema}"))
        {
            holes.push(format!("{schema}.{name} belongs to the service's own role"));
        }
    }
    holes.extend(views_above_the_rules(db).await);
    holes.extend(functions_above_the_rules(db).await);
    holes.extend(keys_without_tenant(db).await);
    holes.extend(mighty_roles(db).await);
    holes
}

/// Primary, unique and foreign keys that do not begin with the tenant.
async fn keys_without_tenant(db: &mut PgConnection) -> Vec<String> {
    let exempt: Vec<_> = WITHOUT_TENANT.iter().map(|(name, _)| *name).collect();
    sqlx::query_scalar(
        "SELECT format('%s.%s: %s does not begin with tenant_id', n.nspname, c.relname, i.relname)
         FROM pg_index x JOIN pg_class c ON c.oid = x.indrelid JOIN pg_class i ON i.oid = x.indexrelid
         JOIN pg_namespace n ON n.oid = c.relnamespace
         LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = x.indkey[0]
         WHERE n.nspname = ANY($1) AND x.indisunique AND c.relname <> ALL($2)
           AND a.attname IS DISTINCT FROM 'tenant_id'
           -- The short name of a tenant and a keyed hash are unique in the installation on purpose.
           AND a.attname IS DISTINCT FROM 'name' AND a.attname IS DISTINCT FROM 'token_hash'
         UNION ALL
         SELECT format('%s.%s: %s crosses tenants', n.nspname, c.relname, k.conname)
         FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
         JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.conkey[1]
         WHERE n.nspname = ANY($1) AND k.contype = 'f' AND a.attname <> 'tenant_id'",
    )
    .bind(SCHEMAS)
    .bind(exempt)
    .fetch_all(db)
    .await
    .expect("the catalogue")
}

/// Login roles of services that may more than they need.
async fn mighty_roles(db: &mut PgConnection) -> Vec<String> {
    sqlx::query_scalar(
        "SELECT rolname || ' is above the rules' FROM pg_roles
         WHERE rolname LIKE 'usher\\_%' AND rolname <> 'usher_admin' AND (rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb)
         UNION ALL
         SELECT n.nspname || ' lets its service create in it' FROM pg_namespace n
         WHERE n.nspname = ANY($1) AND has_schema_privilege('usher_' || n.nspname, n.oid, 'CREATE')",
    )
    .bind(SCHEMAS)
    .fetch_all(db)
    .await
    .expect("the catalogue")
}

#[tokio::test]
async fn b_22_every_table_is_under_row_level_security() {
    let database = Database::fresh().await;
    let mut db = database.connect().await;
    assert_eq!(holes(&mut db).await, Vec::<String>::new());
    drop(db);
    database.drop().await;
}

#[tokio::test]
async fn b_22_control_a_hole_is_found() {
    let database = Database::fresh().await;
    let mut db = database.connect().await;
    for (sql, hole) in [
        (
            "ALTER TABLE identity.users NO FORCE ROW LEVEL SECURITY",
            "identity.users",
        ),
        (
            "ALTER TABLE invitation.mails DISABLE ROW LEVEL SECURITY",
            "invitation.mails",
        ),
        (
            "CREATE UNIQUE INDEX careless ON identity.users (email)",
            "careless",
        ),
        (
            "CREATE TABLE importer.forgotten (id uuid PRIMARY KEY)",
            "importer.forgotten",
        ),
        (
            "CREATE FUNCTION identity.careless() RETURNS integer LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'",
            "careless()",
        ),
    ] {
        sqlx::query(sql).execute(&mut db).await.expect(sql);
        let found = holes(&mut db).await;
        assert!(
            found.iter().any(|one| one.contains(hole)),
            "{sql} is not noticed: {found:?}"
        );
    }
    drop(db);
    database.drop().await;
}

/// Row level security is what holds when a query forgets the tenant.
#[tokio::test]
async fn b_22_a_query_without_a_tenant_sees_nothing() {
    let suite = usher_tests::Suite::start().await;
    suite.company("acme").await;
    let url = suite.database().url().replace("{service}", "identity");
    let mut db = <PgConnection as sqlx::Connection>::connect(&url)
        .await
        .expect("as the service");
    let seen: i64 = sqlx::query_scalar("SELECT count(*) FROM identity.users")
        .fetch_one(&mut db)
        .await
        .unwrap();
    assert_eq!(seen, 0, "no tenant set");
    let mut admin = suite.database().connect().await;
    let all: i64 = sqlx::query_scalar("SELECT count(*) FROM identity.users")
        .fetch_one(&mut admin)
        .await
        .unwrap();
    assert!(all >= 2, "the control: there are users to see");
    suite.stop().await;
}

/// Tenants that a crash left half made, older than any that can be finished.
async fn leave_half_made(db: &mut PgConnection, name: &str, role_set: i32, minutes: i32) {
    let sql = "INSERT INTO identity.tenants
            (tenant_id, name, display_name, mfa_policy, language, role_set, create_time, update_time)
        VALUES (gen_random_uuid(), $1, $1, 'OPTIONAL', 'en', $2,
            now() - make_interval(mins => $3), now() - make_interval(mins => $3))";
    sqlx::query(sql)
        .bind(name)
        .bind(role_set)
        .bind(minutes)
        .execute(db)
        .await
        .expect("half a tenant");
}

#[tokio::test]
async fn tenants_that_cannot_be_finished_do_not_hold_up_the_others() {
    let suite = usher_tests::Suite::start().await;
    let mut db = suite.database().connect().await;
    // One more than are tried at a time.
    for stuck in 0..21 {
        let no_role_set = 99;
        leave_half_made(&mut db, &format!("stuck-{stuck}"), no_role_set, 60).await;
    }
    let standard = contract::authorization::RoleSet::Standard.into();
    leave_half_made(&mut db, "young", standard, 1).await;
    let patience = std::time::Duration::from_secs(90);
    testkit::until_within(patience, "the young one to be finished", || async {
        let mut db = suite.database().connect().await;
        let state: String =
            sqlx::query_scalar("SELECT state FROM identity.tenants WHERE name = 'young'")
                .fetch_one(&mut db)
                .await
                .ok()?;
        (state == "ACTIVE").then_some(())
    })
    .await;
    suite.stop().await;
}
