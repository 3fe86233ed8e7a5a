//! B-84: every change leaves exactly one record in the audit trail, by an event
//! that is committed with the change.
//!
//! Each method that may change something has a story in the file of its service:
//! it carries the method out and says which records that leaves. A method
//! without one fails the test: add an arm to `tell`.

mod authorization;
mod identity;
mod importer;
mod invitation;
mod stage;

use prost_reflect::MethodDescriptor;
use usher_tests::{
    Dns, Suite,
    suite::{MANY_ATTEMPTS, MANY_CALLS},
};

use crate::descriptors::{methods, path};
use stage::Stage;

/// A method of a client with a request, to be called once or twice.
macro_rules! call {
    ($client:ident.$method:ident($ask:expr)) => {
        |client| {
            let ask = $ask.clone();
            async move { $client::new(client).$method(ask).await }
        }
    };
}
use call;

/// What a story says of its method.
pub struct Told {
    /// The id of the request that carried it out; the stage's own where absent.
    pub request: Option<String>,
    /// The actions of the records that it leaves, in any order.
    pub records: Vec<&'static str>,
}

/// These records and no others, by the request of the stage.
#[expect(clippy::unnecessary_wraps, reason = "a story that there is")]
pub fn leaves(records: &[&'static str]) -> Option<Told> {
    Some(Told {
        request: None,
        records: records.to_vec(),
    })
}

/// No record, for a reason: nothing that lasts was changed.
pub fn leaves_nothing(_because: &str) -> Option<Told> {
    leaves(&[])
}

/// Every method that a person may call and that may change something.
fn changing() -> Vec<MethodDescriptor> {
    let mut methods = methods();
    methods.retain(|method| {
        let known = contract::method(path(method).leak());
        known.is_some_and(|known| {
            known.idempotency != contract::Idempotency::NoSideEffects
                && !matches!(known.rule, Some(contract::Rule::Suite(_)))
        })
    });
    methods
}

async fn tell(stage: &Stage<'_>, method: &str) -> Option<Told> {
    let (package, name) = method.split_once('/')?;
    match package {
        "usher.identity.v1" => identity::tell(stage, name).await,
        "usher.authorization.v1" | "usher.licensing.v1" => authorization::tell(stage, name).await,
        "usher.invitation.v1" => invitation::tell(stage, name).await,
        "usher.importer.v1" => importer::tell(stage, name).await,
        _ => None,
    }
}

#[tokio::test]
async fn b_84_every_change_leaves_exactly_one_record() {
    let dns = Dns::start().await;
    let resolver = ["--dns-resolver", &dns.address()];
    let suite = Suite::start_with(&[&MANY_CALLS[..], &MANY_ATTEMPTS, &resolver].concat()).await;
    let company = suite.company("trail").await;
    stage::prepare(&suite).await;
    let mut wrong = Vec::new();
    for method in changing() {
        let service = method.parent_service();
        let name = format!(
            "{}/{}.{}",
            service.package_name(),
            service.name(),
            method.name()
        );
        let stage = Stage::new(&suite, &company, &dns);
        let Some(told) = tell(&stage, &name).await else {
            wrong.push(format!(
                "{name} has no story: add one to tests/contract/trail/"
            ));
            continue;
        };
        let request = told.request.as_deref().unwrap_or(&stage.request);
        let (found, mut expected) = (stage.records(request).await, told.records);
        expected.sort_unstable();
        if found != expected {
            wrong.push(format!("{name} leaves {found:?}, not {expected:?}"));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    suite.stop().await;
}
