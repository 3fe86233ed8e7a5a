//! One's own password.

use contract::identity::{ChangePasswordRequest, password_service_client::PasswordServiceClient};

use crate::{Session, failure::Failure, names, password};

/// What to do.
#[derive(clap::Subcommand)]
pub enum Password {
    /// Change your password; your other sessions end
    #[command(
        after_help = "Examples:\n  usherctl password change\n  printf '%s\\n%s\\n' \"$OLD\" \"$NEW\" | usherctl password change"
    )]
    Change,
}

impl Password {
    pub async fn run(self, session: &Session) -> Result<(), Failure> {
        let Password::Change = self;
        let ask = ChangePasswordRequest {
            current_password: password::ask("Current password")?,
            new_password: password::ask("New password")?,
            request_id: names::request_id(),
        };
        let mut client = PasswordServiceClient::new(session.client.gateway());
        client.change_password(ask).await?;
        session.print.say("done: your other sessions have ended");
        Ok(())
    }
}
