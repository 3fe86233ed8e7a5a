//! The root key of a service, and the secrets that open it.

use rpc::Error;
use sqlx::{ConnectOptions as _, Connection as _, PgConnection};
use zeroize::Zeroizing;

use crate::{Keys, store::login};

/// What the root key is sealed for.
const PURPOSE: &str = "root key";

/// 32 bytes that nobody else knows.
pub type Secret = Zeroizing<[u8; 32]>;

impl Keys {
    /// The keys of a service, from its root key: 32 random bytes, made at the
    /// first start, and kept in the service's schema sealed under each of
    /// `secrets`, newest first. `None` where the root key is sealed under none
    /// of them.
    ///
    /// So a secret is changed without touching anything that was hashed or
    /// sealed: a start with the new one before the former adds the new one, and
    /// a start without the former ends it. Replicas that started with other
    /// secrets go on.
    pub async fn open_root(
        url: &str,
        service: &'static str,
        secrets: &[Secret],
    ) -> Result<Option<Keys>, Error> {
        let mut db = login(url, service)?.connect().await?;
        let mut tx = db.begin().await?;
        // Two replicas that start for the first time at once make one key.
        sqlx::query("SELECT pg_advisory_xact_lock(hashtext($1), hashtext('root key'))")
            .bind(service)
            .execute(&mut *tx)
            .await?;
        let slots: Vec<Slot> = secrets
            .iter()
            .map(|secret| Slot::of(service, secret))
            .collect();
        let Some(root) = root(&mut tx, &slots).await? else {
            return Ok(None);
        };
        if let Some(newest) = slots.first() {
            newest.keep(&mut tx, &root).await?;
        }
        forget_others(&mut tx, service, &slots).await?;
        tx.commit().await?;
        Ok(Some(Keys::new(&root)))
    }
}

/// The place of the root key as one secret finds it.
struct Slot {
    service: &'static str,
    id: [u8; 32],
    keys: Keys,
}

impl Slot {
    fn of(service: &'static str, secret: &Secret) -> Self {
        let keys = Keys::new(secret);
        Self {
            service,
            id: keys.keyed_hash(PURPOSE, service.as_bytes()),
            keys,
        }
    }

    fn open(&self, sealed: &[u8]) -> Result<Secret, Error> {
        let plain = self.keys.open(PURPOSE, self.service.as_bytes(), sealed)?;
        let mut root = Secret::default();
        if plain.len() != root.len() {
            return Err(Error::fault("a root key that is not 32 bytes long"));
        }
        root.copy_from_slice(&plain);
        Ok(root)
    }

    async fn keep(&self, db: &mut PgConnection, root: &Secret) -> Result<(), Error> {
        let sealed = self
            .keys
            .seal(PURPOSE, self.service.as_bytes(), root.as_slice());
        let added = sqlx::query(
            "INSERT INTO root_keys (secret_id, sealed) VALUES ($1, $2)
             ON CONFLICT (secret_id) DO NOTHING",
        )
        .bind(self.id.as_slice())
        .bind(sealed)
        .execute(db)
        .await?;
        if added.rows_affected() > 0 {
            tracing::info!(service = self.service, "a new secret opens the root key");
        }
        Ok(())
    }
}

/// The root key that the first fitting slot opens: a new one where nothing has
/// happened yet, and none where there is one that no slot opens.
async fn root(db: &mut PgConnection, slots: &[Slot]) -> Result<Option<Secret>, Error> {
    let kept: Vec<(Vec<u8>, Vec<u8>)> = sqlx::query_as("SELECT secret_id, sealed FROM root_keys")
        .fetch_all(&mut *db)
        .await?;
    if kept.is_empty() {
        let begun: bool = sqlx::query_scalar("SELECT EXISTS (SELECT FROM outbox)")
            .fetch_one(db)
            .await?;
        if begun {
            return Err(Error::fault(
                "the root key is gone and what it sealed is there: restore root_keys from a backup",
            ));
        }
        return Ok(Some(Zeroizing::new(Keys::salt())));
    }
    let of_slot = |slot: &Slot| kept.iter().find(|(id, _)| *id == slot.id);
    let found = slots
        .iter()
        .find_map(|slot| of_slot(slot).map(|(_, sealed)| slot.open(sealed)));
    found.transpose()
}

async fn forget_others(
    db: &mut PgConnection,
    service: &'static str,
    slots: &[Slot],
) -> Result<(), Error> {
    let given: Vec<&[u8]> = slots.iter().map(|slot| slot.id.as_slice()).collect();
    let gone = sqlx::query("DELETE FROM root_keys WHERE secret_id <> ALL($1)")
        .bind(given)
        .execute(db)
        .await?;
    if gone.rows_affected() > 0 {
        tracing::info!(service, "a former secret opens the root key no more");
    }
    Ok(())
}
