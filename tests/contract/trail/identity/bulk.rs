//! One thing done to many. What is done to each is told under the id of the
//! operation.

use contract::identity::{
    BulkAction, CancelBulkOperationRequest, CreateBulkOperationRequest, NamedUsers,
    bulk_service_client::BulkServiceClient, create_bulk_operation_request::Users,
};
use sqlx::Connection as _;
use usher_tests::password;

use crate::trail::{Told, call, leaves, stage::Stage};

pub async fn tell(stage: &Stage<'_>, method: &str) -> Option<Told> {
    let user_id = stage.company.user(&stage.email("user"), &password()).await;
    match method {
        "BulkService.CreateBulkOperation" => {
            begin(stage, &user_id).await;
            leaves(&["bulk_operation_created"])
        }
        "BulkService.CancelBulkOperation" => {
            // Nobody gets at the user, so that the operation does not end before.
            let mut held = stage.suite.database().connect().await;
            let id: uuid::Uuid = user_id.parse().expect("an id");
            let mut lock = held.begin().await.expect("a transaction");
            sqlx::query("SELECT FROM identity.users WHERE id = $1 FOR UPDATE")
                .bind(id)
                .execute(&mut *lock)
                .await
                .expect("a lock");
            let ask = CancelBulkOperationRequest {
                bulk_operation_id: begin(&stage.before(), &user_id).await,
                ..Default::default()
            };
            let call = call!(BulkServiceClient.cancel_bulk_operation(ask));
            stage.step(stage.admin(), call).await;
            lock.rollback().await.expect("the lock is gone");
            leaves(&["bulk_operation_ended"])
        }
        _ => None,
    }
}

async fn begin(stage: &Stage<'_>, user_id: &str) -> String {
    let named = NamedUsers {
        user_ids: vec![user_id.into()],
    };
    let ask = CreateBulkOperationRequest {
        action: BulkAction::Disable.into(),
        users: Some(Users::Named(named)),
        ..Default::default()
    };
    let call = call!(BulkServiceClient.create_bulk_operation(ask));
    let reply = stage.step(stage.admin(), call).await;
    reply.bulk_operation.expect("an operation").id
}
