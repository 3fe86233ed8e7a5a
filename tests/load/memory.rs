//! How much memory identity takes.

use std::{str::FromStr as _, time::Duration};

use anyhow::{Context as _, Result, anyhow};
use contract::{
    Id,
    identity::{Session, ValidateSessionRequest, session_service_client::SessionServiceClient},
};
use store::Keys;
use testkit::Client;
use usher_tests::suite::SECRET;

use crate::{
    fleet::Fleet,
    table::{Row, Table},
};

/// Sessions that are in use.
const SESSIONS: usize = 10_000;

/// The row of a service that is in use.
pub const IN_USE: &str = "memory of identity, 1,000,000 users and 10,000 sessions";

/// After how long without work the memory for hashing was given back.
const REST: Duration = Duration::from_secs(35);

/// Before anything else is measured.
pub async fn at_rest(fleet: &Fleet, table: &mut Table) -> Result<()> {
    let name = "memory of identity at rest";
    if table.wants(name) {
        tokio::time::sleep(REST).await;
    }
    add(fleet, table, name, 40.0, "40 MiB")
}

/// After the lists of a million users were measured, with sessions in use.
pub async fn in_use(fleet: &Fleet, table: &mut Table) -> Result<()> {
    let url = fleet.database.url().replace("{service}", "identity");
    let root = boot::Root::from_str(SECRET)?;
    let root = root
        .of_service("identity")
        .map_err(|error| anyhow!("{error:?}"))?;
    let keys = Keys::open_root(&url, "identity", root.secrets()).await;
    let keys = keys.map_err(|error| anyhow!("{error:?}"))?;
    let keys = keys.context("the root key")?;
    let mut db = fleet.database.connect().await;
    let mut sessions = SessionServiceClient::new(Client::new(fleet.identity.channel()));
    let (tenant, user): (uuid::Uuid, uuid::Uuid) =
        (fleet.tenant_id.parse()?, fleet.admin_id.parse()?);
    for _ in 0..SESSIONS {
        let session_token = format!("usr_{}", Keys::token());
        let hash = keys.keyed_hash("session token", session_token.as_bytes());
        let sql = "INSERT INTO identity.sessions
             (tenant_id, id, user_id, token_hash, assurance_level, address, create_time,
              last_use_time, expire_time, idle_timeout, user_agent)
             VALUES ($1, $2, $3, $4, 1, '127.0.0.1', now(), now(), now() + interval '1 hour',
                 3600, '')";
        sqlx::query(sql)
            .bind(tenant)
            .bind(Id::<Session>::new().uuid())
            .bind(user)
            .bind(hash.as_slice())
            .execute(&mut db)
            .await?;
        let ask = ValidateSessionRequest { session_token };
        sessions.validate_session(ask).await?;
    }
    add(fleet, table, IN_USE, 120.0, "120 MiB")
}

fn add(
    fleet: &Fleet,
    table: &mut Table,
    name: &str,
    most: f64,
    reference_name: &'static str,
) -> Result<()> {
    if table.wants(name) {
        table.add(Row {
            name: name.into(),
            ours: fleet.identity.resident()? as f64 / f64::from(1 << 20),
            reference: most,
            reference_name,
            goal: "<= 1",
            unit: "MiB",
        });
    }
    Ok(())
}
