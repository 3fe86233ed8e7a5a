//! Which addresses belong to users already, and which may.

use std::collections::HashMap;

use contract::identity::{
    FindUsersRequest, provisioning_service_client::ProvisioningServiceClient,
};
use rpc::{Caller, Error};
use uuid::Uuid;

use crate::{Importer, reading::CHUNK};

/// Of these addresses, in lower case, those that belong to users of the tenant,
/// and to whom. What cannot be an address belongs to nobody.
pub async fn existing(
    app: &Importer,
    caller: &Caller,
    addresses: Vec<String>,
) -> Result<HashMap<String, Uuid>, Error> {
    let addresses: Vec<_> = addresses
        .into_iter()
        .filter(|address| (1..=254).contains(&address.len()))
        .collect();
    let mut client =
        ProvisioningServiceClient::new(app.peers.identity.on_behalf_of(&Importer::system(caller)?));
    let mut found = HashMap::new();
    for emails in addresses.chunks(CHUNK) {
        let ask = FindUsersRequest {
            emails: emails.to_vec(),
            ..FindUsersRequest::default()
        };
        let users = client.find_users(ask).await?.into_inner().users;
        for user in users {
            found.insert(user.email.to_ascii_lowercase(), user.id.parse()?);
        }
    }
    Ok(found)
}

/// The domains on which the addresses of new users are; none where any will do.
pub async fn domains(app: &Importer, caller: &Caller) -> Result<Vec<String>, Error> {
    let mut client =
        ProvisioningServiceClient::new(app.peers.identity.on_behalf_of(&Importer::system(caller)?));
    let found = client.find_users(FindUsersRequest::default()).await?;
    Ok(found.into_inner().username_domains)
}
