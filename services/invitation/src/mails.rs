//! The record of every mail.

pub(crate) mod list;

use contract::invitation::{ListMailsRequest, ListMailsResponse, mail_service_server::MailService};
use rpc::Reply;
use tonic::Request;

use crate::Invitation;

#[tonic::async_trait]
impl MailService for Invitation {
    async fn list_mails(&self, request: Request<ListMailsRequest>) -> Reply<ListMailsResponse> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(list::run(self, &caller, ask).await)
    }
}
