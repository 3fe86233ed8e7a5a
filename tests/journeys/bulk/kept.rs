//! How many operations are kept.

use contract::identity::{BulkAction, GetBulkOperationRequest, ListBulkOperationsRequest};
use usher_tests::{Suite, password};

use super::{begin, bulk, ended, named};
use crate::assert_refused;

/// Operations that ended one after the other, an hour ago and earlier, a user each.
async fn many(suite: &Suite, tenant_id: &str, user_id: &str, count: i32) {
    let sql = "WITH made AS (
            INSERT INTO identity.bulk_operations (tenant_id, id, action, state, creator_user_id,
                creator_tenant_id, total, checkpoint, create_time, end_time)
            SELECT $1::uuid, ('01000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, 'ENABLE',
                'DONE', $2::uuid, $1::uuid, 1, 1, now() - interval '3 days',
                now() - interval '1 hour' - ($3 - n) * interval '1 minute'
            FROM generate_series(1, $3) n RETURNING id)
        INSERT INTO identity.bulk_results (tenant_id, operation_id, place, user_id, outcome)
            SELECT $1::uuid, id, 1, $2::uuid, 'DONE' FROM made";
    let mut db = suite.database().connect().await;
    let made = sqlx::query(sql).bind(tenant_id).bind(user_id).bind(count);
    made.execute(&mut db).await.expect("operations of before");
}

#[tokio::test]
async fn u_13_of_many_operations_the_oldest_are_not_kept() {
    let suite = Suite::start().await;
    let (acme, other) = (suite.company("acme").await, suite.company("other").await);
    let client = &acme.admin.client;
    let user = acme.user("again@acme.example", &password()).await;
    many(&suite, &acme.id, &user, 104).await;
    let first = begin(&other.admin.client, BulkAction::Enable, named(&[&user]))
        .await
        .expect("an operation of another tenant");

    let new = begin(client, BulkAction::Enable, named(&[&user])).await;
    let new = ended(client, &new.expect("one more").id).await;
    let ask = ListBulkOperationsRequest {
        page_size: 100,
        ..Default::default()
    };
    let kept = bulk(client).list_bulk_operations(ask).await.expect("kept");
    let kept = kept.into_inner();
    assert_eq!(kept.total_size, 100);
    assert_eq!(kept.bulk_operations[0].id, new.id, "the newest is there");
    let of = |number: i32| GetBulkOperationRequest {
        bulk_operation_id: format!("01000000-0000-7000-8000-{number:012}"),
    };
    assert_refused!(
        bulk(client).get_bulk_operation(of(5)).await,
        "BULK_OPERATION_NOT_FOUND"
    );
    bulk(client)
        .get_bulk_operation(of(6))
        .await
        .expect("the 99 that ended last");
    let mut db = suite.database().connect().await;
    let sql = "SELECT count(*) FROM identity.bulk_results WHERE tenant_id = $1::uuid";
    let results: i64 = sqlx::query_scalar(sql)
        .bind(&acme.id)
        .fetch_one(&mut db)
        .await
        .expect("a count");
    assert_eq!(results, 100, "results of no operation");
    ended(&other.admin.client, &first.id).await;
    suite.stop().await;
}
