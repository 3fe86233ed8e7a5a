//! Whom services believe.

use std::net::IpAddr;

use contract::Id;
use contract::errors::ErrorReason;
use rpc::Caller;

use crate::access::{batch, bearer, check, clients, read, reason};
use crate::island::{as_service, ask, somebody, start};

/// B-81.
#[tokio::test]
async fn nobody_is_believed_without_a_token() {
    let running = start();
    let who = somebody();
    let other = somebody();
    let token = bearer(&running, who);
    let (tenant, user) = (other.tenant.to_string(), other.user.to_string());
    let request_id = Id::<()>::new().to_string();
    let spoofed = [
        ("usher-tenant", tenant.as_str()),
        ("usher-actor", &user),
        ("usher-home", &tenant),
        ("usher-client-address", "203.0.113.7"),
        ("usher-request-id", &request_id),
    ];
    let person = || [spoofed.as_slice(), &[("authorization", token.as_str())]].concat();

    let mut plain = clients(&running.channel);
    reason(
        plain.access.check(ask(check(""), &spoofed)).await,
        ErrorReason::CredentialMissing,
    );
    reason(
        plain
            .access
            .check(ask(check(""), &[("usher-service", "x")]))
            .await,
        ErrorReason::CredentialInvalid,
    );
    reason(
        plain
            .access
            .check(ask(check(""), &[("usher-service", &token[7..])]))
            .await,
        ErrorReason::CredentialInvalid,
    );
    plain
        .access
        .check(ask(check(""), &person()))
        .await
        .expect("about oneself");
    let seen = running.island.last();
    assert_eq!(
        (seen.user, seen.tenant, seen.home),
        (Some(who.user), Some(who.tenant), Some(who.tenant))
    );
    assert_eq!(seen.address, None);
    assert_ne!(&*seen.request_id, request_id);

    // The gateway is believed about the client, but not about whom it acts for.
    let mut gateway = clients(&as_service(&running.island, &running.channel, "gateway"));
    reason(
        gateway.access.check(ask(check(""), &spoofed)).await,
        ErrorReason::CredentialMissing,
    );
    reason(
        gateway.feed.read_events(ask(read(), &spoofed)).await,
        ErrorReason::PermissionDenied,
    );
    gateway
        .access
        .check(ask(check(""), &person()))
        .await
        .expect("about oneself");
    let seen = running.island.last();
    assert_eq!(
        (seen.user, seen.tenant, seen.service),
        (Some(who.user), Some(who.tenant), None)
    );
    assert_eq!(seen.address, Some(IpAddr::from([203, 0, 113, 7])));
    assert_eq!(&*seen.request_id, request_id);
}

/// Without the user, the service would act with all rights of its own.
#[tokio::test]
async fn whom_a_service_acts_for_must_be_readable() {
    let running = start();
    let who = somebody();
    let channel = as_service(&running.island, &running.channel, "invitation");
    let (tenant, user) = (who.tenant.to_string(), who.user.to_string());
    let good = [
        ("usher-tenant", tenant.as_str()),
        ("usher-actor", &user),
        ("usher-home", &tenant),
    ];
    let mut client = clients(&channel);
    let call = ask(read(), &good);
    client.feed.read_events(call).await.expect("readable");
    for place in 0..good.len() {
        let mut bad = good;
        bad[place].1 = "nobody";
        reason(
            client.feed.read_events(ask(read(), &bad)).await,
            ErrorReason::CredentialInvalid,
        );
    }
}

#[tokio::test]
async fn a_service_acts_for_whom_it_says() {
    let running = start();
    let who = somebody();
    let channel = as_service(&running.island, &running.channel, "invitation");
    let on_behalf = Caller {
        address: Some(IpAddr::from([203, 0, 113, 7])),
        ..Caller::acting("invitation", who.tenant, Some(who.user))
    };
    let mut acting = clients(&channel.on_behalf_of(&on_behalf));
    acting
        .feed
        .read_events(read())
        .await
        .expect("a service of the suite");
    let seen = running.island.last();
    assert_eq!(
        (seen.user, seen.tenant, seen.home),
        (Some(who.user), Some(who.tenant), Some(who.tenant))
    );
    assert_eq!(
        (seen.service.as_deref(), seen.address),
        (Some("invitation"), on_behalf.address)
    );
    assert_eq!(seen.request_id, on_behalf.request_id);

    reason(
        acting.access.batch_check(batch()).await,
        ErrorReason::PermissionDenied,
    );
    let mut system = clients(&channel.on_behalf_of(&Caller::system("invitation", who.tenant)));
    system
        .access
        .batch_check(batch())
        .await
        .expect("nobody behind it");
}
