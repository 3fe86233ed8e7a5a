//! Lists of users: a tenant of a million among a thousand tenants, and how much
//! the other tenants matter to a small one.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use contract::authorization::RoleSet;
use contract::identity::{
    CreateTenantRequest, ListUsersRequest, ListUsersResponse, MfaPolicy, UserStatus,
    tenant_service_client::TenantServiceClient, user_service_client::UserServiceClient,
};
use testkit::Client;

use crate::{
    crowd,
    fleet::Fleet,
    memory,
    table::{Row, Table},
};

/// Users of the large tenant, and of each of the others.
const MILLION: usize = 1_000_000;
const OTHERS: usize = 100;
/// Small tenants that are measured, and their users.
const SMALL: usize = 10;
const SMALL_USERS: usize = 500;
/// Calls of one figure.
const CALLS: usize = 300;

/// The rows of lists. They share one crowd, so they are made all or none.
pub async fn measure(fleet: &Fleet, table: &mut Table) -> Result<()> {
    if !table.wants("ListUsers") && !table.wants(memory::IN_USE) {
        return Ok(());
    }
    let mut db = fleet.database.connect().await;
    let (mut small, mut crowds) = (Vec::new(), Vec::new());
    for number in 0..SMALL {
        let name = format!("small{number}");
        let id = tenant(&fleet.operator, &name).await?;
        crowds.push((id.parse()?, SMALL_USERS));
        small.push(fleet.operator.in_tenant(&name));
    }
    crowd::fill(&mut db, &crowds).await?;
    let few = density(&small).await?;

    let big = tenant(&fleet.operator, "big").await?;
    let begun = Instant::now();
    let mut crowds = crowd::tenants(&mut db, 1000 - SMALL - 3, OTHERS).await?;
    crowds.push((big.parse()?, MILLION));
    crowd::fill(&mut db, &crowds).await?;
    eprintln!("a million users were made in {:.0?}", begun.elapsed());
    million(&fleet.operator.in_tenant("big"), table).await?;
    memory::in_use(fleet, table).await?;

    let crowds = crowd::tenants(&mut db, 1000, OTHERS).await?;
    crowd::fill(&mut db, &crowds).await?;
    let many = density(&small).await?;
    table.add(Row {
        name: "ListUsers with 2,000 tenants: p95".into(),
        ours: many,
        reference: few,
        reference_name: "with 10 tenants",
        goal: "<= 1.5",
        unit: "ms",
    });
    Ok(())
}

async fn million(client: &Client, table: &mut Table) -> Result<()> {
    let mut ask = ListUsersRequest::default();
    for _ in 1..1000 {
        ask.page_token = list(client, ask.clone()).await?.next_page_token;
    }
    let (first, later) = both(client, &ListUsersRequest::default(), &ask).await?;
    let mut add = |name: &str, ours, reference, reference_name, goal| {
        table.add(Row {
            name: format!("ListUsers of a million: {name}"),
            ours,
            reference,
            reference_name,
            goal,
            unit: "ms",
        });
    };
    let bar = "20 ms";
    add("first page: p99", p(&first, 99), 20.0, bar, "<= 1");

    add(
        "page 1,000: p99",
        p(&later, 99),
        p(&first, 99),
        "first page",
        "<= 1.2",
    );

    let kind = |_| ListUsersRequest {
        statuses: vec![UserStatus::Active.into()],
        mfa_enabled: Some(true),
        licensed: Some(false),
        ..Default::default()
    };
    let filtered = timed(client, kind).await?;
    add(
        "filtered by status, factor and seat: p99",
        p(&filtered, 99),
        20.0,
        bar,
        "<= 1",
    );
    let rare = |_| ListUsersRequest {
        statuses: vec![UserStatus::Inactive.into()],
        never_logged_in: Some(true),
        ..kind(0)
    };
    let filtered = timed(client, rare).await?;
    add(
        "filtered, few fit: p99",
        p(&filtered, 99),
        20.0,
        bar,
        "<= 1",
    );
    let role = |_| ListUsersRequest {
        role_id: crowd::ROLE.to_string(),
        ..Default::default()
    };
    let filtered = timed(client, role).await?;
    add(
        "filtered by a role of 10,000: p99",
        p(&filtered, 99),
        20.0,
        bar,
        "<= 1",
    );

    let name = |number: usize| ListUsersRequest {
        query: crowd::last_name(number * 31)[2..8].into(),
        ..Default::default()
    };
    let found = list(client, name(0)).await?.total_size;
    ensure!(
        (1..2000).contains(&found),
        "{found} users are found by a part of a name"
    );
    let searched = timed(client, name).await?;
    add(
        "searched by the middle of a name: p99",
        p(&searched, 99),
        20.0,
        bar,
        "<= 1",
    );
    let address = |number: usize| ListUsersRequest {
        query: format!("{}@crowd", 10_000 + number * 37),
        ..Default::default()
    };
    let searched = timed(client, address).await?;
    add(
        "searched by the middle of an address: p99",
        p(&searched, 99),
        20.0,
        bar,
        "<= 1",
    );

    // Who searches for what a third of all have in common waits once.
    let mut ask = ListUsersRequest {
        query: "bar".into(),
        ..Default::default()
    };
    let common = timed_for(client, 20, |_| ask.clone()).await?;
    let of = list(client, ask.clone()).await?;
    eprintln!("{} users have \"bar\" in common", of.total_size);
    add(
        "a text in common, first page: p50",
        p(&common, 50),
        20.0,
        bar,
        "",
    );
    ask.page_token = of.next_page_token;
    let next = timed(client, |_| ask.clone()).await?;
    add(
        "a text in common, next page: p99",
        p(&next, 99),
        20.0,
        bar,
        "<= 1",
    );
    Ok(())
}

