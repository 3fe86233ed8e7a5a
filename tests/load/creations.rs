//! Users created by calls, beside the same rows inserted and committed by bare
//! connections. pgbench, which could do the latter, is not among the servers
//! that `cargo dev` fetches; statements are prepared once, as it does with
//! `--protocol=prepared`.

use std::time::{Duration, Instant};

use anyhow::Result;
use contract::{
    Id,
    identity::{CreateUserRequest, FirstPassword, User, user_service_client::UserServiceClient},
};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};

use crate::{
    Flags,
    fleet::Fleet,
    table::{Row, Table, median},
};

/// Clients at the same time.
const MANY: usize = 64;
/// A hash that another system made, so that creating a user costs no hashing.
const HASH: &str = "$2b$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy";

/// Users per second, by one client and by many.
pub async fn measure(fleet: &Fleet, flags: &Flags, table: &mut Table) -> Result<()> {
    let time = Duration::from_secs(flags.seconds);
    for (clients, name) in [
        (1, "CreateUser by one client after another"),
        (MANY, "CreateUser by 64 clients"),
    ] {
        if !table.wants(name) {
            continue;
        }
        let (mut ours, mut bare) = (Vec::new(), Vec::new());
        for _ in 0..flags.rounds {
            ours.push(calls(fleet, clients, time).await?);
            bare.push(inserts(fleet, clients, time).await?);
        }
        table.add(Row {
            name: name.into(),
            ours: median(ours),
            reference: median(bare),
            reference_name: "the same INSERTs and COMMIT, bare",
            goal: ">= 0.5",
            unit: "1/s",
        });
    }
    texts(fleet, flags, table).await
}

async fn calls(fleet: &Fleet, clients: usize, time: Duration) -> Result<f64> {
    let users = UserServiceClient::new(fleet.admin.clone());
    rate(
        clients,
        time,
        |_| {
            let users = users.clone();
            async move { Ok(users) }
        },
        async |users| {
            let id = Id::<User>::new();
            let ask = CreateUserRequest {
                first_name: "Bench".into(),
                last_name: "Created".into(),
                email: format!("{id}@created.example"),
                first_password: FirstPassword::Hashed.into(),
                password_hash: HASH.into(),
                ..Default::default()
            };
            users.create_user(ask).await?;
            Ok(())
        },
    )
    .await
}

async fn inserts(fleet: &Fleet, clients: usize, time: Duration) -> Result<f64> {
    let url = fleet.database.url().replace("{service}", "identity");
    let tenant: uuid::Uuid = fleet.tenant_id.parse()?;
    let connect = |_| {
        let url = url.clone();
        async move {
            let mut db = PgConnection::connect(&url).await?;
            let set = format!("SET search_path = identity; SET usher.tenant = '{tenant}'");
            db.execute(AssertSqlSafe(set)).await?;
            Ok(db)
        }
    };
    rate(clients, time, connect, async |db| {
        let id = Id::<User>::new().uuid();
        let email = format!("{id}@inserted.example");
        let mut tx = db.begin().await?;
        let user = "INSERT INTO users (tenant_id, id, first_name, last_name, username, email,
                 language, username_key, email_key, sort_key, setup_time)
             VALUES ($1, $2, 'Bench', 'Created', $3, $3, 'en', $3, $3, $4, now())";
        sqlx::query(user)
            .bind(tenant)
            .bind(id)
            .bind(&email)
            .bind(format!("created\u{1}bench\u{1}{email}"))
            .execute(&mut *tx)
            .await?;
        let password = "INSERT INTO passwords (tenant_id, user_id, hash, key_version)
             VALUES ($1, $2, $3, 1)";
        sqlx::query(password)
            .bind(tenant)
            .bind(id)
            .bind(HASH)
            .execute(&mut *tx)
            .await?;
        let event =
            "INSERT INTO outbox (event_id, shard, tenant_id, payload_type, payload, request_id)
             VALUES ($1, 0, $2, 'bench', $3, '')";
        sqlx::query(event)
            .bind(id)
            .bind(tenant)
            .bind(vec![0_u8; 150])
            .execute(&mut *tx)
            .await?;
        Ok(tx.commit().await?)
    })
    .await
}

/// What the index of texts costs, on every insert.
async fn texts(fleet: &Fleet, flags: &Flags, table: &mut Table) -> Result<()> {
    let name = "INSERT of a user with the index of texts";
    if !table.wants(name) {
        return Ok(());
    }
    let (mut with, mut without) = (Vec::new(), Vec::new());
    for _ in 0..flags.rounds {
        with.push(insert_texts(fleet, "SELECT 1").await?);
        without.push(insert_texts(fleet, "DROP INDEX user_texts_by_gram").await?);
    }
    table.add(Row {
        name: name.into(),
        ours: median(with),
        reference: median(without),
        reference_name: "without it",
        goal: "",
        unit: "rows/s",
    });
    Ok(())
}

/// Users per second in one transaction that is rolled back.
async fn insert_texts(fleet: &Fleet, before: &'static str) -> Result<f64> {
    const ROWS: usize = 5_000;
    let tenant: uuid::Uuid = fleet.tenant_id.parse()?;
    let mut db = fleet.database.connect().await;
    db.execute("SET search_path = identity").await?;
    let mut tx = db.begin().await?;
    tx.execute(before).await?;
    let begun = Instant::now();
    for number in 0..ROWS {
        let (first, last) = crate::crowd::names(number);
        let email = format!("{first}.{last}{number}@text.example");
        let user = "INSERT INTO users (tenant_id, id, first_name, last_name, username, email,
                 language, username_key, email_key, sort_key)
             VALUES ($1, $2, $3, $4, $5, $5, 'en', $5, $5, $6)";
        sqlx::query(user)
            .bind(tenant)
            .bind(Id::<User>::new().uuid())
            .bind(&first)
            .bind(&last)
            .bind(&email)
            .bind(format!("{last}\u{1}{first}\u{1}{email}"))
            .execute(&mut *tx)
            .await?;
    }
    Ok(ROWS as f64 / begun.elapsed().as_secs_f64())
}

/// How often per second so many clients do it, each as often as it can.
async fn rate<C, F>(
    clients: usize,
    time: Duration,
    connect: impl Fn(usize) -> F,
    act: impl AsyncFn(&mut C) -> Result<()>,
) -> Result<f64>
where
    F: Future<Output = Result<C>>,
{
    let mut all = Vec::new();
    for number in 0..clients {
        all.push(connect(number).await?);
    }
    let begun = Instant::now();
    let done = futures::future::try_join_all(all.into_iter().map(|mut client| {
        let act = &act;
        async move {
            let mut count = 0_u64;
            while begun.elapsed() < time {
                act(&mut client).await?;
                count += 1;
            }
            anyhow::Ok(count)
        }
    }))
    .await?;
    Ok(done.iter().sum::<u64>() as f64 / begun.elapsed().as_secs_f64())
}
