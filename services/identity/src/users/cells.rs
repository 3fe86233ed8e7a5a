//! Cells: the kinds of users that are counted as they change, so that a list of
//! a million says at once how many fit. The column `cell` of `users` is defined
//! in the migration, and read here.

use contract::identity::{AuthenticationProvider, ListUsersRequest, UserStatus};

/// The statuses in the order of the column; each has [`PER_STATUS`] cells.
const STATUSES: [UserStatus; 3] = [
    UserStatus::Invited,
    UserStatus::Active,
    UserStatus::Inactive,
];
const PER_STATUS: i16 = 8;
const WITH_FACTOR: i16 = 4;
const LICENSED: i16 = 2;
const LOGGED_IN: i16 = 1;

/// How many cells there are.
pub const ALL: usize = 24;

/// The cells of the users that a list may hold.
pub fn of(ask: &ListUsersRequest) -> Vec<i16> {
    let fits = |bit: i16, wanted: Option<bool>, cell: i16| {
        wanted.is_none_or(|wanted| (cell & bit != 0) == wanted)
    };
    // The only provider there is.
    let elsewhere = !ask.authentication_providers.is_empty()
        && !ask
            .authentication_providers()
            .any(|one| one == AuthenticationProvider::Local);
    (0..)
        .take(if elsewhere { 0 } else { ALL })
        .filter(|cell: &i16| {
            let status = usize::try_from(cell / PER_STATUS)
                .ok()
                .and_then(|at| STATUSES.get(at));
            (ask.statuses.is_empty()
                || status.is_some_and(|status| ask.statuses().any(|one| one == *status)))
                && fits(WITH_FACTOR, ask.mfa_enabled, *cell)
                && fits(LICENSED, ask.licensed, *cell)
                && fits(LOGGED_IN, ask.never_logged_in.map(|never| !never), *cell)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_choose_cells() {
        let all = ListUsersRequest::default();
        assert_eq!(of(&all), (0..24).collect::<Vec<_>>());
        let some = ListUsersRequest {
            statuses: vec![UserStatus::Inactive.into()],
            mfa_enabled: Some(true),
            never_logged_in: Some(true),
            ..all
        };
        assert_eq!(of(&some), [20, 22]);
    }
}
