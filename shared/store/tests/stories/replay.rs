//! One effect per request id.

use std::time::Duration;

use contract::{
    Id,
    errors::ErrorReason,
    identity::{CreateTenantRequest, CreateTenantResponse, Tenant},
};
use futures::future::join_all;
use rpc::{Caller, Error};
use sqlx::Executor as _;
use store::Store;

use crate::database::{Database, caller};

const EFFECTS: &str = "
    CREATE TABLE effects (tenant_id uuid NOT NULL, id bigint GENERATED ALWAYS AS IDENTITY,
        name text NOT NULL, PRIMARY KEY (tenant_id, id), UNIQUE (tenant_id, name));
    SELECT tenant_table('effects');";

#[tokio::test]
async fn fifty_uses_of_one_request_id_at_once_have_one_effect_and_one_reply() {
    let database = Database::new().await;
    let store = database.service("effects", EFFECTS, 8).await;
    let caller = caller(Id::new());
    let ask = ask("Acme");
    let replies = join_all((0..50).map(|_| carry_out(&store, &caller, &ask))).await;
    let replies: Vec<_> = replies
        .into_iter()
        .map(|reply| reply.expect("the same reply for all"))
        .collect();
    assert!(replies.iter().all(|reply| *reply == replies[0]));
    assert_eq!(effects(&store).await, 1);
}

/// The negative control: without a request id each use is a request.
#[tokio::test]
async fn without_a_request_id_each_use_has_its_effect() {
    let database = Database::new().await;
    let store = database.service("effects", EFFECTS, 8).await;
    let caller = caller(Id::new());
    let ask = CreateTenantRequest {
        request_id: String::new(),
        ..ask("Acme")
    };
    let replies = join_all((0..50).map(|_| carry_out(&store, &caller, &ask))).await;
    assert_eq!(
        replies.iter().filter(|reply| reply.is_ok()).count(),
        1,
        "the others meet the unique name"
    );
    assert_eq!(effects(&store).await, 1);
}

#[tokio::test]
async fn the_same_id_with_another_request_is_refused() {
    let database = Database::new().await;
    let store = database.service("effects", EFFECTS, 2).await;
    let caller = caller(Id::new());
    let first = ask("Acme");
    let other = CreateTenantRequest {
        display_name: "Other".into(),
        ..first.clone()
    };
    carry_out(&store, &caller, &first)
        .await
        .expect("carried out");
    let error = carry_out(&store, &caller, &other)
        .await
        .expect_err("refused");
    assert!(error.is(ErrorReason::RequestIdReused));
}

#[tokio::test]
async fn the_same_id_of_another_caller_is_another_request() {
    let database = Database::new().await;
    let store = database.service("effects", EFFECTS, 2).await;
    let tenant = Id::new();
    let first = ask("Acme");
    let other = CreateTenantRequest {
        display_name: "Other".into(),
        ..first.clone()
    };
    carry_out(&store, &caller(tenant), &first)
        .await
        .expect("carried out");
    carry_out(&store, &caller(tenant), &other)
        .await
        .expect("carried out");
    assert_eq!(effects(&store).await, 2);
}

#[tokio::test]
async fn a_request_that_was_rolled_back_can_be_made_again() {
    let database = Database::new().await;
    let store = database.service("effects", EFFECTS, 2).await;
    let caller = caller(Id::new());
    let ask = ask("Acme");
    drop(store.begin(&caller, &ask).await.expect("begun"));
    carry_out(&store, &caller, &ask).await.expect("carried out");
    assert_eq!(effects(&store).await, 1);
}

#[tokio::test]
async fn a_reply_with_a_secret_is_not_kept_and_its_request_not_repeated() {
    let database = Database::new().await;
    let store = database.service("effects", EFFECTS, 2).await;
    let caller = caller(Id::new());
    let ask = ask("Acme");
    let tx = store.begin(&caller, &ask).await.expect("begun");
    tx.commit_secret("a secret").await.expect("committed");
    let error = carry_out(&store, &caller, &ask).await.expect_err("refused");
    assert!(error.is(ErrorReason::RequestIdReused));
}

#[tokio::test]
async fn hooks_run_after_the_commit_and_never_without() {
    let database = Database::new().await;
    let store = database.service("effects", EFFECTS, 2).await;
    let caller = caller(Id::new());
    let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
    for commits in [false, true] {
        let mut tx = store
            .tenant(caller.tenant().expect("set"), &caller)
            .await
            .expect("begun");
        let sender = sender.clone();
        tx.after_commit(move || sender.send(commits).expect("heard"));
        if commits {
            tx.done().await.expect("committed");
        }
    }
    assert_eq!(receiver.recv().await, Some(true));
    assert!(receiver.is_empty());
}

#[tokio::test]
async fn a_reply_is_kept_for_two_days_and_then_removed_a_batch_at_a_time() {
    let database = Database::new().await;
    let (clock, time) = store::Clock::moved();
    let store = database.service_at("effects", EFFECTS, 2, clock).await;
    let caller = caller(Id::new());
    let (old, young) = (ask("Old"), ask("Young"));
    let first = carry_out(&store, &caller, &old).await.expect("carried out");
    let sql = "INSERT INTO effects.replies (tenant_id, caller, request_id, request_hash)
        SELECT gen_random_uuid(), 'test/', gen_random_uuid(), '' FROM generate_series(1, 600)";
    let mut admin = database.admin("effects").await;
    admin.execute(sql).await.expect("600 more");

    time.advance(Duration::from_hours(47));
    carry_out(&store, &caller, &young)
        .await
        .expect("carried out");
    assert!(!store.forget_replies().await.expect("nothing to remove"));
    let again = carry_out(&store, &caller, &old).await;
    assert_eq!(again.expect("replayed"), first);

    time.advance(Duration::from_hours(2));
    assert!(
        store.forget_replies().await.expect("removed"),
        "more than one batch"
    );
    assert!(
        !store.forget_replies().await.expect("removed"),
        "no more than two"
    );
    let left: i64 = sqlx::query_scalar("SELECT count(*) FROM effects.replies")
        .fetch_one(&mut admin)
        .await
        .expect("counted");
    assert_eq!(left, 1);
    carry_out(&store, &caller, &young).await.expect("replayed");
    carry_out(&store, &caller, &old)
        .await
        .expect_err("a new request, which meets its own name");
}

async fn carry_out(
    store: &Store,
    caller: &Caller,
    ask: &CreateTenantRequest,
) -> Result<CreateTenantResponse, Error> {
    let mut tx = store.begin(caller, ask).await?;
    if let Some(reply) = tx.replay()? {
        return Ok(reply);
    }
    sqlx::query("INSERT INTO effects (tenant_id, name) VALUES ($1, $2)")
        .bind(tx.tenant_id())
        .bind(&ask.display_name)
        .execute(&mut *tx)
        .await?;
    let made = Tenant {
        id: Id::<Tenant>::new().to_string(),
        ..Tenant::default()
    };
    tx.commit(CreateTenantResponse { tenant: Some(made) }).await
}

fn ask(name: &str) -> CreateTenantRequest {
    CreateTenantRequest {
        display_name: name.into(),
        request_id: Id::<()>::new().to_string(),
        ..CreateTenantRequest::default()
    }
}

async fn effects(store: &Store) -> i64 {
    let mut tx = store.worker().await.expect("begun");
    sqlx::query_scalar("SELECT count(*) FROM effects")
        .fetch_one(&mut *tx)
        .await
        .expect("counted")
}
