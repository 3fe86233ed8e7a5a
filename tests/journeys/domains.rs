//! The domains of usernames (U-03, U-04).

use contract::identity::{
    AddDomainRequest, CreateUserRequest, Domain, ListDomainsRequest, RemoveDomainRequest,
    SetPrimaryDomainRequest, User, UserFields, VerifyDomainRequest,
    domain_service_client::DomainServiceClient, user_service_client::UserServiceClient,
};
use contract::importer::{
    CommitImportRequest, ImportRow, RowState, UpdateImportRowRequest,
    import_service_client::ImportServiceClient,
};
use testkit::Client;
use tonic::Status;
use usher_tests::{Company, Dns, Suite, password, sign_in};

use crate::{
    assert_refused,
    editing::update,
    imports::{committed, upload},
};

async fn started() -> (Suite, Dns) {
    let dns = Dns::start().await;
    let suite = Suite::start_with(&["--dns-resolver", &dns.address()]).await;
    (suite, dns)
}

async fn add(client: &Client, domain: &str) -> Result<Domain, Status> {
    let ask = AddDomainRequest {
        domain: domain.into(),
        ..Default::default()
    };
    let mut domains = DomainServiceClient::new(client.clone());
    let reply = domains.add_domain(ask).await?.into_inner();
    Ok(reply.domain.expect("a domain"))
}

async fn verify(client: &Client, domain: &str) -> Result<Domain, Status> {
    let ask = VerifyDomainRequest {
        domain: domain.into(),
        ..Default::default()
    };
    let mut domains = DomainServiceClient::new(client.clone());
    let reply = domains.verify_domain(ask).await?.into_inner();
    Ok(reply.domain.expect("a domain"))
}

async fn set_primary(client: &Client, domain: &str) -> Result<Domain, Status> {
    let ask = SetPrimaryDomainRequest {
        domain: domain.into(),
        ..Default::default()
    };
    let mut domains = DomainServiceClient::new(client.clone());
    let reply = domains.set_primary_domain(ask).await?.into_inner();
    Ok(reply.domain.expect("a domain"))
}

async fn remove(client: &Client, domain: &str) -> Result<(), Status> {
    let ask = RemoveDomainRequest {
        domain: domain.into(),
        ..Default::default()
    };
    let mut domains = DomainServiceClient::new(client.clone());
    domains.remove_domain(ask).await.map(|_| ())
}

async fn names(client: &Client) -> Vec<String> {
    let mut domains = DomainServiceClient::new(client.clone());
    let reply = domains.list_domains(ListDomainsRequest::default()).await;
    let listed = reply.expect("domains").into_inner();
    assert_eq!(listed.total_size, listed.domains.len() as u64);
    listed.domains.into_iter().map(|one| one.name).collect()
}

async fn create(client: &Client, username: &str, email: &str) -> Result<User, Status> {
    let ask = CreateUserRequest {
        first_name: "Ada".into(),
        last_name: "Lovelace".into(),
        username: username.into(),
        email: email.into(),
        password: password(),
        ..Default::default()
    };
    let mut users = UserServiceClient::new(client.clone());
    let reply = users.create_user(ask).await?.into_inner();
    Ok(reply.user.expect("a user"))
}

async fn rename(client: &Client, user: &User, username: &str) -> Result<User, Status> {
    let given = UserFields {
        username: username.into(),
        ..Default::default()
    };
    update(client, &user.id, &given, &["username"]).await
}

/// Adds a domain and proves it.
async fn prove(dns: &Dns, client: &Client, domain: &str) -> Domain {
    let added = add(client, domain).await.expect("a domain");
    dns.set(&added.record_name, &[&added.record_value]);
    verify(client, domain).await.expect("its proof")
}

