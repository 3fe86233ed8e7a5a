//! What a list of users is narrowed to, as SQL.

use contract::{Id, identity::Tenant};
use sqlx::{Postgres, QueryBuilder};
use uuid::Uuid;

use super::Filter;
use crate::users::cells;

/// How conditions about other tables are put.
#[derive(Clone, Copy, PartialEq)]
pub enum Probe {
    /// So that Postgres may begin with the other table.
    AsBest,
    /// So that it reads who is in the other table first, and then looks each user
    /// up in memory: inside coalesce it does not join.
    AllAtOnce,
    /// So that it looks each user up in the other table: OFFSET keeps it from
    /// reading the table as a whole.
    EachUser,
}

impl Probe {
    /// That a user is, or is not, among those of another table; `of` is the rest
    /// of the query of their ids.
    fn push(self, sql: &mut QueryBuilder<Postgres>, not: &str, of: &str, id: Option<Uuid>) {
        let (begin, end) = match self {
            Probe::AsBest => ("EXISTS (SELECT FROM", " AND o.user_id = u.id)"),
            Probe::AllAtOnce => ("coalesce(u.id IN (SELECT o.user_id FROM", "), false)"),
            Probe::EachUser => ("EXISTS (SELECT FROM", " AND o.user_id = u.id OFFSET 0)"),
        };
        sql.push(format!(" AND {not}{begin} {of}"));
        if let Some(id) = id {
            sql.push_bind(id);
        }
        sql.push(end);
    }
}

/// Selects the ids of all who fit, by whichever index serves best.
pub fn fitting(sql: &mut QueryBuilder<Postgres>, tenant: Id<Tenant>, filter: &Filter) {
    let found = |sql: &mut QueryBuilder<Postgres>| {
        sql.push("SELECT search_users(")
            .push_bind(&filter.words)
            .push(", ")
            .push_bind(&filter.patterns)
            .push(")");
    };
    let searches = !filter.words.is_empty();
    if searches && filter.only_searches() {
        // Not in a FROM, which would wait for the last of them.
        return found(sql);
    }
    sql.push("SELECT u.id FROM users u WHERE u.tenant_id = ")
        .push_bind(tenant.uuid());
    narrow(sql, tenant, filter, Probe::AsBest);
    if searches {
        sql.push(" AND u.id IN (");
        found(sql);
        sql.push(")");
    }
}

/// The search without its index, for users who are read anyway.
pub fn read_text(sql: &mut QueryBuilder<Postgres>, filter: &Filter) {
    if !filter.patterns.is_empty() {
        sql.push(" AND chr(1) || u.sort_key LIKE ALL (")
            .push_bind(&filter.patterns)
            .push(")");
    }
}

/// All conditions but the search.
pub fn narrow(sql: &mut QueryBuilder<Postgres>, tenant: Id<Tenant>, filter: &Filter, probe: Probe) {
    if filter.cells.len() < cells::ALL {
        sql.push(" AND u.cell = ANY(")
            .push_bind(&filter.cells)
            .push(")");
    }
    let of = |table: &str| format!("{table} o WHERE o.tenant_id = '{tenant}' AND o.");
    // The same as in `people!`, so that each half is found by an index.
    let too_old = format!(
        "expire_time <= clock() OR o.expire_time IS NULL AND o.change_time <= (
             SELECT clock() - t.password_max_age FROM tenants t
             WHERE t.tenant_id = '{tenant}' AND t.password_max_age > interval '0'))"
    );
    let states = [
        (of("attempts") + "unlock_time > clock()", filter.locked),
        (
            format!("passwords o WHERE o.tenant_id = '{tenant}' AND (o.{too_old}"),
            filter.password_expired,
        ),
    ];
    for (others, wanted) in states {
        if let Some(wanted) = wanted {
            let not = if wanted { "" } else { "NOT " };
            probe.push(sql, not, &others, None);
        }
    }
    let places = [
        (of("held_roles") + "role_id = ", filter.role),
        (of("held_roles") + "project_id = ", filter.project),
        (of("memberships") + "group_id = ", filter.group),
    ];
    for (others, id) in places {
        if id.is_some() {
            probe.push(sql, "", &others, id);
        }
    }
    if let Some(time) = filter.last_login_before {
        sql.push(" AND coalesce(u.last_login_time, '-infinity') < ")
            .push_bind(time)
            .push(" AND u.last_login_time IS NOT NULL");
    }
}