/// p95 over the small tenants in turn: first pages, and searches.
async fn density(small: &[Client]) -> Result<f64> {
    let mut took = Vec::new();
    for number in 0..CALLS {
        let query = match number % 2 {
            0 => String::new(),
            _ => crowd::last_name(number)[2..8].to_owned(),
        };
        let ask = ListUsersRequest {
            query,
            ..Default::default()
        };
        let client = &small[number % small.len()];
        took.extend(timed_for(client, 1, |_| ask.clone()).await?);
    }
    took.sort_by(f64::total_cmp);
    Ok(p(&took, 95))
}

async fn timed(client: &Client, ask: impl Fn(usize) -> ListUsersRequest) -> Result<Vec<f64>> {
    // Until everything that is read is in memory.
    timed_for(client, CALLS / 3, &ask).await?;
    timed_for(client, CALLS, ask).await
}

/// The same for two questions in turn, so that both meet the same machine.
async fn both(
    client: &Client,
    one: &ListUsersRequest,
    other: &ListUsersRequest,
) -> Result<(Vec<f64>, Vec<f64>)> {
    let (mut took, mut others) = (Vec::new(), Vec::new());
    for _ in 0..CALLS {
        took.extend(timed_for(client, 3, |_| one.clone()).await?);
        others.extend(timed_for(client, 3, |_| other.clone()).await?);
    }
    took.sort_by(f64::total_cmp);
    others.sort_by(f64::total_cmp);
    Ok((took, others))
}

/// Calls one after the other; how many milliseconds each took, sorted.
async fn timed_for(
    client: &Client,
    calls: usize,
    ask: impl Fn(usize) -> ListUsersRequest,
) -> Result<Vec<f64>> {
    let mut took = Vec::with_capacity(calls);
    for number in 0..calls {
        let ask = ask(number);
        let begun = Instant::now();
        list(client, ask).await?;
        took.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    took.sort_by(f64::total_cmp);
    Ok(took)
}

/// The figure that so many of a hundred stay under.
fn p(sorted: &[f64], share: usize) -> f64 {
    let at = sorted.len().saturating_sub(1) * share / 100;
    sorted.get(at).copied().unwrap_or(f64::NAN)
}

async fn list(client: &Client, ask: ListUsersRequest) -> Result<ListUsersResponse> {
    let mut users = UserServiceClient::new(client.clone());
    let answer = tokio::time::timeout(Duration::from_secs(30), users.list_users(ask)).await?;
    Ok(answer?.into_inner())
}

async fn tenant(operator: &Client, name: &str) -> Result<String> {
    let ask = CreateTenantRequest {
        name: name.into(),
        display_name: name.into(),
        role_set: RoleSet::Standard.into(),
        mfa_policy: MfaPolicy::Off.into(),
        ..Default::default()
    };
    let reply = TenantServiceClient::new(operator.clone())
        .create_tenant(ask)
        .await?;
    Ok(reply.into_inner().tenant.context("a tenant")?.id)
}
