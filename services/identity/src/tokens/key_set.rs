//! Answers the public keys that verify tokens (RFC 7517).

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use contract::identity::{GetKeySetResponse, Jwk};
use rpc::Error;

use crate::Identity;

pub async fn run(app: &Identity) -> Result<GetKeySetResponse, Error> {
    let keys = app.signing.published(&app.store).await?;
    let keys = keys.iter().map(|key| Jwk {
        kid: key.id.clone(),
        kty: "OKP".into(),
        crv: "Ed25519".into(),
        x: URL_SAFE_NO_PAD.encode(&key.public),
        alg: "EdDSA".into(),
        r#use: "sig".into(),
    });
    Ok(GetKeySetResponse {
        keys: keys.collect(),
    })
}
