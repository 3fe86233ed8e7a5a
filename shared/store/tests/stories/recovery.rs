//! After a restart of Postgres every idle connection is dead (B-65).

use contract::Id;
use futures::future::join_all;

use crate::database::{Database, caller};

#[tokio::test]
async fn b_65_dead_connections_are_not_the_callers_business() {
    let database = Database::new().await;
    let store = database.service("revived", "SELECT clock()", 5).await;
    let caller = caller(Id::new());
    let mut db = database.admin("revived").await;
    for _ in 0..5 {
        let open = join_all((0..5).map(|_| store.read(&caller))).await;
        let open: Vec<_> = open.into_iter().map(|tx| tx.expect("begun")).collect();
        assert_eq!(open.len(), 5);
        drop(open);
        let ended: i64 = sqlx::query_scalar(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
             WHERE datname = current_database() AND usename = 'usher_revived'",
        )
        .fetch_one(&mut db)
        .await
        .expect("ended");
        assert_eq!(ended, 5);
        store.ping().await.expect("on a new connection");
    }
}