#[tokio::test]
async fn u_04_a_domain_is_proven_by_its_record_and_by_no_other() {
    let (suite, dns) = started().await;
    let acme = suite.company("acme").await;
    let admin = &acme.admin.client;
    let added = add(admin, "ACME.example").await.unwrap();
    assert_eq!(added.name, "acme.example");
    assert_eq!(added.record_name, "_usher-challenge.acme.example");
    assert!(!added.verified && !added.primary);
    assert_refused!(add(admin, "acme.example").await, "DOMAIN_EXISTS");

    let refusal = assert_refused!(verify(admin, "acme.example").await, "DOMAIN_UNPROVEN");
    assert_eq!(refusal.metadata["record_value"], added.record_value);
    for wrong in [
        "usher-domain-verification=",
        &added.record_value[..added.record_value.len() - 1],
        &format!("{} ", added.record_value),
    ] {
        dns.set(&added.record_name, &["v=spf1 -all", wrong]);
        assert_refused!(verify(admin, "acme.example").await, "DOMAIN_UNPROVEN");
    }
    // On the domain itself it proves nothing.
    dns.set("acme.example", &[&added.record_value]);
    assert_refused!(verify(admin, "acme.example").await, "DOMAIN_UNPROVEN");

    dns.set(&added.record_name, &["v=spf1 -all", &added.record_value]);
    let proven = verify(admin, "Acme.Example").await.unwrap();
    assert!(
        proven.verified && proven.primary,
        "the first is the primary one"
    );
    // It stays proven without asking again.
    dns.set(&added.record_name, &[]);
    assert_eq!(verify(admin, "acme.example").await.unwrap(), proven);
    suite.stop().await;
}

#[tokio::test]
async fn u_04_a_dns_that_is_away_proves_nothing() {
    let (suite, dns) = started().await;
    let acme = suite.company("acme").await;
    add(&acme.admin.client, "acme.example").await.unwrap();
    drop(dns);
    assert_refused!(
        verify(&acme.admin.client, "acme.example").await,
        "DEPENDENCY_UNAVAILABLE"
    );
    suite.stop().await;
}

#[tokio::test]
async fn b_24_a_domain_of_another_tenant_is_found_out_by_its_owner_alone() {
    let (suite, dns) = started().await;
    let theirs = suite.company("theirs").await;
    let ours = suite.company("ours").await;
    let proven = prove(&dns, &theirs.admin.client, "known.example").await;
    let us = &ours.admin.client;

    // What they have is to us as what nobody has, also with their own record set.
    for domain in ["known.example", "never.example"] {
        let added = add(us, domain).await.expect("a domain to prove");
        assert!(!added.verified);
        assert_ne!(added.record_value, proven.record_value);
        assert_refused!(verify(us, domain).await, "DOMAIN_UNPROVEN");
        assert_refused!(set_primary(us, domain).await, "DOMAIN_UNPROVEN");
    }
    for domain in ["known.example", "never.example"] {
        remove(us, domain).await.expect("it proves nothing");
        assert_refused!(verify(us, domain).await, "DOMAIN_NOT_FOUND");
        assert_refused!(remove(us, domain).await, "DOMAIN_NOT_FOUND");
    }

    // Who owns it learns who had it before, and has it once they let it go.
    let added = add(us, "known.example").await.unwrap();
    dns.set(
        &added.record_name,
        &[&proven.record_value, &added.record_value],
    );
    assert_refused!(verify(us, "known.example").await, "DOMAIN_TAKEN");
    assert_eq!(names(us).await, ["known.example"]);
    remove(&theirs.admin.client, "known.example").await.unwrap();
    assert!(verify(us, "known.example").await.unwrap().verified);
    suite.stop().await;
}

