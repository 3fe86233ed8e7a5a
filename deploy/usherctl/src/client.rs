//! The way to the gateway.

use std::time::Duration;

use tonic::{
    Request, Status,
    metadata::{Ascii, MetadataValue},
    service::{Interceptor, interceptor::InterceptedService},
    transport::{Channel, ClientTlsConfig, Endpoint, Uri},
};

use crate::failure::Failure;

/// What every generated client takes.
pub type Gateway = InterceptedService<Channel, Headers>;

/// The gateway, and as whom it is called.
#[derive(Clone)]
pub struct Client {
    channel: Channel,
    headers: Headers,
}

/// What goes with every call.
#[derive(Clone)]
pub struct Headers {
    authorization: Option<MetadataValue<Ascii>>,
    tenant: Option<MetadataValue<Ascii>>,
}

impl Client {
    /// Connects with the first call.
    pub fn new(
        gateway: Uri,
        token: Option<String>,
        tenant: Option<String>,
    ) -> Result<Client, Failure> {
        let tls = gateway.scheme_str() == Some("https");
        let mut endpoint = Endpoint::from(gateway)
            .connect_timeout(Duration::from_secs(5))
            .user_agent(concat!("usherctl/", env!("CARGO_PKG_VERSION")))
            .map_err(|error| Failure::usage(error.to_string()))?;
        if tls {
            let config = ClientTlsConfig::new().with_native_roots();
            endpoint = endpoint
                .tls_config(config)
                .map_err(|error| Failure::usage(error.to_string()))?;
        }
        let text = |what: &str, value: String| {
            MetadataValue::try_from(value)
                .map_err(|_| Failure::usage(format!("the {what} has characters it cannot have")))
        };
        let headers = Headers {
            authorization: token
                .map(|token| text("token", format!("Bearer {token}")))
                .transpose()?,
            tenant: tenant.map(|tenant| text("tenant", tenant)).transpose()?,
        };
        Ok(Client {
            channel: endpoint.connect_lazy(),
            headers,
        })
    }

    /// The gateway, as whoever is signed in.
    pub fn gateway(&self) -> Gateway {
        InterceptedService::new(self.channel.clone(), self.headers.clone())
    }

    /// The gateway, as nobody: for signing in.
    pub fn anonymous(&self) -> Gateway {
        let headers = Headers {
            authorization: None,
            tenant: None,
        };
        InterceptedService::new(self.channel.clone(), headers)
    }
}

impl Interceptor for Headers {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        if let Some(authorization) = &self.authorization {
            request
                .metadata_mut()
                .insert("authorization", authorization.clone());
        }
        if let Some(tenant) = &self.tenant {
            request
                .metadata_mut()
                .insert("usher-tenant", tenant.clone());
        }
        Ok(request)
    }
}
