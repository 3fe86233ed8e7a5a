//! A user as people read them.

use contract::identity::{User, UserAlert, UserProperty};

use super::update;
use crate::{
    Session,
    failure::Failure,
    print::{time, word, yes},
};

/// Where a user stands, in a word.
pub fn status(user: &User) -> String {
    word(user.status().as_str_name(), "USER_STATUS_")
}

/// What needs attention about a user.
pub fn alerts(user: &User) -> String {
    let alert = |alert: &UserAlert| word(alert.kind().as_str_name(), "USER_ALERT_KIND_");
    user.alerts.iter().map(alert).collect::<Vec<_>>().join(", ")
}

fn provider(user: &User) -> String {
    let provider = user.authentication_provider().as_str_name();
    word(provider, "AUTHENTICATION_PROVIDER_")
}

fn properties(user: &User) -> String {
    let one = |of: &UserProperty| format!("{}={}", of.name, update::text(of.value.as_ref()));
    user.properties
        .iter()
        .map(one)
        .collect::<Vec<_>>()
        .join(", ")
}

/// All that is known of a user.
pub fn show(session: &Session, user: &User) -> Result<(), Failure> {
    let fields = [
        ("ID", user.id.clone()),
        ("Name", format!("{} {}", user.first_name, user.last_name)),
        ("Email", user.email.clone()),
        ("Username", user.username.clone()),
        ("Status", status(user)),
        ("Alerts", alerts(user)),
        ("Second factor", yes(user.mfa_enabled)),
        ("Verified", yes(user.verified)),
        ("Seat", yes(user.licensed)),
        ("Phone", user.phone.clone()),
        ("Time zone", user.time_zone.clone()),
        ("Language", user.language.clone()),
        ("Picture", user.avatar_uri.clone()),
        ("Properties", properties(user)),
        ("Provider", provider(user)),
        ("Active Directory ID", user.active_directory_id.clone()),
        ("Classification level", user.classification_level_id.clone()),
        ("Last login", time(user.last_login_time.as_ref())),
        ("Password until", time(user.password_expire_time.as_ref())),
        ("Created", time(user.create_time.as_ref())),
        ("Changed", time(user.update_time.as_ref())),
        ("Tenant ID", user.tenant_id.clone()),
        ("Etag", user.etag.clone()),
    ];
    session.print.one(user, &fields)
}
