//! The keys that sign tokens. They belong to the installation: for a worker.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::PgConnection;

/// A key.
pub struct Row {
    /// The key's id, the `kid` of its tokens.
    pub id: String,
    /// The public part, 32 bytes.
    pub public_key: Vec<u8>,
    /// The private part in PKCS #8, sealed.
    pub private_key: Vec<u8>,
    /// When the key was made.
    pub create_time: DateTime<Utc>,
    /// From when on it signs, where there are others.
    pub sign_time: DateTime<Utc>,
}

/// Lets one replica at a time make a key; held to the end of the transaction.
pub async fn lock(db: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::query!(
        r#"SELECT pg_advisory_xact_lock(hashtext('identity signing keys')) AS "locked!: ()""#
    )
    .fetch_one(db)
    .await?;
    Ok(())
}

/// The keys not older than `age`, newest first.
pub async fn list(db: &mut PgConnection, age: Duration) -> sqlx::Result<Vec<Row>> {
    sqlx::query_as!(
        Row,
        "SELECT id, public_key, private_key, create_time, sign_time FROM signing_keys
         WHERE create_time > clock() - $1 * interval '1 second' ORDER BY create_time DESC, id",
        age.as_secs_f64(),
    )
    .fetch_all(db)
    .await
}

/// Keeps a key that signs after a while; answers from when on.
pub async fn insert(
    db: &mut PgConnection,
    id: &str,
    public_key: &[u8],
    private_key: &[u8],
    settled_after: TimeDelta,
) -> sqlx::Result<DateTime<Utc>> {
    sqlx::query_scalar!(
        "INSERT INTO signing_keys (id, public_key, private_key, sign_time)
         VALUES ($1, $2, $3, clock() + $4 * interval '1 second') RETURNING sign_time",
        id,
        public_key,
        private_key,
        settled_after.as_seconds_f64(),
    )
    .fetch_one(db)
    .await
}

/// Forgets the keys that are older than `age`.
pub async fn reap(db: &mut PgConnection, age: Duration) -> sqlx::Result<()> {
    sqlx::query!(
        "DELETE FROM signing_keys WHERE create_time <= clock() - $1 * interval '1 second'",
        age.as_secs_f64(),
    )
    .execute(db)
    .await?;
    Ok(())
}
