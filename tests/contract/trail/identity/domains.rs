//! Domains, each in a tenant of its own: once one is proven, usernames have to be
//! on it.

use contract::identity::{
    AddDomainRequest, Domain, RemoveDomainRequest, SetPrimaryDomainRequest, VerifyDomainRequest,
    domain_service_client::DomainServiceClient,
};
use testkit::Client;

use crate::trail::{Told, call, leaves, stage::Stage};

pub async fn tell(stage: &Stage<'_>, method: &str) -> Option<Told> {
    let company = stage.suite.company(&format!("d{}", stage.number)).await;
    let admin = &company.admin.client;
    let (first, second) = (
        format!("a{}.example", stage.number),
        format!("b{}.example", stage.number),
    );
    let ready = stage.before();
    match method {
        "DomainService.AddDomain" => {
            let ask = AddDomainRequest {
                domain: first,
                ..Default::default()
            };
            let call = call!(DomainServiceClient.add_domain(ask));
            stage.change(admin, call).await;
            leaves(&["domain_added"])
        }
        "DomainService.VerifyDomain" => {
            add(&ready, admin, &first).await;
            let ask = VerifyDomainRequest {
                domain: first,
                ..Default::default()
            };
            let call = call!(DomainServiceClient.verify_domain(ask));
            stage.change(admin, call).await;
            leaves(&["domain_verified", "primary_domain_set"])
        }
        "DomainService.SetPrimaryDomain" => {
            prove(&ready, admin, &first).await;
            prove(&ready, admin, &second).await;
            let ask = SetPrimaryDomainRequest {
                domain: second,
                ..Default::default()
            };
            let call = call!(DomainServiceClient.set_primary_domain(ask));
            stage.change(admin, call).await;
            leaves(&["primary_domain_set"])
        }
        "DomainService.RemoveDomain" => {
            add(&ready, admin, &first).await;
            let ask = RemoveDomainRequest {
                domain: first,
                ..Default::default()
            };
            let call = call!(DomainServiceClient.remove_domain(ask));
            stage.change(admin, call).await;
            leaves(&["domain_removed"])
        }
        _ => None,
    }
}

/// Adds a domain and sets its record.
async fn add(stage: &Stage<'_>, admin: &Client, name: &str) {
    let ask = AddDomainRequest {
        domain: name.into(),
        ..Default::default()
    };
    let call = call!(DomainServiceClient.add_domain(ask));
    let domain: Domain = stage.step(admin, call).await.domain.expect("a domain");
    stage.dns.set(&domain.record_name, &[&domain.record_value]);
}

async fn prove(stage: &Stage<'_>, admin: &Client, name: &str) {
    add(stage, admin, name).await;
    let ask = VerifyDomainRequest {
        domain: name.into(),
        ..Default::default()
    };
    let call = call!(DomainServiceClient.verify_domain(ask));
    stage.step(admin, call).await;
}
