//! Starting: the app, and the work in its background.

use std::{sync::Arc, time::Duration};

use boot::{Host, Tasks};
use contract::identity::{
    audit_service_server::AuditServiceServer, bulk_service_server::BulkServiceServer,
    device_service_server::DeviceServiceServer, domain_service_server::DomainServiceServer,
    erasure_service_server::ErasureServiceServer, factor_service_server::FactorServiceServer,
    login_service_server::LoginServiceServer, password_service_server::PasswordServiceServer,
    policy_service_server::PolicyServiceServer, property_service_server::PropertyServiceServer,
    provisioning_service_server::ProvisioningServiceServer,
    service_account_service_server::ServiceAccountServiceServer,
    session_service_server::SessionServiceServer, tenant_service_server::TenantServiceServer,
    token_service_server::TokenServiceServer, user_service_server::UserServiceServer,
};
use feed::Freshness;
use rpc::{Error, places::Places};
use tokio::sync::{self, Mutex, mpsc};
use tonic::service::Routes;

use crate::{
    Config, Identity, NAME,
    audit::{checkpoints, seal::Sealer, watch},
    bulk,
    directory::{self, Mirror},
    domains::Lookup,
    erasures, events,
    factors::sms,
    lockouts::Gates,
    passwords::{self, Hashing},
    properties, reaper, resets,
    sessions::{self, Cache},
    tenants,
    tokens::{self, service_keys::ServiceKeys, signing},
};

/// How often last uses of sessions are written.
const FLUSH: Duration = Duration::from_secs(15);
/// How often counts and seats of users are brought up to date.
const COUNT: Duration = Duration::from_secs(1);
/// How often properties are looked for that were deleted.
const CLEAR: Duration = Duration::from_secs(1);
/// How often what is over is removed.
const REAP: Duration = Duration::from_secs(10);
/// How often users are looked for whose passwords must be changed soon.
const EXPIRY: Duration = Duration::from_secs(10);
/// How often tenants are looked for that a crash left half made.
const FINISH: Duration = Duration::from_secs(15);

static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("./migrations");

#[tonic::async_trait]
impl boot::Service for Identity {
    const NAME: &'static str = NAME;
    type Config = Config;

    fn migrations() -> &'static sqlx::migrate::Migrator {
        &MIGRATIONS
    }

    async fn start(host: Host, config: Config) -> Result<Routes, Error> {
        let freshness = Freshness::new();
        let (resets, asked) = mpsc::channel(resets::request::QUEUE);
        let hashing = Hashing::start(
            config.hash_threads(),
            config.login_wait(),
            host.store.keys().clone(),
            config.password_key_version,
        )?;
        let sms = sms::Sms::new(&config)?;
        let checkpoints = config.audit_checkpoint_every();
        let breached = config.breached()?;
        let app = Arc::new(Identity {
            store: host.store.clone(),
            tasks: host.tasks.clone(),
            authorization: host.peers.authorization.clone(),
            invitation: host.peers.invitation.clone(),
            hashing,
            breached,
            gates: Gates::default(),
            sessions: Cache::new(freshness.clone()),
            signing: signing::Signing::default(),
            access: tokens::access::Names {
                issuer: config.token_issuer,
                audience: config.token_audience,
            },
            sms,
            resets,
            mirrored: sync::watch::Sender::default(),
            service_keys: ServiceKeys::new(config.service_keys),
            bootstrap_token: config.bootstrap_token,
            sealer: Sealer::new(host.store.keys(), host.store.clock().clone()),
            watches: Places::new(watch::OF_CALLER),
            watches_of_tenant: Places::new(watch::OF_TENANT),
            audit_checkpoint_file: config.audit_checkpoint_file,
            lookup: Lookup::by(config.dns_resolver),
            bulk_begun: Arc::default(),
        });
        follow(&host, &app);
        remember(&host, &app, freshness);
        work(&host.tasks, &app, asked);
        prove(&host.tasks, &app, checkpoints);
        erasures::age::measure(&host.tasks, host.store.clone());
        for _ in 0..bulk::worker::WORKERS {
            let (app, stopping) = (app.clone(), host.tasks.stopping());
            host.tasks.keep("bulk operations", move || {
                bulk::worker::run(app.clone(), stopping.clone())
            });
        }
        Ok(Routes::new(TenantServiceServer::from_arc(app.clone()))
            .add_service(UserServiceServer::from_arc(app.clone()))
            .add_service(DomainServiceServer::from_arc(app.clone()))
            .add_service(PropertyServiceServer::from_arc(app.clone()))
            .add_service(LoginServiceServer::from_arc(app.clone()))
            .add_service(DeviceServiceServer::from_arc(app.clone()))
            .add_service(PolicyServiceServer::from_arc(app.clone()))
            .add_service(FactorServiceServer::from_arc(app.clone()))
            .add_service(PasswordServiceServer::from_arc(app.clone()))
            .add_service(SessionServiceServer::from_arc(app.clone()))
            .add_service(TokenServiceServer::from_arc(app.clone()))
            .add_service(ServiceAccountServiceServer::from_arc(app.clone()))
            .add_service(ProvisioningServiceServer::from_arc(app.clone()))
            .add_service(BulkServiceServer::from_arc(app.clone()))
            .add_service(ErasureServiceServer::from_arc(app.clone()))
            .add_service(AuditServiceServer::from_arc(app)))
    }
}

