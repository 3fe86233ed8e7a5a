//! Makes the tables of all services in an empty database, reading the
//! migrations from their folders. `usherctl migrate` does the same with those
//! that are compiled in; this one also works while the services' queries do not
//! fit their tables, which is when `cargo dev sqlx` needs it.

use std::error::Error;
use std::path::Path;

use sqlx::migrate::Migrator;

const SERVICES: [&str; 4] = ["identity", "authorization", "invitation", "importer"];

#[tokio::main(flavor = "current_thread")]
#[expect(
    clippy::disallowed_methods,
    reason = "a tool, told where to work by its caller"
)]
async fn main() -> Result<(), Box<dyn Error>> {
    let url = std::env::var("USHER_MIGRATE_URL")?;
    let services = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../services");
    for service in SERVICES {
        let migrations = services.join(service).join("migrations");
        // A service without tables yet has no folder either.
        let migrator = if migrations.is_dir() {
            Migrator::new(migrations).await?
        } else {
            Migrator::with_migrations(Vec::new())
        };
        usher_store::migrate(&url, service, &migrator, None)
            .await
            .map_err(|error| format!("{service}: {error:?}"))?;
    }
    Ok(())
}
