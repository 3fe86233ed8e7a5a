//! Rows as the contract shows them.

use chrono::{DateTime, Utc};
use contract::invitation::{Invitation, InvitationState};
use prost_types::Timestamp;
use uuid::Uuid;

use crate::db::invitations::{Row, State};

/// An invitation as admins see it. There is nothing of its link in it.
pub(crate) fn invitation(row: Row) -> Invitation {
    let state = state(&row);
    Invitation {
        id: row.id.to_string(),
        email: row.email,
        first_name: row.first_name,
        last_name: row.last_name,
        user_id: row.user_id.to_string(),
        role_ids: row.role_ids.iter().map(Uuid::to_string).collect(),
        project_ids: row.project_ids.iter().map(Uuid::to_string).collect(),
        default_group: row.default_group,
        language: row.language,
        state: state.into(),
        inviter_user_id: row
            .inviter_user_id
            .map(|id| id.to_string())
            .unwrap_or_default(),
        inviter_email: row.inviter_email,
        inviter_hidden: row.inviter_hidden,
        create_time: Some(time(row.create_time)),
        expire_time: Some(time(row.expire_time)),
        etag: format!("{:x}", row.version),
    }
}

/// An invitation in words for an event, which outlives its people: without
/// names and addresses (requirement U-12).
pub(crate) fn nameless(row: Row) -> Invitation {
    Invitation {
        email: String::new(),
        first_name: String::new(),
        last_name: String::new(),
        inviter_email: String::new(),
        ..invitation(row)
    }
}

/// Where an invitation stands, for those who look at it.
pub(crate) fn state(row: &Row) -> InvitationState {
    match row.state {
        State::Accepted => InvitationState::Accepted,
        State::Declined => InvitationState::Declined,
        State::Pending if row.expired => InvitationState::Expired,
        State::Preparing | State::Pending | State::Accepting => InvitationState::Pending,
    }
}

/// A time on the wire.
pub(crate) fn time(at: DateTime<Utc>) -> Timestamp {
    let nanos = i32::try_from(at.timestamp_subsec_nanos()).unwrap_or_default();
    Timestamp {
        seconds: at.timestamp(),
        nanos,
    }
}
