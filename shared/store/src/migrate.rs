//! Roles, schemas and migrations.

use std::{str::FromStr as _, time::Duration};

use rpc::Error;
use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _, PgConnection,
    migrate::Migrator, postgres::PgConnectOptions,
};

static BASE: Migrator = sqlx::migrate!("./migrations");

/// Roles belong to the whole cluster, whose databases may be migrated at the
/// same time; Postgres then refuses one of two concurrent changes of a role.
const ROLE_ATTEMPTS: u32 = 20;

/// Brings a service's schema to the state of this release: the roles
/// `usher_owner` (owns all, logs in never), `usher_<service>` (logs in, owns
/// nothing) and `usher_<service>_worker` (sees all tenants), the schema
/// `<service>`, the tables every service has, and then the service's own
/// migrations. Safe to repeat and to run many times at once.
///
/// `admin_url` logs in as a role that may create roles and schemas. `password`
/// becomes the service role's; without one the role has none and logs in by
/// what `pg_hba.conf` allows.
pub async fn migrate(
    admin_url: &str,
    service: &'static str,
    migrator: &Migrator,
    password: Option<&str>,
) -> Result<(), Error> {
    if service.is_empty()
        || !service
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte == b'_')
    {
        return Err(Error::fault(format!("{service:?} cannot name a schema")));
    }
    let options =
        PgConnectOptions::from_str(admin_url)?.options([("client_min_messages", "warning")]);
    let mut db = options.connect().await?;
    // One migration at a time in this database; the lock ends with the connection.
    sqlx::query("SELECT pg_advisory_lock(hashtext('usher'), hashtext('migrate'))")
        .execute(&mut db)
        .await?;
    let mut attempt = 0;
    while let Err(error) = roles(&mut db, service, password).await {
        attempt += 1;
        if attempt == ROLE_ATTEMPTS || !is_race(&error) {
            return Err(error.into());
        }
        tokio::time::sleep(Duration::from_millis(10) * attempt).await;
    }
    schema(&mut db, service).await?;
    run(&mut db, &BASE, "store_migrations").await?;
    run(&mut db, migrator, "migrations").await?;
    lock_up(&mut db, service).await?;
    Ok(db.close().await?)
}

/// Changes only what differs, so that a repetition touches no catalog row.
async fn roles(db: &mut PgConnection, service: &str, password: Option<&str>) -> sqlx::Result<()> {
    let sql = format!(
        "DO $$
        BEGIN
            IF to_regrole('usher_owner') IS NULL THEN
                CREATE ROLE usher_owner NOLOGIN;
            END IF;
            IF to_regrole('usher_{service}') IS NULL THEN
                CREATE ROLE usher_{service} LOGIN NOINHERIT;
            END IF;
            IF to_regrole('usher_{service}_worker') IS NULL THEN
                CREATE ROLE usher_{service}_worker NOLOGIN;
            END IF;
            IF NOT pg_has_role('usher_{service}', 'usher_{service}_worker', 'MEMBER') THEN
                GRANT usher_{service}_worker TO usher_{service};
            END IF;
            -- The store opens each transaction with a ROLLBACK, to be sure, which gets a
            -- warning: a line in the server's log that tells nobody anything.
            IF NOT (SELECT coalesce(rolconfig @> ARRAY['log_min_messages=error'], false)
                    FROM pg_roles WHERE rolname = 'usher_{service}') THEN
                BEGIN
                    ALTER ROLE usher_{service} SET log_min_messages = error;
                EXCEPTION WHEN insufficient_privilege THEN
                    RAISE NOTICE 'usher_{service} keeps its log_min_messages';
                END;
            END IF;
            -- An administrator who is no superuser must belong to the owner to act as it.
            IF NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
                EXECUTE format('GRANT usher_owner TO %I', current_user);
            END IF;
        END $$"
    );
    db.execute(AssertSqlSafe(sql)).await?;
    if let Some(password) = password {
        let (sql,): (String,) =
            sqlx::query_as("SELECT format('ALTER ROLE %I PASSWORD %L', $1, $2)")
                .bind(format!("usher_{service}"))
                .bind(password)
                .fetch_one(&mut *db)
                .await?;
        db.execute(AssertSqlSafe(sql)).await?;
    }
    Ok(())
}

/// Whether somebody else changed the same role at the same moment: it exists
/// by now (two codes), or "tuple concurrently updated", an internal error.
fn is_race(error: &sqlx::Error) -> bool {
    let code = error
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::code);
    code.is_some_and(|code| matches!(&*code, "42710" | "23505" | "XX000"))
}

/// From here on the connection acts as the owner, in the service's schema.
/// Quoted, because `authorization` is a word of SQL.
async fn schema(db: &mut PgConnection, service: &str) -> sqlx::Result<()> {
    let sql = format!(
        "CREATE SCHEMA IF NOT EXISTS \"{service}\" AUTHORIZATION usher_owner;
        SET ROLE usher_owner;
        SET search_path = \"{service}\";
        SET lock_timeout = '5s';
        GRANT USAGE ON SCHEMA \"{service}\" TO usher_{service}, usher_{service}_worker;
        ALTER DEFAULT PRIVILEGES IN SCHEMA \"{service}\"
            GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO usher_{service}, usher_{service}_worker;
        ALTER DEFAULT PRIVILEGES IN SCHEMA \"{service}\"
            GRANT USAGE ON SEQUENCES TO usher_{service}, usher_{service}_worker;"
    );
    db.execute(AssertSqlSafe(sql)).await?;
    Ok(())
}

async fn run(db: &mut PgConnection, migrator: &Migrator, table: &'static str) -> Result<(), Error> {
    let mut own = Migrator::with_migrations(migrator.iter().cloned().collect());
    own.dangerous_set_table_name(table);
    // `migrate` holds a lock already.
    own.set_locking(false);
    own.run_direct(None, db, false).await?;
    Ok(())
}

/// The service neither reads nor writes the record of its migrations.
async fn lock_up(db: &mut PgConnection, service: &str) -> sqlx::Result<()> {
    let sql = format!(
        "REVOKE ALL ON store_migrations, migrations FROM usher_{service}, usher_{service}_worker"
    );
    db.execute(AssertSqlSafe(sql)).await?;
    Ok(())
}
