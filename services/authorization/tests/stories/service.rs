//! The service on a database of its own, called in process as whoever the test
//! says: what the access layer would have found out is given.

use boot::{Host, Peers, Service as _, Tasks};
use clap::Parser;
use contract::authorization::access_service_client::AccessServiceClient;
use contract::authorization::project_service_client::ProjectServiceClient;
use contract::authorization::provisioning_service_client::ProvisioningServiceClient;
use contract::authorization::role_service_client::RoleServiceClient;
use contract::authorization::{
    ActivateGrantsRequest, CheckRequest, CreateProjectRequest, Grants, ListRolesRequest,
    PrepareTenantRequest, ReserveGrantsRequest, Role, RoleSet,
};
use contract::identity::{Tenant, User};
use contract::licensing::license_service_client::LicenseServiceClient;
use contract::licensing::{License, SetLicensedRolesRequest, UpdateLicenseRequest};
use rpc::{Caller, Channel, Id};
use sqlx::{Executor as _, PgConnection};
use store::{Clock, Keys, Store};
use testkit::Database;
use tonic::Status;
use tonic::service::Routes;
use usher_authorization::{Authorization, Config};

use crate::caller::As;

/// One tenant, and one or more replicas of the service.
pub struct World {
    pub database: Database,
    pub tenant: Id<Tenant>,
    /// Where identity's events are published.
    pub identity: Store,
    pub replicas: Vec<Routes>,
}

#[derive(Parser)]
struct Flags {
    #[command(flatten)]
    config: Config,
}

impl World {
    /// A tenant with a role set, served by so many replicas.
    pub async fn of(role_set: RoleSet, replicas: usize) -> Self {
        let database = Database::fresh().await;
        let tenant = Id::new();
        let identity = store(&database, "identity").await;
        let mut world = Self {
            database,
            tenant,
            identity,
            replicas: Vec::new(),
        };
        for _ in 0..replicas {
            world.replicas.push(world.replica().await);
        }
        let ask = PrepareTenantRequest {
            role_set: role_set.into(),
        };
        let mut suite = ProvisioningServiceClient::new(world.suite());
        suite.prepare_tenant(ask).await.expect("prepared");
        world
    }

    async fn replica(&self) -> Routes {
        let tasks = Tasks::here();
        let feed = Routes::new(feed::serve(self.identity.clone(), "identity"));
        let caller = Caller::system("authorization", self.tenant);
        let identity = Channel::local(As {
            routes: feed,
            caller,
        });
        tasks.spawn(
            "relay",
            feed::relay(self.identity.clone(), None, tasks.stopping()),
        );
        let (nobody, _) = Channel::late();
        let peers = Peers {
            identity,
            authorization: nobody.clone(),
            invitation: nobody.clone(),
            importer: nobody,
        };
        let store = store(&self.database, Authorization::NAME).await;
        let host = Host {
            store,
            redis: None,
            peers,
            clock: Clock::system(),
            tasks,
        };
        let config = Flags::parse_from(["test"]).config;
        Authorization::start(host, config).await.expect("started")
    }

    /// The suite by itself, as when a tenant is made.
    pub fn suite(&self) -> As {
        self.by(0, Caller::system("identity", self.tenant))
    }

    /// An operator of the platform, acting in the tenant.
    pub fn operator(&self) -> As {
        let operator = Caller {
            home: Some(Id::new()),
            service: None,
            ..self.person(Id::new())
        };
        self.by(0, operator)
    }

    /// A user of the tenant.
    pub fn user(&self, user: Id<User>) -> As {
        self.by(0, self.person(user))
    }

    /// Anybody, at any replica.
    pub fn by(&self, replica: usize, caller: Caller) -> As {
        As {
            routes: self.replicas[replica].clone(),
            caller,
        }
    }

    fn person(&self, user: Id<User>) -> Caller {
        Caller {
            service: None,
            ..Caller::acting("", self.tenant, Some(user))
        }
    }

    /// The roles, by name.
    pub async fn role(&self, name: &str) -> String {
        let ask = ListRolesRequest {
            page_size: 100,
            page_token: String::new(),
        };
        let roles = RoleServiceClient::new(self.operator())
            .list_roles(ask)
            .await
            .expect("listed");
        let (_, roles, _) = roles.into_parts();
        roles
            .roles
            .into_iter()
            .find(|role: &Role| role.name == name)
            .expect("in the set")
            .id
    }