#[tokio::test]
async fn u_03_usernames_are_on_the_proven_domains_of_the_tenant() {
    let (suite, dns) = started().await;
    let acme = suite.company("acme").await;
    let admin = &acme.admin.client;
    // Without a domain, and with one that is not proven, any name will do.
    let free = create(admin, "free spirit", "free@mail.example")
        .await
        .unwrap();
    assert_eq!(free.username, "free spirit");
    add(admin, "unproven.example").await.unwrap();
    create(admin, "ada", "ada.first@mail.example")
        .await
        .unwrap();

    prove(&dns, admin, "acme.test").await;
    let second = prove(&dns, admin, "acme.org").await;
    assert!(!second.primary, "there is a primary one");
    let short = create(admin, "grace", "grace@mail.example").await.unwrap();
    assert_eq!(short.username, "grace@acme.test");
    assert_eq!(short.email, "grace@mail.example", "mails go elsewhere");
    let other = create(admin, "grace@acme.org", "g@mail.example")
        .await
        .unwrap();
    assert_eq!(other.username, "grace@acme.org");
    for (username, email) in [
        ("eve@evil.example", "eve@mail.example"),
        ("eve@sub.acme.test", "eve@mail.example"),
        ("eve@unproven.example", "eve@mail.example"),
        ("", "eve@mail.example"),
    ] {
        let refusal = assert_refused!(create(admin, username, email).await, "USERNAME_DOMAIN");
        assert_eq!(refusal.fields, ["username"]);
    }
    let refusal = create(admin, "", "eve@mail.example").await.unwrap_err();
    assert!(
        refusal.message().contains("acme.org, acme.test"),
        "{refusal:?}"
    );

    // The rule is asked when a name is chosen, not of those that are there.
    let kept = rename(admin, &free, "free spirit").await.unwrap();
    assert_eq!(kept.etag, free.etag);
    let refusal = assert_refused!(
        rename(admin, &free, "free@evil.example").await,
        "USERNAME_DOMAIN"
    );
    assert_eq!(refusal.fields, ["username"]);
    let moved = rename(admin, &free, "free").await.unwrap();
    assert_eq!(moved.username, "free@acme.test");

    set_primary(admin, "acme.org").await.unwrap();
    let short = create(admin, "alan", "alan@mail.example").await.unwrap();
    assert_eq!(short.username, "alan@acme.org");
    let secret = password();
    acme.user("login@acme.org", &secret).await;
    sign_in(&suite.anyone(), "acme", "LOGIN@acme.org", &secret)
        .await
        .expect("a login by the name on the domain");
    suite.stop().await;
}

#[tokio::test]
async fn u_04_a_domain_that_usernames_are_on_is_not_removed() {
    let (suite, dns) = started().await;
    let acme = suite.company("acme").await;
    let admin = &acme.admin.client;
    prove(&dns, admin, "acme.test").await;
    prove(&dns, admin, "acme.org").await;
    create(admin, "grace@acme.org", "grace@mail.example")
        .await
        .unwrap();
    assert_refused!(remove(admin, "acme.org").await, "DOMAIN_IN_USE");
    // The primary one goes last.
    assert_refused!(remove(admin, "acme.test").await, "DOMAIN_IN_USE");
    set_primary(admin, "acme.org").await.unwrap();
    remove(admin, "acme.test").await.unwrap();
    assert_eq!(names(admin).await, ["acme.org"]);
    suite.stop().await;
}

#[tokio::test]
async fn u_04_no_username_is_left_on_a_domain_that_is_removed_meanwhile() {
    let (suite, dns) = started().await;
    let acme = suite.company("acme").await;
    // Another one stays, so that the rule holds all the time.
    prove(&dns, &acme.admin.client, "home.example").await;
    for round in 0..5 {
        race(&acme, &dns, &format!("race{round}.example")).await;
    }
    suite.stop().await;
}

/// Removes a domain while users are created on it. Either it stays, or they are
/// all refused.
async fn race(acme: &Company, dns: &Dns, domain: &str) {
    let admin = &acme.admin.client;
    prove(dns, admin, domain).await;
    let user = async |number: u32| {
        let name = format!("p{number}@{domain}");
        create(admin, &name, &name).await
    };
    let (one, two, removed) = tokio::join!(user(1), user(2), remove(admin, domain));
    if removed.is_ok() {
        assert_refused!(one, "USERNAME_DOMAIN");
        assert_refused!(two, "USERNAME_DOMAIN");
    } else {
        assert_refused!(removed, "DOMAIN_IN_USE");
        assert!(one.is_ok() || two.is_ok(), "{one:?} {two:?}");
    }
}

