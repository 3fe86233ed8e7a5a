//! The policy of the tenant: what it asks of its users.

use contract::identity::{
    GetPolicyRequest, Policy as Rules, UpdatePolicyRequest,
    policy_service_client::PolicyServiceClient,
};
use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, ReflectMessage as _, Value};
use prost_types::FieldMask;

use crate::{Session, failure::Failure, names, print};

/// What the names of the one enum begin with.
const ENUM: &str = "MFA_POLICY_";

/// What to do.
#[derive(clap::Subcommand)]
pub enum Policy {
    /// Show the policy
    Show,
    /// Change the policy; what is not named stays
    #[command(
        after_help = "Examples:\n  usherctl policy set password.min_length=16 lockout.duration=30m\n  usherctl policy set factor.mfa_policy=required factor.required_role_ids=admin,analyst\n\nDurations are numbers with s, m, h or d behind them. `usherctl policy show` lists the names."
    )]
    Set {
        /// Each a name and a value: `session.idle_timeout=8h`
        #[arg(required = true)]
        settings: Vec<String>,
    },
}

impl Policy {
    pub async fn run(self, session: &Session) -> Result<(), Failure> {
        let mut client = PolicyServiceClient::new(session.client.gateway());
        let policy = match self {
            Policy::Show => {
                client
                    .get_policy(GetPolicyRequest {})
                    .await?
                    .into_inner()
                    .policy
            }
            Policy::Set { settings } => {
                let (policy, paths) = read(session, &settings).await?;
                let ask = UpdatePolicyRequest {
                    policy: Some(policy),
                    update_mask: Some(FieldMask { paths }),
                    etag: String::new(),
                    request_id: names::request_id(),
                };
                client.update_policy(ask).await?.into_inner().policy
            }
        };
        show(session, &policy.unwrap_or_default())
    }
}

/// The policy that settings make, and the paths they name.
async fn read(session: &Session, settings: &[String]) -> Result<(Rules, Vec<String>), Failure> {
    let mut policy = session.print.dynamic(&Rules::default())?;
    let mut paths = Vec::new();
    for setting in settings {
        let (path, text) = setting
            .split_once('=')
            .ok_or_else(|| Failure::usage(format!("{setting:?} is not a name=value")))?;
        let (group, field) = field(&policy, path).ok_or_else(|| {
            Failure::usage(format!(
                "the policy has no {path:?}; `usherctl policy show` lists the names"
            ))
        })?;
        let value = value(session, &field, text)
            .await?
            .map_err(|wanted| Failure::usage(format!("{path} is {wanted}, and not {text:?}")))?;
        if let Value::Message(part) = policy.get_field_mut(&group) {
            part.set_field(&field, value);
        }
        paths.push(path.to_owned());
    }
    let policy = policy
        .transcode_to()
        .map_err(|error| Failure::Fault(error.to_string()))?;
    Ok((policy, paths))
}

/// The group and the field of a path such as `password.min_length`.
fn field(policy: &DynamicMessage, path: &str) -> Option<(FieldDescriptor, FieldDescriptor)> {
    let (group, name) = path.split_once('.')?;
    let group = policy.descriptor().get_field_by_name(group)?;
    match group.kind() {
        Kind::Message(part) => Some((group, part.get_field_by_name(name)?)),
        _ => None,
    }
}

/// The value that a text means for a field, or what would be one.
async fn value(
    session: &Session,
    field: &FieldDescriptor,
    text: &str,
) -> Result<Result<Value, &'static str>, Failure> {
    Ok(match field.kind() {
        Kind::String => {
            let roles = text.split(',').filter(|role| !role.is_empty());
            let roles: Vec<String> = roles.map(str::to_owned).collect();
            let ids = names::roles(session, &roles).await?;
            Ok(Value::List(ids.into_iter().map(Value::String).collect()))
        }
        Kind::Bool => text.parse().map(Value::Bool).or(Err("true or false")),
        Kind::Enum(values) => values
            .get_value_by_name(&format!("{ENUM}{}", text.to_uppercase()))
            .filter(|value| value.number() != 0)
            .map(|value| Value::EnumNumber(value.number()))
            .ok_or("off, optional or required"),
        Kind::Message(duration) => seconds(text)
            .map(|seconds| {
                let mut span = DynamicMessage::new(duration);
                span.set_field_by_name("seconds", Value::I64(seconds));
                Value::Message(span)
            })
            .ok_or("a duration such as 30m, 8h or 0"),
        _ => text.parse().map(Value::U32).or(Err("a number")),
    })
}

/// `90`, `90s`, `30m`, `8h` or `7d` in seconds.
pub fn seconds(text: &str) -> Option<i64> {
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let unit = match &text[digits.len()..] {
        "" | "s" => 1,
        "m" => 60,
        "h" => 60 * 60,
        "d" => 24 * 60 * 60,
        _ => return None,
    };
    digits.parse::<i64>().ok()?.checked_mul(unit)
}

fn span(seconds: i64) -> String {
    let units = [(24 * 60 * 60, "d"), (60 * 60, "h"), (60, "m")];
    match units
        .into_iter()
        .find(|(unit, _)| seconds != 0 && seconds % unit == 0)
    {
        Some((unit, name)) => format!("{}{name}", seconds / unit),
        None => format!("{seconds}s"),
    }
}

/// Every setting under the name by which `set` knows it.
fn show(session: &Session, policy: &Rules) -> Result<(), Failure> {
    let all = session.print.dynamic(policy)?;
    let mut fields = Vec::new();
    for group in all.descriptor().fields() {
        let Value::Message(part) = all.get_field(&group).into_owned() else {
            continue;
        };
        for field in part.descriptor().fields() {
            let name = format!("{}.{}", group.name(), field.name());
            if self::field(&all, &name).is_some() && !group.name().ends_with("_time") {
                fields.push((name, text(&part.get_field(&field), &field)));
            }
        }
    }
    let fields: Vec<_> = fields
        .iter()
        .map(|(name, text)| (name.as_str(), text.clone()))
        .collect();
    session.print.one(policy, &fields)
}

/// A value as `set` takes it.
fn text(value: &Value, field: &FieldDescriptor) -> String {
    match (value, field.kind()) {
        (Value::Message(duration), _) => {
            let seconds = duration.get_field_by_name("seconds");
            span(seconds.and_then(|value| value.as_i64()).unwrap_or_default())
        }
        (Value::EnumNumber(number), Kind::Enum(values)) => values
            .get_value(*number)
            .map(|value| print::word(value.name(), ENUM))
            .unwrap_or_default(),
        (Value::List(ids), _) if ids.is_empty() => "none".into(),
        (Value::List(ids), _) => {
            let ids: Vec<_> = ids.iter().filter_map(Value::as_str).collect();
            ids.join(",")
        }
        (Value::U32(number), _) => number.to_string(),
        (Value::Bool(is), _) => is.to_string(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::{seconds, span};

    #[test]
    fn durations_are_read_as_they_are_shown() {
        for (text, value) in [
            ("0s", 0),
            ("90s", 90),
            ("30m", 1800),
            ("8h", 28_800),
            ("7d", 604_800),
        ] {
            assert_eq!(seconds(text), Some(value));
            assert_eq!(span(value), text);
        }
        assert_eq!(seconds("0"), Some(0));
        for none in ["", "h", "8 h", "8x", "-", "1h30m", "99999999999999999d"] {
            assert_eq!(seconds(none), None, "{none}");
        }
    }
}
