//! Every service in a process of its own, with people in it.

use std::{path::PathBuf, time::Duration};

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
    password,
    process::{Process, free_port},
    sign_in, suite,
};

/// People who can log in.
pub const LOGINS: usize = 16;
/// People with a role.
const PEOPLE: usize = 64;
/// The services, in the order of their start.
const SERVICES: [&str; 4] = ["identity", "authorization", "invitation", "importer"];

/// The servers and what the measurements need to know of them.
pub struct Fleet {
    pub database: Database,
    pub identity: Process,
    pub authorization: Process,
    pub gateway: Process,
    pub service_key: String,
    pub tenant_id: String,
    pub admin_id: String,
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
        let mut servers = servers(&database, &mailbox)?;
        let gateway = servers.pop().context("a gateway")?;
        let identity = servers.remove(0);
        let authorization = servers.remove(0);
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
            service_key: KEY.to_owned(),
            tenant_id,
            admin_id: first.user_id,
            admin,
            session_token: first.session_token,
            user_ids,
            people,
            others: servers,
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

/// The key of every service in a bench.
const KEY: &str = "a service key for benches only";

fn servers(database: &Database, mailbox: &Mailbox) -> Result<Vec<Process>> {
    let mut servers = Vec::new();
    // One for all: they hear of events through it.
    let redis = testkit::redis();
    let ports: Vec<_> = SERVICES
        .iter()
        .map(|_| free_port())
        .collect::<Result<_>>()?;
    let peers: Vec<String> = SERVICES
        .iter()
        .zip(&ports)
        .flat_map(|(name, port)| [format!("--{name}-uri"), format!("http://{port}")])
        .collect();
    for (name, port) in SERVICES.iter().zip(&ports) {
        let mut flags = common(&peers, &redis);
        flags.extend(pair(
            "--postgres-url",
            database.url().replace("{service}", name),
        ));
        flags.extend(pair("--secret", suite::SECRET.to_owned()));
        flags.extend(own(name, mailbox));
        servers.push(Process::start_at(
            *port,
            &format!("usher-{name}"),
            &flags,
            &log(name),
        )?);
    }
    let mut flags = common(&peers, &redis);
    let bounds = [
        "--rate-per-second",
        "--rate-burst",
        "--attempts-per-minute",
        "--attempts-burst",
    ];
    flags.extend(bounds.iter().flat_map(|name| pair(name, "10000000".into())));
    servers.push(Process::start("usher-gateway", &flags, &log("gateway"))?);
    Ok(servers)
}

fn common(peers: &[String], (redis, prefix): &(String, String)) -> Vec<String> {
    let mut flags = peers.to_vec();
    flags.extend(pair("--redis-url", redis.clone()));
    flags.extend(pair("--redis-prefix", prefix.clone()));
    flags.extend(pair("--service-key", KEY.into()));
    flags.extend(pair("--ops-listen", "127.0.0.1:0".into()));
    flags.extend(pair("--log", "warn".into()));
    flags.extend(pair("--max-concurrent-streams", "1000".into()));
    flags
}

fn own(service: &str, mailbox: &Mailbox) -> Vec<String> {
    let fingerprint = boot::Secret::from(KEY).fingerprint();
    match service {
        "identity" => {
            let names = SERVICES.iter().chain(&["gateway"]);
            let keys: Vec<_> = names.map(|name| format!("{name}={fingerprint}")).collect();
            [
                pair("--service-keys", keys.join(",")),
                pair("--bootstrap-token", suite::BOOTSTRAP_TOKEN.into()),
            ]
            .concat()
        }
        "invitation" => [
            pair("--smtp-url", mailbox.smtp_url()),
            pair("--mail-from", "Usher <no-reply@usher.example>".into()),
            pair("--link-base", "https://people.example/".into()),
        ]
        .concat(),
        _ => Vec::new(),
    }
}

fn pair(name: &str, value: String) -> Vec<String> {
    vec![name.to_owned(), value]
}

fn log(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("usher-bench-{name}.log"))
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
    for number in 0..PEOPLE {
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
        let ask = CreateRoleBindingRequest {
            user_id: user_id.clone(),
            role_id: admin_role.clone(),
            ..Default::default()
        };
        RoleBindingServiceClient::new(admin.clone())
            .create_role_binding(ask)
            .await?;
        ids.push(user_id);
        people.push((email, secret));
    }
    Ok((ids, people))
}