#[tokio::test]
async fn u_03_who_is_invited_is_on_the_proven_domains_too() {
    let (suite, dns) = started().await;
    let acme = suite.company("acme").await;
    let admin = &acme.admin.client;
    acme.invite("before@mail.example")
        .await
        .expect("without a domain any address will do");
    prove(&dns, admin, "acme.test").await;
    let refused = acme.invite("eve@mail.example").await;
    let refusal = assert_refused!(refused, "USERNAME_DOMAIN");
    assert_eq!(refusal.fields, ["invitation.email"]);
    acme.invite("Grace@ACME.test").await.expect("on the domain");
    let mut db = suite.database().connect().await;
    let sql = "SELECT (SELECT count(*) FROM identity.users WHERE email ILIKE 'eve@%')
        + (SELECT count(*) FROM invitation.invitations WHERE email ILIKE 'eve@%')
        + (SELECT count(*) FROM invitation.mails WHERE email ILIKE 'eve@%')";
    let left: i64 = sqlx::query_scalar(sql).fetch_one(&mut db).await.unwrap();
    assert_eq!(left, 0, "what was refused left something");

    // A file says so before anybody is invited.
    let file = "email,first name,last name\nalan@acme.test,A,T\neve@mail.example,E,V\n";
    let import = upload(admin, file).await.expect("read");
    let counts = import.counts.expect("counts");
    assert_eq!((counts.good, counts.wrong), (1, 1), "{counts:?}");
    let mended = UpdateImportRowRequest {
        import_id: import.id.clone(),
        line: 3,
        email: Some("eve@other.example".into()),
        ..Default::default()
    };
    let row = mend(admin, mended.clone()).await;
    let problem = &row.problems[0];
    assert_eq!(problem.field, "email");
    assert!(problem.description.contains("acme.test"), "{problem:?}");
    let mended = UpdateImportRowRequest {
        email: Some("eve@acme.test".into()),
        ..mended
    };
    assert_eq!(mend(admin, mended).await.state(), RowState::Good);

    // What was proven between the review and the commit is asked for once more.
    let late = "email,first name,last name\nlate@acme.test,L,A\n";
    let late = upload(admin, late).await.expect("read");
    prove(&dns, admin, "acme.org").await;
    set_primary(admin, "acme.org").await.expect("another one");
    remove(admin, "acme.test")
        .await
        .expect_err("usernames are on it");
    let sql = "DELETE FROM identity.domains WHERE name = 'acme.test'";
    sqlx::query(sql).execute(&mut db).await.expect("it is gone");
    let ask = CommitImportRequest {
        import_id: late.id.clone(),
        ..Default::default()
    };
    let mut imports = ImportServiceClient::new(admin.clone());
    imports.commit_import(ask).await.expect("a commit");
    let done = committed(admin, &late.id).await.progress.expect("progress");
    assert_eq!((done.created, done.failed), (0, 1), "{done:?}");
    suite.stop().await;
}

async fn mend(client: &Client, ask: UpdateImportRowRequest) -> ImportRow {
    let mut imports = ImportServiceClient::new(client.clone());
    let reply = imports.update_import_row(ask).await.expect("a change");
    reply.into_inner().row.expect("a row")
}

/// The name of the record that proves a domain is a name too.
#[tokio::test]
async fn u_04_a_domain_leaves_room_for_the_record_that_proves_it() {
    let (suite, dns) = started().await;
    let acme = suite.company("acme").await;
    let admin = &acme.admin.client;
    let of = |length: usize| {
        let labels = ["a".repeat(63), "b".repeat(63), "c".repeat(63)].join(".");
        let rest = length - labels.len() - 1 - ".example".len();
        format!("{labels}.{}.example", "d".repeat(rest))
    };
    let longest = prove(&dns, admin, &of(236)).await;
    assert_eq!(longest.record_name.len(), 253);
    assert!(longest.verified);
    let status = add(admin, &of(237)).await.expect_err("too long");
    assert_eq!(testkit::refusal(&status).fields, ["domain"], "{status:?}");
    suite.stop().await;
}
