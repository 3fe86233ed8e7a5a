//! A DNS server on loopback.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use hickory_proto::{
    op::{Message, ResponseCode},
    rr::{Name, RData, Record, rdata::TXT},
};
use tokio::{net::UdpSocket, task::JoinHandle};

type Records = Arc<Mutex<BTreeMap<String, Vec<String>>>>;

/// A server that knows the TXT records which a test gives it, and says of all
/// other names that there are none. It serves until it is dropped.
pub struct Dns {
    address: SocketAddr,
    records: Records,
    serving: JoinHandle<()>,
}

impl Dns {
    /// Starts it on a free port.
    ///
    /// # Panics
    /// When there is none.
    pub async fn start() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a free port");
        let address = socket.local_addr().expect("its own address");
        let records = Records::default();
        let serving = tokio::spawn(serve(socket, records.clone()));
        Self {
            address,
            records,
            serving,
        }
    }

    /// The address, for the flag `--dns-resolver`.
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// The texts that a name has from now on.
    pub fn set(&self, name: &str, texts: &[&str]) {
        let texts = texts.iter().map(|&text| text.to_owned()).collect();
        let mut records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        records.insert(name.to_owned(), texts);
    }
}

impl Drop for Dns {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(socket: UdpSocket, records: Records) {
    let mut packet = vec![0; 4096];
    while let Ok((length, from)) = socket.recv_from(&mut packet).await {
        let Ok(asked) = Message::from_vec(&packet[..length]) else {
            continue;
        };
        let answer = answer(&asked, &records).to_vec().expect("an answer");
        // Whoever is gone needs none.
        let _ = socket.send_to(&answer, from).await;
    }
}

fn answer(asked: &Message, records: &Records) -> Message {
    let mut answer = Message::response(asked.metadata.id, asked.metadata.op_code);
    answer.metadata.recursion_desired = true;
    answer.metadata.recursion_available = true;
    answer.add_queries(asked.queries.iter().cloned());
    let Some(query) = asked.queries.first() else {
        return answer;
    };
    let name = query.name().to_ascii().to_ascii_lowercase();
    let records = records.lock().unwrap_or_else(PoisonError::into_inner);
    match records.get(name.trim_end_matches('.')) {
        Some(texts) => {
            let texts = texts.iter().map(|text| record(query.name(), text));
            answer.add_answers(texts);
        }
        None => answer.metadata.response_code = ResponseCode::NXDomain,
    }
    answer
}

/// A record of one text, in pieces as long texts come.
fn record(name: &Name, text: &str) -> Record {
    let (first, second) = text.split_at(text.len() / 2);
    let text = TXT::new(vec![first.to_owned(), second.to_owned()]);
    Record::from_rdata(name.clone(), 60, RData::TXT(text))
}
