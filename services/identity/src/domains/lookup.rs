//! Looking TXT records up.

use std::{net::SocketAddr, time::Duration};

use hickory_resolver::{
    Resolver, TokioResolver,
    config::{ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig},
    net::{NetError, runtime::TokioRuntimeProvider},
    proto::rr::RData,
};
use rpc::Error;

/// How long one server is waited for, and how often it is asked again.
const PATIENCE: (Duration, usize) = (Duration::from_secs(1), 1);
/// How long a caller waits at most: less than the deadline of a call.
const LONGEST: Duration = Duration::from_secs(3);

/// Asks the DNS.
#[derive(Clone, Copy, Debug)]
pub struct Lookup {
    server: Option<SocketAddr>,
}

impl Lookup {
    /// Asks this server, or those of the machine.
    pub fn by(server: Option<SocketAddr>) -> Lookup {
        Lookup { server }
    }

    /// The texts of the TXT records of a name; none where there is no such name.
    /// Nothing is remembered: a person who has just set the record tries again.
    pub async fn texts(&self, name: &str) -> Result<Vec<String>, Error> {
        let resolver = self.resolver().map_err(away)?;
        // A dot behind the name: it is whole, whatever domains the machine adds.
        let asked = resolver.txt_lookup(format!("{name}."));
        let answer = match tokio::time::timeout(LONGEST, asked).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) if error.is_no_records_found() => return Ok(Vec::new()),
            Ok(Err(error)) => return Err(away(error)),
            Err(late) => return Err(Error::unavailable("the DNS", late)),
        };
        let text = |data: &RData| match data {
            // A long text comes in pieces of 255 bytes (RFC 1035).
            RData::TXT(text) => Some(String::from_utf8_lossy(&text.txt_data.concat()).into_owned()),
            _ => None,
        };
        let records = answer.answers().iter();
        Ok(records.filter_map(|record| text(&record.data)).collect())
    }

    fn resolver(&self) -> Result<TokioResolver, NetError> {
        let mut builder = match self.server {
            None => Resolver::builder_tokio()?,
            Some(server) => {
                let mut connections = vec![ConnectionConfig::udp(), ConnectionConfig::tcp()];
                for connection in &mut connections {
                    connection.port = server.port();
                }
                let server = NameServerConfig::new(server.ip(), true, connections);
                let config = ResolverConfig::from_parts(None, Vec::new(), vec![server]);
                Resolver::builder_with_config(config, TokioRuntimeProvider::default())
            }
        };
        let options = builder.options_mut();
        (options.timeout, options.attempts) = PATIENCE;
        options.cache_size = 0;
        options.use_hosts_file = ResolveHosts::Never;
        builder.build()
    }
}

fn away(error: NetError) -> Error {
    Error::unavailable("the DNS", error)
}