    /// So many users who accepted, with a role on the tenant.
    pub async fn members(&self, count: usize, role: &str) -> Vec<Id<User>> {
        let users: Vec<Id<User>> = (0..count).map(|_| Id::new()).collect();
        let role = self.role(role).await;
        let grants = |user: &Id<User>| Grants {
            user_id: user.to_string(),
            role_ids: vec![role.clone()],
            ..Grants::default()
        };
        let mut suite = ProvisioningServiceClient::new(self.suite());
        for part in users.chunks(500) {
            let ask = ReserveGrantsRequest {
                grants: part.iter().map(grants).collect(),
            };
            let (_, reserved, _) = suite
                .reserve_grants(ask)
                .await
                .expect("reserved")
                .into_parts();
            assert!(
                reserved
                    .outcomes
                    .iter()
                    .all(|outcome| outcome.refusal.is_empty())
            );
        }
        for user in &users {
            let ask = ActivateGrantsRequest {
                user_id: user.to_string(),
                ..Default::default()
            };
            suite.activate_grants(ask).await.expect("activated");
        }
        users
    }

    /// Sets seats and which roles use one.
    pub async fn license(&self, total_seats: u32, roles: &[&str]) -> Result<License, Status> {
        let mut role_ids = Vec::new();
        for role in roles {
            role_ids.push(self.role(role).await);
        }
        let mut operator = LicenseServiceClient::new(self.operator());
        operator
            .update_license(UpdateLicenseRequest {
                total_seats,
                ..Default::default()
            })
            .await?;
        let ask = SetLicensedRolesRequest {
            role_ids,
            ..Default::default()
        };
        let (_, set, _) = operator.set_licensed_roles(ask).await?.into_parts();
        Ok(set.license.unwrap_or_default())
    }

    /// A new project, and the revision of its creation.
    pub async fn project(&self, name: &str) -> (String, String) {
        let ask = CreateProjectRequest {
            name: name.to_owned(),
            ..Default::default()
        };
        let mut operator = ProjectServiceClient::new(self.operator());
        let (_, created, _) = operator
            .create_project(ask)
            .await
            .expect("created")
            .into_parts();
        (created.project.expect("a project").id, created.revision)
    }

    /// What a replica decides, and on which revision.
    pub async fn check(
        &self,
        replica: usize,
        user: Id<User>,
        permission: &str,
        project: &str,
        at: &str,
    ) -> (bool, String) {
        let ask = CheckRequest {
            user_id: user.to_string(),
            permission: permission.to_owned(),
            project_id: project.to_owned(),
            at_least_revision: at.to_owned(),
        };
        let caller = Caller::system("gateway", self.tenant);
        let mut access = AccessServiceClient::new(self.by(replica, caller));
        let (_, checked, _) = access.check(ask).await.expect("checked").into_parts();
        (checked.allowed, checked.revision)
    }

    /// The tables, above all rules.
    pub async fn tables(&self) -> PgConnection {
        let mut db = self.database.connect().await;
        db.execute(r#"SET search_path = "authorization""#)
            .await
            .expect("set");
        db
    }

    /// Seats used by the counter, by the holders, and by the bindings.
    pub async fn seats(&self) -> (i64, i64, i64) {
        sqlx::query_as(
            "SELECT (SELECT used::bigint FROM seats WHERE tenant_id = $1),
                    (SELECT count(*) FROM seat_holders WHERE tenant_id = $1),
                    (SELECT count(DISTINCT user_id) FROM role_bindings b
                     JOIN roles r ON r.tenant_id = b.tenant_id AND r.id = b.role_id AND r.licensed
                     WHERE b.tenant_id = $1)",
        )
        .bind(self.tenant.uuid())
        .fetch_one(&mut self.tables().await)
        .await
        .expect("counted")
    }
}

async fn store(database: &Database, service: &'static str) -> Store {
    let url = database.url().replace("{service}", service);
    Store::connect(&url, service, Keys::new(&[7; 32]), Clock::system(), 8)
        .await
        .expect("a store")
}
