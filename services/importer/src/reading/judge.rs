//! What one row is worth by itself (requirements B-03, B-04).

use contract::{Violations, invitation::InvitationDraft};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{address, roles::Roles};

/// Characters of one field that are kept.
const KEPT: usize = 1000;

/// What spreadsheets write for TRUE and FALSE, in the language of the office.
const TRUE: [&str; 4] = ["true", "wahr", "vrai", "verdadero"];
const FALSE: [&str; 5] = ["false", "falsch", "faux", "falso", ""];

/// What stands in a row, as in the file.
#[derive(Clone, Debug, Default)]
pub struct Fields {
    /// The address.
    pub email: String,
    /// The first name.
    pub first_name: String,
    /// The last name.
    pub last_name: String,
    /// The name of the role.
    pub role: String,
    /// Whether the person joins the Default Group, in words.
    pub default_group: String,
}

/// What a tenant says of rows.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// The roles that a file can name.
    pub roles: Roles,
    /// The domains of addresses, in lower case; none where any will do.
    pub domains: Vec<String>,
}

/// What a row is worth by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing to say against.
    Good,
    /// The role is unknown.
    Flagged,
    /// A rule is broken.
    Wrong,
    /// Nothing in it.
    Blank,
}

/// One thing wrong with a row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// The column; empty for the row as such.
    pub field: String,
    /// What is wrong.
    pub description: String,
}

impl Problem {
    fn new(field: &str, description: &str) -> Problem {
        Problem {
            field: field.to_owned(),
            description: description.to_owned(),
        }
    }

    /// One of the row as such.
    pub fn of_row(description: &str) -> Problem {
        Problem::new("", description)
    }
}

/// A row, judged and tidied: the fields are trimmed, of bounded length, and
/// hold no control characters.
#[derive(Clone, Debug)]
pub struct Judged {
    /// What it is worth.
    pub verdict: Verdict,
    /// The fields, tidied.
    pub fields: Fields,
    /// The role that it gets.
    pub role_id: Option<Uuid>,
    /// The name of the role, where the tenant has none of this name.
    pub unknown_role: Option<String>,
    /// Whether the person joins the Default Group.
    pub default_group: bool,
    /// What is wrong with it; none unless it is wrong.
    pub problems: Vec<Problem>,
}

/// Judges a row. `problems` is what was wrong with reading it.
pub fn judge(fields: &Fields, rules: &Rules, mut problems: Vec<Problem>) -> Judged {
    let mut tidied = |name: &str, text: &str| tidy(name, text, &mut problems);
    let fields = Fields {
        email: tidied("email", &fields.email),
        first_name: tidied("first_name", &fields.first_name),
        last_name: tidied("last_name", &fields.last_name),
        role: tidied("role", &fields.role),
        default_group: tidied("default_group", &fields.default_group),
    };
    let words = [
        &fields.email,
        &fields.first_name,
        &fields.last_name,
        &fields.role,
        &fields.default_group,
    ];
    let blank = problems.is_empty() && words.iter().all(|word| word.is_empty());
    let default_group = fields.default_group.to_lowercase();
    if !blank {
        people(&fields, &rules.domains, &mut problems);
        if !TRUE.contains(&default_group.as_str()) && !FALSE.contains(&default_group.as_str()) {
            problems.push(Problem::new("default_group", "must be TRUE or FALSE"));
        }
    }
    let role = rules.roles.named(&fields.role);
    let verdict = match () {
        () if blank => Verdict::Blank,
        () if !problems.is_empty() => Verdict::Wrong,
        () if role.waits => Verdict::Flagged,
        () => Verdict::Good,
    };
    let default_group = TRUE.contains(&default_group.as_str());
    Judged {
        verdict,
        fields,
        role_id: role.role_id,
        unknown_role: role.unknown,
        default_group,
        problems,
    }
}

/// Address and names are there and fit.
fn people(fields: &Fields, domains: &[String], problems: &mut Vec<Problem>) {
    let required = [
        ("email", &fields.email),
        ("first_name", &fields.first_name),
        ("last_name", &fields.last_name),
    ];
    for (field, text) in required {
        if text.is_empty() {
            problems.push(Problem::new(field, "is missing"));
        }
    }
    if let Some(fault) = address::fault(&fields.email).filter(|_| !fields.email.is_empty()) {
        problems.push(Problem::new("email", fault));
    }
    if let Some(first) = domains.first()
        && !fields.email.is_empty()
        && !address::is_on(&fields.email, domains)
        && problems.iter().all(|problem| problem.field != "email")
    {
        let why = format!("must be on a domain of the company, such as {first}");
        problems.push(Problem::new("email", &why));
    }
    // The rules under which invitation will take it: a row that breaks one
    // would have the rows beside it refused too.
    let draft = InvitationDraft {
        email: fields.email.clone(),
        first_name: fields.first_name.clone(),
        last_name: fields.last_name.clone(),
        ..InvitationDraft::default()
    };
    for violation in Violations::of(&draft).into_list() {
        if problems
            .iter()
            .all(|problem| problem.field != violation.field)
        {
            problems.push(Problem::new(&violation.field, &violation.description));
        }
    }
}

/// Trims a field. Control characters are reported and replaced: a NUL cannot be
/// stored, and a line end in a name would be one in the header of a mail.
fn tidy(name: &str, text: &str, problems: &mut Vec<Problem>) -> String {
    let invisible = |c: char| c.is_whitespace() || matches!(c, '\u{200b}' | '\u{feff}');
    let text = text.trim_matches(invisible);
    let tidied: String = text.chars().take(KEPT).collect();
    if tidied.len() < text.len() {
        problems.push(Problem::new(name, "has more than 1000 characters"));
    }
    if tidied.contains('\u{fffd}') {
        problems.push(Problem::new(name, "has a character that cannot be read"));
    } else if tidied.contains(char::is_control) {
        problems.push(Problem::new(
            name,
            "has a line end or another control character in it",
        ));
    }
    // Still there, so that the row is wrong until somebody writes it anew.
    tidied.replace(char::is_control, "\u{fffd}")
}
