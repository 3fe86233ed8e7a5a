//! Devices from which a user has logged in.

use contract::identity::{
    Device, ListDevicesRequest, RevokeAllDevicesRequest, RevokeDeviceRequest,
    device_service_client::DeviceServiceClient,
};

use crate::{
    Session,
    failure::Failure,
    names,
    pages::{Limit, list},
    print::time,
};

/// What to do.
#[derive(clap::Subcommand)]
pub enum Devices {
    /// List the devices of a user; one's own where none is named
    #[command(after_help = "Example:\n  usherctl devices list ada@acme.example --output json")]
    List {
        /// Whose
        user: Option<String>,
        #[command(flatten)]
        limit: Limit,
    },
    /// Forget a device, and end the sessions that were begun from it
    #[command(
        after_help = "Example:\n  usherctl devices revoke 0198f3c2-… --user ada@acme.example"
    )]
    Revoke {
        /// The id of the device
        device_id: String,
        /// Whose it is, where it is not one's own
        #[arg(long)]
        user: Option<String>,
    },
    /// Forget all devices of a user, and end the sessions that were begun from
    /// them
    #[command(after_help = "Example:\n  usherctl devices revoke-all ada@acme.example")]
    RevokeAll {
        /// Whose; one's own where none is named
        user: Option<String>,
    },
}

impl Devices {
    pub async fn run(self, session: &Session) -> Result<(), Failure> {
        let mut client = DeviceServiceClient::new(session.client.gateway());
        let request_id = names::request_id();
        match self {
            Devices::List { user, limit } => return all(session, user, limit).await,
            Devices::Revoke { device_id, user } => {
                let ask = RevokeDeviceRequest {
                    user_id: of(session, user).await?,
                    device_id,
                    request_id,
                };
                client.revoke_device(ask).await?;
            }
            Devices::RevokeAll { user } => {
                let ask = RevokeAllDevicesRequest {
                    user_id: of(session, user).await?,
                    request_id,
                };
                client.revoke_all_devices(ask).await?;
            }
        }
        session.print.say("done");
        Ok(())
    }
}

async fn all(session: &Session, user: Option<String>, limit: Limit) -> Result<(), Failure> {
    let client = DeviceServiceClient::new(session.client.gateway());
    let user_id = of(session, user).await?;
    let ask = |page_size, page_token| {
        let mut client = client.clone();
        let ask = ListDevicesRequest {
            user_id: user_id.clone(),
            page_size,
            page_token,
        };
        async move { client.list_devices(ask).await }
    };
    let listed = list(limit, ask, |page| {
        (page.devices, page.next_page_token, page.total_size)
    })
    .await?;
    let header = [
        "Name",
        "Address",
        "Since",
        "Last login",
        "Trusted until",
        "ID",
    ];
    session.print.many(&listed, header, |device: &Device| {
        [
            device.name.clone(),
            device.address.clone(),
            time(device.create_time.as_ref()),
            time(device.last_use_time.as_ref()),
            time(device.trust_end_time.as_ref()),
            device.id.clone(),
        ]
    })
}

async fn of(session: &Session, user: Option<String>) -> Result<String, Failure> {
    match user {
        Some(user) => names::user(session, &user).await,
        None => Ok(String::new()),
    }
}
