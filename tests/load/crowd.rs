//! A million users, made by COPY: what a service would write, without its calls.

use std::fmt::Write as _;

use anyhow::{Result, ensure};
use contract::{Id, identity::User};
use sqlx::{AssertSqlSafe, Executor as _, PgConnection};
use uuid::Uuid;

/// Rows of one COPY.
const CHUNK: usize = 50_000;
/// Of how many users one holds [`ROLE`].
const ROLE_EVERY: i32 = 100;
/// A role that one user of a hundred holds, whatever their name.
pub const ROLE: Uuid = Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0001);

const SYLLABLES: [&str; 30] = [
    "bar", "ton", "ler", "mak", "sen", "vic", "dor", "fel", "gri", "hol", "jan", "kov", "lin",
    "mor", "nak", "ost", "pet", "qui", "ros", "sch", "tak", "ulm", "wal", "xan", "yam", "zim",
    "ber", "cas", "del", "eck",
];

/// The last name of one of the users: 27,000 names of nine letters.
pub fn last_name(number: usize) -> String {
    let number = number.wrapping_mul(7919);
    [number, number / 30, number / 900]
        .map(|at| SYLLABLES[at % 30])
        .concat()
}

/// The first and the last name of a user.
pub fn names(number: usize) -> (String, String) {
    (first_name(number), last_name(number))
}

fn first_name(number: usize) -> String {
    let number = number.wrapping_mul(104_729);
    [number, number / 30].map(|at| SYLLABLES[at % 30]).concat()
}

/// Adds tenants that nobody calls; answers them with the users they shall have.
pub async fn tenants(
    db: &mut PgConnection,
    count: usize,
    users: usize,
) -> Result<Vec<(Uuid, usize)>> {
    let mut all = Vec::with_capacity(count);
    for _ in 0..count {
        let id = Id::<()>::new().uuid();
        let sql = "INSERT INTO identity.tenants
             (tenant_id, name, display_name, mfa_policy, language, role_set, state)
             VALUES ($1, $2, 'Crowd', 'OPTIONAL', 'en', 1, 'ACTIVE')";
        sqlx::query(sql)
            .bind(id)
            .bind(format!("crowd-{}", id.simple()))
            .execute(&mut *db)
            .await?;
        all.push((id, users));
    }
    Ok(all)
}

/// Adds users to tenants, and whatever the triggers of the tables would.
pub async fn fill(db: &mut PgConnection, tenants: &[(Uuid, usize)]) -> Result<()> {
    // Their work is done at once, below.
    db.execute("SET session_replication_role = replica; SET search_path = identity")
        .await?;
    // Built at once, the index of texts takes a third of the time.
    let many = tenants.iter().map(|(_, users)| users).sum::<usize>() > 2 * CHUNK;
    if many {
        db.execute("DROP INDEX user_texts_by_gram").await?;
    }
    for (tenant, users) in tenants {
        for begin in (0..*users).step_by(CHUNK) {
            copy(db, *tenant, begin..(begin + CHUNK).min(*users)).await?;
        }
    }
    let ids: Vec<Uuid> = tenants.iter().map(|(tenant, _)| *tenant).collect();
    for sql in [
        "INSERT INTO user_texts SELECT tenant_id, id, sort_key FROM users
             WHERE tenant_id = ANY($1) ON CONFLICT DO NOTHING",
        "DELETE FROM user_count_changes WHERE tenant_id = ANY($1)",
        "DELETE FROM user_counts WHERE tenant_id = ANY($1)",
        "INSERT INTO user_counts SELECT tenant_id, cell, count(*) FROM users
             WHERE tenant_id = ANY($1) GROUP BY tenant_id, cell",
    ] {
        sqlx::query(sql).bind(&ids).execute(&mut *db).await?;
    }
    let role = "INSERT INTO held_roles (tenant_id, role_id, user_id)
         SELECT tenant_id, $2, id FROM users
         WHERE tenant_id = ANY($1) AND uuid_hash(id) % $3 = 0";
    sqlx::query(role)
        .bind(&ids)
        .bind(ROLE)
        .bind(ROLE_EVERY)
        .execute(&mut *db)
        .await?;
    if many {
        db.execute(
            "SET maintenance_work_mem = '256MB';
             CREATE INDEX user_texts_by_gram ON user_texts USING gin (grams(tenant_id, text))
                 WITH (fastupdate = on, gin_pending_list_limit = 512)",
        )
        .await?;
    }
    db.execute("RESET session_replication_role; RESET search_path")
        .await?;
    for table in ["users", "user_texts", "held_roles", "user_counts"] {
        let sql = format!("VACUUM (ANALYZE) identity.{table}");
        db.execute(AssertSqlSafe(sql)).await?;
    }
    Ok(())
}

async fn copy(db: &mut PgConnection, tenant: Uuid, numbers: std::ops::Range<usize>) -> Result<()> {
    let mut rows = String::new();
    let wanted = numbers.len() as u64;
    for number in numbers {
        let id = Id::<User>::new();
        let (first, last) = names(number);
        let email = format!("{first}.{last}{number}@crowd.example");
        let null = |none: bool| if none { "\\N" } else { "2026-01-02 03:04:05Z" };
        writeln!(
            rows,
            "{tenant}\t{id}\t{first}\t{last}\t{email}\t{email}\ten\t{email}\t{email}\t\
             {last}\u{1}{first}\u{1}{email}\t{setup}\t{disabled}\t{login}\t{licensed}\t{factors}",
            setup = null(number % 10 == 0),
            disabled = null(number % 20 != 1),
            login = null(number % 10 == 0 || number % 3 == 0),
            licensed = number % 5 == 0,
            factors = u8::from(number % 3 == 1),
        )?;
    }
    let sql = "COPY users (tenant_id, id, first_name, last_name, email, username, language,
         username_key, email_key, sort_key, setup_time, disable_time, last_login_time, licensed,
         factors) FROM STDIN";
    let mut copying = db.copy_in_raw(sql).await?;
    copying.send(rows.as_bytes()).await?;
    let copied = copying.finish().await?;
    ensure!(copied == wanted, "{copied} rows were copied");
    Ok(())
}
