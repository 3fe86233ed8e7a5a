//! Hashes and seals that only this service can make.

use std::{fmt, sync::Arc};

use aws_lc_rs::{
    aead::{AES_256_GCM_SIV, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    digest::SHA256_OUTPUT_LEN,
    hkdf, hmac, rand,
    signature::Ed25519KeyPair,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use rpc::Error;
use zeroize::{Zeroize as _, Zeroizing};

/// The keys of a service, all derived from its root key (HKDF-SHA-256,
/// RFC 5869), a separate one for every purpose: what was hashed or sealed for
/// one purpose means nothing for another. [`Keys::open_root`] finds them.
#[derive(Clone)]
pub struct Keys {
    root: Arc<hkdf::Prk>,
    id: u8,
}

impl Keys {
    /// The keys that follow from 32 secret bytes.
    #[must_use]
    pub fn new(secret: &[u8; 32]) -> Keys {
        let root = hkdf::Salt::new(hkdf::HKDF_SHA256, b"usher").extract(secret);
        let id = derive(&root, "id", "")[0];
        Keys {
            root: Arc::new(root),
            id,
        }
    }

    /// HMAC-SHA-256 of the data under the key of the purpose: equal data has
    /// equal hashes, and without the root key nobody can try guesses.
    #[must_use]
    pub fn keyed_hash(&self, purpose: &str, data: &[u8]) -> [u8; 32] {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &*derive(&self.root, "hash", purpose));
        let mut hash = [0; SHA256_OUTPUT_LEN];
        hash.copy_from_slice(hmac::sign(&key, data).as_ref());
        hash
    }

    /// Encrypts `plain` for the purpose (AES-256-GCM-SIV, RFC 8452). Only
    /// [`Keys::open`] with the same purpose and context reads it: a context of
    /// tenant, table and row keeps a ciphertext from being moved elsewhere.
    ///
    /// The first byte tells which root key sealed it, then come the nonce and
    /// the ciphertext with its tag.
    #[must_use]
    pub fn seal(&self, purpose: &str, context: &[u8], plain: &[u8]) -> Vec<u8> {
        let mut nonce = [0; NONCE_LEN];
        fill(&mut nonce);
        let mut sealed =
            Vec::with_capacity(1 + NONCE_LEN + plain.len() + AES_256_GCM_SIV.tag_len());
        sealed.push(self.id);
        sealed.extend_from_slice(&nonce);
        let mut text = plain.to_vec();
        self.sealing(purpose)
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(context),
                &mut text,
            )
            .unwrap_or_else(|_| unreachable!("only texts beyond 64 GiB cannot be sealed"));
        sealed.append(&mut text);
        sealed
    }

    /// Decrypts what [`Keys::seal`] made for the same purpose and context. A
    /// fault where it did not: sealed values come from our own tables.
    pub fn open(
        &self,
        purpose: &str,
        context: &[u8],
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, Error> {
        self.try_open(purpose, context, sealed)
            .ok_or_else(|| Error::fault(format!("a value sealed for {purpose} does not open")))
    }

    fn try_open(&self, purpose: &str, context: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (id, rest) = sealed.split_first()?;
        let (nonce, text) = rest.split_first_chunk::<NONCE_LEN>()?;
        if *id != self.id {
            return None;
        }
        let mut text = text.to_vec();
        let opened = self.sealing(purpose).open_in_place(
            Nonce::assume_unique_for_key(*nonce),
            Aad::from(context),
            &mut text,
        );
        let Ok(length) = opened.map(|plain| plain.len()) else {
            text.zeroize();
            return None;
        };
        text.truncate(length);
        Some(Zeroizing::new(text))
    }

    /// [`Keys::seal`] as text that is safe in a URL, for handing out.
    #[must_use]
    pub fn seal_text(&self, purpose: &str, context: &[u8], plain: &[u8]) -> String {
        URL_SAFE_NO_PAD.encode(self.seal(purpose, context, plain))
    }

    /// Decrypts a text that came back. `None` where [`Keys::seal_text`] did not
    /// make it for the same purpose and context.
    #[must_use]
    pub fn open_text(
        &self,
        purpose: &str,
        context: &[u8],
        sealed: &str,
    ) -> Option<Zeroizing<Vec<u8>>> {
        let sealed = URL_SAFE_NO_PAD.decode(sealed).ok()?;
        self.try_open(purpose, context, &sealed)
    }

    /// A fresh secret of 256 random bits, as 43 characters that are safe in a
    /// URL. Keep only its [`Keys::keyed_hash`].
    #[must_use]
    pub fn token() -> String {
        let mut bits = Zeroizing::new([0; 32]);
        fill(&mut *bits);
        URL_SAFE_NO_PAD.encode(*bits)
    }

    /// 32 random bytes, for hashes that nobody is to find by trying.
    #[must_use]
    pub fn salt() -> [u8; 32] {
        let mut salt = [0; 32];
        fill(&mut salt);
        salt
    }

    /// The Ed25519 key (RFC 8032) of the purpose: for what others verify, who
    /// have no secret of ours.
    #[must_use]
    pub fn signer(&self, purpose: &str) -> Ed25519KeyPair {
        Ed25519KeyPair::from_seed_unchecked(&*derive(&self.root, "sign", purpose))
            .unwrap_or_else(|_| unreachable!("any 32 bytes are a seed, and so is a derived key"))
    }

    fn sealing(&self, purpose: &str) -> LessSafeKey {
        UnboundKey::new(&AES_256_GCM_SIV, &*derive(&self.root, "seal", purpose)).map_or_else(
            |_| unreachable!("an AES-256 key is 32 bytes, and so is a derived key"),
            LessSafeKey::new,
        )
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Keys(..)")
    }
}

fn derive(root: &hkdf::Prk, use_of: &str, purpose: &str) -> Zeroizing<[u8; 32]> {
    let mut key = Zeroizing::new([0; 32]);
    // `use_of` holds no slash, so the two parts cannot run into each other.
    let filled = root
        .expand(
            &[use_of.as_bytes(), b"/", purpose.as_bytes()],
            hkdf::HKDF_SHA256,
        )
        .and_then(|material| material.fill(&mut *key));
    filled.unwrap_or_else(|_| unreachable!("HKDF gives up to 8,160 bytes, and 32 were asked"));
    key
}

fn fill(bytes: &mut [u8]) {
    // Going on with predictable bytes would be worse than stopping.
    rand::fill(bytes).unwrap_or_else(|_| panic!("the system gives no randomness"));
}
