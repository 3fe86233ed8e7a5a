//! Whoever searches finds nobody of another tenant, and counts nobody.

use contract::identity::{ListUsersRequest, UserStatus};
use usher_tests::{Suite, password};

use super::who;

#[tokio::test]
async fn u_08_b_22_a_search_finds_and_counts_nobody_of_another_tenant() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    let globex = suite.company("globex").await;
    // The same address, and one that only the others have.
    for (company, email) in [
        (&acme, "quill@people.example"),
        (&globex, "quill@people.example"),
        (&globex, "quillon@people.example"),
    ] {
        company.user(email, &password()).await;
    }
    let search = |query: &str, statuses: &[UserStatus]| ListUsersRequest {
        query: query.into(),
        statuses: statuses.iter().map(|&status| status.into()).collect(),
        ..Default::default()
    };
    // By the index alone, beside a filter, and by what is too short for it.
    for statuses in [&[][..], &[UserStatus::Active]] {
        assert_eq!(who(&acme, search("quill", statuses)).await, ["quill"]);
        let others = who(&acme, search("quillon", statuses)).await;
        assert_eq!(others, Vec::<String>::new());
        assert_eq!(who(&acme, search("qu", statuses)).await, ["quill"]);
        assert_eq!(who(&globex, search("quill", statuses)).await.len(), 2);
    }
    suite.stop().await;
}
