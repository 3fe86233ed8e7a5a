//! Ids that know of what.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::str::FromStr;

use uuid::Uuid;

/// The id of a `K`, a UUID. The kind is the message of the contract:
/// `Id<contract::identity::User>` never stands where an
/// `Id<contract::identity::Tenant>` belongs.
pub struct Id<K>(Uuid, PhantomData<fn() -> K>);

impl<K> Id<K> {
    /// A fresh id: UUIDv7, so that ids grow with time and indexes stay compact.
    #[must_use]
    #[expect(
        clippy::new_without_default,
        reason = "a default id would be a fresh one, which nobody expects"
    )]
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the place that makes ids"
    )]
    pub fn new() -> Self {
        Self::from_uuid(Uuid::now_v7())
    }

    /// Says of what a UUID is the id.
    #[must_use]
    pub const fn from_uuid(uuid: Uuid) -> Self {
        Self(uuid, PhantomData)
    }

    /// The bare UUID.
    #[must_use]
    pub const fn uuid(&self) -> Uuid {
        self.0
    }
}

impl<K> Clone for Id<K> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K> Copy for Id<K> {}

impl<K> PartialEq for Id<K> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<K> Eq for Id<K> {}

impl<K> PartialOrd for Id<K> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<K> Ord for Id<K> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.cmp(&other.0)
    }
}

impl<K> Hash for Id<K> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl<K> fmt::Display for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl<K> fmt::Debug for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl<K> FromStr for Id<K> {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, uuid::Error> {
        Uuid::try_parse(text).map(Self::from_uuid)
    }
}

impl<K> From<Uuid> for Id<K> {
    fn from(uuid: Uuid) -> Self {
        Self::from_uuid(uuid)
    }
}

impl<K> From<Id<K>> for Uuid {
    fn from(id: Id<K>) -> Self {
        id.0
    }
}

/// As a column of type `uuid`.
#[cfg(feature = "sqlx")]
mod postgres {
    use sqlx::encode::IsNull;
    use sqlx::error::BoxDynError;
    use sqlx::postgres::{PgArgumentBuffer, PgHasArrayType, PgTypeInfo, PgValueRef};
    use sqlx::{Decode, Encode, Postgres, Type};
    use uuid::Uuid;

    use super::Id;

    impl<K> Type<Postgres> for Id<K> {
        fn type_info() -> PgTypeInfo {
            <Uuid as Type<Postgres>>::type_info()
        }

        fn compatible(info: &PgTypeInfo) -> bool {
            <Uuid as Type<Postgres>>::compatible(info)
        }
    }

    impl<K> PgHasArrayType for Id<K> {
        fn array_type_info() -> PgTypeInfo {
            <Uuid as PgHasArrayType>::array_type_info()
        }
    }

    impl<K> Encode<'_, Postgres> for Id<K> {
        fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
            self.0.encode_by_ref(buffer)
        }
    }

    impl<'r, K> Decode<'r, Postgres> for Id<K> {
        fn decode(value: PgValueRef<'r>) -> Result<Self, BoxDynError> {
            <Uuid as Decode<'r, Postgres>>::decode(value).map(Self::from_uuid)
        }
    }
}