/// The feeds of all services, into the audit trail, and authorization's into the
/// mirror.
fn follow(host: &Host, app: &Identity) {
    let sealer = || app.sealer.clone();
    consume(host, "audit of identity", events::OfIdentity(sealer()));
    consume(
        host,
        "audit of authorization",
        events::OfAuthorization(sealer()),
    );
    consume(host, "audit of invitation", events::OfInvitation(sealer()));
    consume(host, "audit of importer", events::OfImporter(sealer()));
    consume(host, "mails with passwords", events::PasswordMails);
    let mirror = Mirror {
        moved: app.mirrored.clone(),
    };
    consume(host, "directory", mirror);
}

/// Checkpoints of the audit trails.
fn prove(tasks: &Tasks, app: &Arc<Identity>, every: Duration) {
    let app = app.clone();
    tasks.every(every, "audit checkpoints", move || {
        let app = app.clone();
        async move { checkpoints::run(&app).await }
    });
}

fn consume<C: feed::Consumer + Clone>(host: &Host, name: &'static str, consumer: C) {
    let Some(producer) = host.peers.of(C::PRODUCER).cloned() else {
        return;
    };
    let (store, redis, stopping) = (
        host.store.clone(),
        host.redis.clone(),
        host.tasks.stopping(),
    );
    host.tasks.keep(name, move || {
        feed::follow(
            consumer.clone(),
            store.clone(),
            redis.clone(),
            producer.clone(),
            stopping.clone(),
        )
    });
}

/// What keeps the sessions in memory true.
fn remember(host: &Host, app: &Arc<Identity>, freshness: Freshness) {
    let (store, stopping) = (host.store.clone(), host.tasks.stopping());
    let sessions = app.sessions.clone();
    host.tasks.keep("session endings", move || {
        let sessions = sessions.clone();
        feed::tail(
            store.clone(),
            move |event| sessions.hear(event),
            freshness.clone(),
            stopping.clone(),
        )
    });
    let (sessions, stopping) = (app.sessions.clone(), host.tasks.stopping());
    host.tasks.keep("session sweep", move || {
        let (sessions, stopping) = (sessions.clone(), stopping.clone());
        async move {
            stopping.run_until_cancelled(sessions.sweep()).await;
        }
    });
    let flushed = app.clone();
    host.tasks.every(FLUSH, "session last uses", move || {
        let app = flushed.clone();
        async move { sessions::flush(&app).await }
    });
}

/// The rest.
fn work(tasks: &Tasks, app: &Arc<Identity>, asked: mpsc::Receiver<resets::request::Asked>) {
    let (resetting, asked, stopping) = (app.clone(), Arc::new(Mutex::new(asked)), tasks.stopping());
    tasks.keep("password reset requests", move || {
        let (app, asked, stopping) = (resetting.clone(), asked.clone(), stopping.clone());
        async move {
            let mut queue = asked.lock().await;
            stopping
                .run_until_cancelled(resets::request::work(&app, &mut queue))
                .await;
        }
    });
    let (sending, stopping) = (app.clone(), tasks.stopping());
    tasks.keep("codes by SMS", move || {
        sms::work::run(sending.clone(), stopping.clone())
    });
    let signed = app.clone();
    tasks.every(signing::REFRESH, "signing keys", move || {
        let app = signed.clone();
        async move { app.signing.refresh(&app.store).await }
    });
    let finishing = app.clone();
    tasks.every(FINISH, "unfinished tenants", move || {
        let app = finishing.clone();
        async move { tenants::finish_abandoned(&app).await }
    });
    let telling = app.clone();
    tasks.every(EXPIRY, "passwords that must be changed soon", move || {
        let app = telling.clone();
        async move { passwords::expiry::run(&app).await }
    });
    let store = app.store.clone();
    tasks.every(COUNT, "counts of users", move || {
        let store = store.clone();
        async move {
            while directory::add_up(&store).await? {}
            Ok(())
        }
    });
    let store = app.store.clone();
    tasks.every(CLEAR, "values of deleted properties", move || {
        let store = store.clone();
        async move {
            while properties::delete::clear(&store).await? {}
            Ok(())
        }
    });
    let store = app.store.clone();
    tasks.every(COUNT, "seats of users", move || {
        let store = store.clone();
        async move {
            while directory::reseat(&store).await? {}
            Ok(())
        }
    });
    let store = app.store.clone();
    tasks.every(REAP, "reaper", move || {
        let store = store.clone();
        async move {
            while reaper::run(&store).await? {}
            Ok(())
        }
    });
}
