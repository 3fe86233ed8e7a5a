//! The main job on real input: from a file of people to a person who is let in.
//! Uses the gateway and the mail catcher, nothing else.

mod audit;
mod company;
mod import;
mod invitee;
mod people;
mod seats;
mod steps;

use anyhow::Result;
use rpc::Channel;
use testkit::Client;

use crate::{Mails, sign_in};
use company::Company;
pub use import::{again, upload};
pub use steps::Steps;

/// What the demo runs against.
#[derive(Clone)]
pub struct Setting {
    /// The gateway.
    pub gateway: Channel,
    /// The mail catcher.
    pub mails: Mails,
    /// The username of an operator of the platform.
    pub operator: String,
    /// Their password.
    pub password: String,
}

/// Walks all eight steps; an error says what was not as it must be.
pub async fn run(setting: &Setting, steps: &mut Steps) -> Result<()> {
    let anyone = Client::new(setting.gateway.clone());
    let operator = sign_in(&anyone, "platform", &setting.operator, &setting.password).await?;

    steps.begin(
        "The operator creates Acme: role set, licensed roles, 150 seats, an admin, 3 projects",
    );
    let company = Company::found(&anyone, &operator, &setting.mails).await?;

    steps.begin("Acme's admin uploads people.csv, reviews it, and commits");
    let import = import::review(&company, steps).await?;
    import::commit(&company, &import, steps).await?;

    steps.begin("Every good row is an invited user with role, group, seat and one mail");
    let brought = people::verify(&company, &import, &setting.mails).await?;

    steps.begin("An invitee follows the link: preview, accept, password, authenticator");
    let guest = invitee::arrive(&company, &brought, &setting.mails).await?;

    steps.begin("They log in with password and code, and reach the projects, also a new one");
    let member = invitee::let_in(&company, &guest, steps).await?;

    steps.begin("The admin disables them: session and access end");
    invitee::shut_out(&company, &guest, &member, steps).await?;

    steps.begin("No seat left: one more licensed grant is refused and changes nothing");
    seats::exhaust(&company, &brought).await?;

    steps.begin("The audit trail has all of it, in order, with actor and address");
    audit::verify(&company, &guest, steps).await?;
    steps.end();
    Ok(())
}
