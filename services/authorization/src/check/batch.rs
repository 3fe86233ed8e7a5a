//! `BatchCheck`.

use contract::authorization::{BatchCheckRequest, BatchCheckResponse, CheckItem, Project};
use contract::identity::User;
use rpc::{Caller, Error, Id};

use super::View;
use super::load::load;
use crate::revisions::{self, Revision};
use crate::roles::permissions::Permission;
use crate::{Authorization, optional_id};

struct Question {
    user: Id<User>,
    permission: Option<Permission>,
    project: Option<Id<Project>>,
}

/// Decides all on one state: from memory where one revision serves for all of
/// them, else on what is read at once.
pub async fn run(
    app: &Authorization,
    caller: &Caller,
    ask: BatchCheckRequest,
) -> Result<BatchCheckResponse, Error> {
    let at_least = revisions::read(&ask.at_least_revision)?;
    let questions = ask
        .items
        .iter()
        .map(Question::of)
        .collect::<Result<Vec<_>, Error>>()?;
    if let Some((allowed, revision)) = remembered(app, caller, &questions, at_least)? {
        return Ok(BatchCheckResponse {
            allowed,
            revision: revision.to_string(),
        });
    }
    let mut users: Vec<_> = questions.iter().map(|question| question.user).collect();
    users.sort_unstable();
    users.dedup();
    let loaded = load(app, caller, &users, at_least).await?;
    let view = |user| loaded.as_ref().and_then(|loaded| loaded.view(user));
    let allowed = questions
        .iter()
        .map(|question| view(question.user).is_some_and(|view| question.allowed(view)));
    let allowed = allowed.collect();
    let revision = loaded.as_ref().map_or(0, |loaded| loaded.revision);
    Ok(BatchCheckResponse {
        allowed,
        revision: revision.to_string(),
    })
}

/// Answers at one revision are answers of one state, for a revision's state is
/// what it is.
fn remembered(
    app: &Authorization,
    caller: &Caller,
    questions: &[Question],
    at_least: Revision,
) -> Result<Option<(Vec<bool>, Revision)>, Error> {
    let tenant = caller.tenant()?;
    let mut allowed = Vec::with_capacity(questions.len());
    let mut common = None;
    for question in questions {
        let decided = app.cache.ask(tenant, question.user, at_least, |view| {
            question.allowed(view)
        });
        let Some((yes, revision)) = decided else {
            return Ok(None);
        };
        if *common.get_or_insert(revision) != revision {
            return Ok(None);
        }
        allowed.push(yes);
    }
    Ok(common.map(|revision| (allowed, revision)))
}

impl Question {
    fn of(item: &CheckItem) -> Result<Self, Error> {
        Ok(Self {
            user: item.user_id.parse()?,
            permission: Permission::named(&item.permission),
            project: optional_id(&item.project_id)?,
        })
    }

    fn allowed(&self, view: View<'_>) -> bool {
        self.permission
            .is_some_and(|permission| view.allows(permission, self.project))
    }
}
