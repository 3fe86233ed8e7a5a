//! What became of the data of deleted users.

use contract::identity::{
    Erasure, ListErasuresRequest, erasure_service_client::ErasureServiceClient,
};

use crate::{
    Session,
    failure::Failure,
    pages::{Limit, list},
    print::time,
};

/// Lists deleted users, oldest first.
pub async fn run(session: &Session, pending: bool, limit: Limit) -> Result<(), Failure> {
    let client = ErasureServiceClient::new(session.client.gateway());
    let ask = |page_size, page_token| {
        let mut client = client.clone();
        async move {
            client
                .list_erasures(ListErasuresRequest {
                    page_size,
                    page_token,
                    pending,
                })
                .await
        }
    };
    let listed = list(limit, ask, |page| {
        (page.erasures, page.next_page_token, page.total_size)
    })
    .await?;
    let header = ["User ID", "Deleted", "Erased everywhere", "Pending"];
    session.print.many(&listed, header, |erasure: &Erasure| {
        [
            erasure.user_id.clone(),
            time(erasure.create_time.as_ref()),
            time(erasure.end_time.as_ref()),
            erasure.pending_services.join(", "),
        ]
    })
}
