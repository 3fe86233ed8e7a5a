//! Lists of different things that look alike.

use contract::identity::{
    CreateServiceAccountRequest, ListDomainsRequest, ListPropertiesRequest,
    ListServiceAccountsRequest, domain_service_client::DomainServiceClient,
    property_service_client::PropertyServiceClient,
    service_account_service_client::ServiceAccountServiceClient,
};
use usher_tests::Suite;

use crate::assert_refused;

/// Each of them is in the order of a name, and asks for nothing else.
#[tokio::test]
async fn b_28_a_page_token_of_another_method_is_refused() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    let admin = &acme.admin.client;
    let mut accounts = ServiceAccountServiceClient::new(admin.clone());
    for name in ["one", "two"] {
        let ask = CreateServiceAccountRequest {
            name: name.into(),
            ..Default::default()
        };
        accounts.create_service_account(ask).await.expect("made");
    }
    let ask = ListServiceAccountsRequest {
        page_size: 1,
        ..Default::default()
    };
    let reply = accounts.list_service_accounts(ask.clone()).await;
    let page_token = reply.expect("a page").into_inner().next_page_token;
    let next = ListServiceAccountsRequest {
        page_token: page_token.clone(),
        ..ask
    };
    let reply = accounts.list_service_accounts(next).await;
    assert_eq!(
        reply.expect("its own").into_inner().service_accounts.len(),
        1
    );
    let ask = ListPropertiesRequest {
        page_token: page_token.clone(),
        ..Default::default()
    };
    let mut properties = PropertyServiceClient::new(admin.clone());
    assert_refused!(properties.list_properties(ask).await, "PAGE_TOKEN_INVALID");
    let ask = ListDomainsRequest {
        page_token,
        ..Default::default()
    };
    let mut domains = DomainServiceClient::new(admin.clone());
    assert_refused!(domains.list_domains(ask).await, "PAGE_TOKEN_INVALID");
    suite.stop().await;
}
