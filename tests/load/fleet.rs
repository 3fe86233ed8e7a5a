//! Every service in a process of its own, with people in it.

use std::time::Duration;

use anyhow::{Context, Result};
use contract::authorization::{
    CreateRoleBindingRequest, ListRolesRequest, RoleSet,
    role_binding_service_client::RoleBindingServiceClient, role_service_client::RoleServiceClient,
};
use contract::identity::{
    CreateTenantRequest, CreateUserRequest, MfaPolicy, tenant_service_client::TenantServiceClient,
    user_service_client::UserServiceClient,
};
use mailbox::Mailbox;
use testkit::{Client, Database};
use usher_tests::{
    fleet::{self, Ground},
    password,
    process::Process,
    sign_in, suite,
};

/// People who can log in: more than wait at a time, so that they seldom wait for
/// another login of their own.
pub const LOGINS: usize = 256;
/// People with a role.
const PEOPLE: usize = 64;
/// What every server is told.
const FLAGS: [&str; 4] = ["--log", "warn", "--max-concurrent-streams", "1000"];
/// One caller of a bench calls as often as it can.
const NO_BOUNDS: [&str; 8] = [
    "--rate-per-second",
    "10000000",
    "--rate-burst",
    "10000000",
    "--attempts-per-minute",
    "10000000",
    "--attempts-burst",
    "10000000",
];

/// The servers and what the measurements need to know of them.
pub struct Fleet {
    pub database: Database,
    pub identity: Process,
    pub authorization: Process,
    pub gateway: Process,
    pub service_key: String,
    pub tenant_id: String,
    pub admin_id: String,
    /// The operator, at home.
    pub operator: Client,
    /// The operator, acting in the tenant.
    pub admin: Client,
    pub session_token: String,
    pub user_ids: Vec<String>,
    pub people: Vec<(String, String)>,
    others: Vec<Process>,
    _mailbox: Mailbox,
}

impl Fleet {
    /// Starts all of it and fills it.
    pub async fn start() -> Result<Self> {
        let database = Database::fresh().await;
        let mailbox = Mailbox::start_on_loopback()?;
        let ground = Ground {
            database: &database,
            redis_url: &testkit::redis().0,
            smtp_url: &mailbox.smtp_url(),
            logs: std::env::temp_dir().join("usher-bench"),
        };
        let fleet::Fleet {
            gateway,
            mut services,
            ..
        } = fleet::Fleet::start(&ground, &FLAGS, &[("gateway", &NO_BOUNDS)])?;
        let identity = services.remove("identity").context("identity")?;
        let authorization = services.remove("authorization").context("authorization")?;
        gateway.ready().await;
        let anyone = Client::new(gateway.channel());
        let operator = suite::bootstrap(&anyone, &password()).await?;
        let tenant_id = tenant(&operator.client).await?;
        let admin = operator.client.in_tenant("bench");
        let (user_ids, people) = people(&admin).await?;
        let (email, secret) = people[0].clone();
        let first = sign_in(&anyone, "bench", &email, &secret).await?;
        Ok(Self {
            database,
            identity,
            authorization,
            gateway,
            service_key: fleet::SERVICE_KEY.to_owned(),
            tenant_id,
            admin_id: first.user_id,
            operator: operator.client,
            admin,
            session_token: first.session_token,
            user_ids,
            people,
            others: services.into_values().collect(),
            _mailbox: mailbox,
        })
    }

    /// Ends all of it.
    pub async fn stop(self) {
        drop((self.identity, self.authorization, self.gateway, self.others));
        tokio::time::sleep(Duration::from_millis(100)).await;
        self.database.drop().await;
    }
}

async fn tenant(operator: &Client) -> Result<String> {
    let ask = CreateTenantRequest {
        name: "bench".into(),
        display_name: "Bench".into(),
        role_set: RoleSet::Standard.into(),
        mfa_policy: MfaPolicy::Off.into(),
        ..Default::default()
    };
    let reply = TenantServiceClient::new(operator.clone())
        .create_tenant(ask)
        .await?
        .into_inner();
    Ok(reply.tenant.context("a tenant")?.id)
}

async fn people(admin: &Client) -> Result<(Vec<String>, Vec<(String, String)>)> {
    let ask = ListRolesRequest {
        page_size: 100,
        ..Default::default()
    };
    let roles = RoleServiceClient::new(admin.clone())
        .list_roles(ask)
        .await?
        .into_inner()
        .roles;
    let admin_role = roles
        .into_iter()
        .find(|role| role.name == "admin")
        .context("an admin role")?
        .id;
    let (mut ids, mut people) = (Vec::new(), Vec::new());
    for number in 0..LOGINS.max(PEOPLE) {
        let (email, secret) = (format!("person{number}@bench.example"), password());
        let ask = CreateUserRequest {
            first_name: "Bench".into(),
            last_name: format!("Person{number}"),
            email: email.clone(),
            password: secret.clone(),
            ..Default::default()
        };
        let user = UserServiceClient::new(admin.clone())
            .create_user(ask)
            .await?
            .into_inner()
            .user;
        let user_id = user.context("a user")?.id;
        people.push((email, secret));
        if number >= PEOPLE {
            continue;
        }
        let ask = CreateRoleBindingRequest {
            user_id: user_id.clone(),
            role_id: admin_role.clone(),
            ..Default::default()
        };
        RoleBindingServiceClient::new(admin.clone())
            .create_role_binding(ask)
            .await?;
        ids.push(user_id);
    }
    Ok((ids, people))
}
