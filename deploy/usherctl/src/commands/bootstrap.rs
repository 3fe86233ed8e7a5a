//! Makes the platform tenant and its first operator.

use contract::identity::{BootstrapRequest, tenant_service_client::TenantServiceClient};

use crate::{Session, failure::Failure, password};

const AFTER: &str = "\
Example:
  usherctl bootstrap --token \"$USHER_BOOTSTRAP_TOKEN\" --email ops@example.com \\
    --first-name Olga --last-name Peters --generate-password";

/// The flags.
#[derive(clap::Args)]
#[command(after_help = AFTER)]
pub struct Bootstrap {
    /// The secret that the installation was configured with
    #[arg(long, env = "USHER_BOOTSTRAP_TOKEN", hide_env_values = true)]
    token: String,
    /// The operator's address, also their username
    #[arg(long)]
    email: String,
    /// The operator's first name
    #[arg(long)]
    first_name: String,
    /// The operator's last name
    #[arg(long)]
    last_name: String,
    /// Make a password and show it, instead of asking for one
    #[arg(long, conflicts_with = "password_stdin")]
    generate_password: bool,
    /// Read the password from stdin
    #[arg(long)]
    password_stdin: bool,
}

impl Bootstrap {
    pub async fn run(self, session: &Session) -> Result<(), Failure> {
        let password = if self.generate_password {
            generated()
        } else {
            password::ask("Password")?
        };
        let ask = BootstrapRequest {
            bootstrap_token: self.token,
            email: self.email.clone(),
            first_name: self.first_name,
            last_name: self.last_name,
            password: password.clone(),
        };
        let mut client = TenantServiceClient::new(session.client.anonymous());
        let reply = client.bootstrap(ask).await?.into_inner();
        let tenant = reply.tenant.clone().unwrap_or_default();
        let mut fields = vec![
            ("Tenant", tenant.name.clone()),
            ("Tenant ID", tenant.id),
            ("User ID", reply.user_id.clone()),
            ("Username", self.email.clone()),
        ];
        if self.generate_password {
            fields.push(("Password", password));
        }
        session.print.one(&reply, &fields)?;
        session.print.say(&format!(
            "sign in: usherctl login {} {}",
            tenant.name, self.email
        ));
        Ok(())
    }
}

/// 122 random bits twice, which no rule for passwords finds too short.
fn generated() -> String {
    format!(
        "{}{}",
        uuid::Uuid::new_v4().simple(),
        uuid::Uuid::new_v4().simple()
    )
}
