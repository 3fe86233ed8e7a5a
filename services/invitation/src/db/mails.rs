//! The table `mails`: a queue, and the record of what became of each mail.

pub(crate) mod list;
pub(crate) mod queue;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{InvitationId, MailId, TenantId, UserId};

/// What a mail is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub(crate) enum Kind {
    /// A link for accepting an invitation.
    Invitation,
    /// A link for setting a new password.
    PasswordReset,
    /// A notice that an account was locked.
    LockedOut,
    /// A notice of a login from a new device.
    NewDevice,
    /// A notice that the second factors were changed.
    FactorsChanged,
    /// That the address of the user was changed.
    EmailChanged,
    /// A temporary password.
    TemporaryPassword,
    /// A notice that the password must be changed soon.
    PasswordExpiry,
}

/// Where a mail stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub(crate) enum State {
    /// Waits, for the first time or again.
    Queued,
    /// The mail server took it.
    Sent,
    /// Given up.
    Failed,
    /// Not needed any more.
    Dropped,
}

/// A mail and its delivery.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) id: MailId,
    pub(crate) kind: Kind,
    pub(crate) user_id: UserId,
    pub(crate) email: String,
    pub(crate) language: String,
    pub(crate) state: State,
    pub(crate) attempts: i32,
    pub(crate) last_answer: String,
    pub(crate) create_time: DateTime<Utc>,
    pub(crate) send_time: Option<DateTime<Utc>>,
}

/// A mail of an invitation, to be queued.
#[derive(Clone, Debug)]
pub(crate) struct InvitationMail {
    pub(crate) id: MailId,
    pub(crate) invitation_id: InvitationId,
    pub(crate) user_id: UserId,
    pub(crate) email: String,
    pub(crate) language: String,
}

/// Whether somebody waits for a mail, or it is one of many.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Priority {
    /// A person waits for it.
    High = 0,
    /// One of many.
    Bulk = 1,
}

/// Queues mails of invitations, in one statement.
pub(crate) async fn queue_invitations(
    db: &mut PgConnection,
    tenant: TenantId,
    priority: Priority,
    mails: &[InvitationMail],
) -> sqlx::Result<()> {
    let texts = |of: fn(&InvitationMail) -> &String| {
        mails
            .iter()
            .map(|mail| of(mail).clone())
            .collect::<Vec<_>>()
    };
    sqlx::query!(
        "INSERT INTO mails (tenant_id, id, kind, user_id, invitation_id, email, domain, language, priority)
            SELECT $1, id, 'invitation', user_id, invitation_id, email,
                lower(split_part(email, '@', -1)), language, $7
            FROM unnest($2::uuid[], $3::uuid[], $4::uuid[], $5::text[], $6::text[])
                AS mail (id, user_id, invitation_id, email, language)",
        tenant as _,
        &mails.iter().map(|mail| mail.id.uuid()).collect::<Vec<_>>(),
        &mails.iter().map(|mail| mail.user_id.uuid()).collect::<Vec<_>>(),
        &mails.iter().map(|mail| mail.invitation_id.uuid()).collect::<Vec<_>>(),
        &texts(|mail| &mail.email),
        &texts(|mail| &mail.language),
        priority as i16,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Queues a mail to a user. Where it goes and in which language is asked of
/// identity when it is sent. The same id a second time does nothing.
pub(crate) async fn queue(
    db: &mut PgConnection,
    tenant: TenantId,
    id: MailId,
    kind: Kind,
    user: UserId,
    priority: Priority,
) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO mails (tenant_id, id, kind, user_id, email, domain, language, priority)
            VALUES ($1, $2, $3, $4, '', '', '', $5) ON CONFLICT DO NOTHING",
        tenant as _,
        id as _,
        kind as _,
        user as _,
        priority as i16,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Queues the mail that tells whoever reads at the former address of a user of
/// the change. The same change a second time does nothing.
pub(crate) async fn queue_to_former(
    db: &mut PgConnection,
    tenant: TenantId,
    user: UserId,
    change: Uuid,
) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO mails (tenant_id, id, kind, user_id, change_id, email, domain, language, priority)
            VALUES ($1, $2, $3, $4, $2, '', '', '', $5) ON CONFLICT DO NOTHING",
        tenant as _,
        change,
        Kind::EmailChanged as _,
        user as _,
        Priority::High as i16,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Queues a notice to a user, unless they got so many of its kind within the last
/// hour. The same id a second time does nothing.
pub(crate) async fn queue_notice(
    db: &mut PgConnection,
    tenant: TenantId,
    id: MailId,
    kind: Kind,
    user: UserId,
    most: i64,
) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO mails (tenant_id, id, kind, user_id, email, domain, language, priority)
            SELECT $1, $2, $3, $4, '', '', '', $5
            WHERE (SELECT count(*) FROM mails WHERE tenant_id = $1 AND user_id = $4 AND kind = $3
                AND create_time > clock() - interval '1 hour') < $6
            ON CONFLICT DO NOTHING",
        tenant as _,
        id as _,
        kind as _,
        user as _,
        Priority::High as i16,
        most,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// An address to which enough was sent for now.
pub(crate) struct Full {
    /// In lower case.
    pub(crate) email_key: String,
    /// When there is room for one more.
    pub(crate) seconds: f64,
}

/// Those of the addresses, in lower case, to which so many mails of invitations
/// went within the last hour.
pub(crate) async fn full(
    db: &mut PgConnection,
    tenant: TenantId,
    email_keys: &[String],
    most: i32,
) -> sqlx::Result<Vec<Full>> {
    sqlx::query_as!(
        Full,
        r#"SELECT email_key AS "email_key!",
                extract(epoch FROM (array_agg(create_time ORDER BY create_time DESC))[$3]
                    + interval '1 hour' - clock())::double precision AS "seconds!"
            FROM mails
            WHERE tenant_id = $1 AND kind = 'invitation' AND state <> 'dropped'
                AND email_key = ANY($2) AND create_time > clock() - interval '1 hour'
            GROUP BY email_key HAVING count(*) >= $3"#,
        tenant as _,
        email_keys,
        most,
    )
    .fetch_all(db)
    .await
}

/// Drops the mails of an invitation that still wait. One that is being sent
/// right now finds out by itself that it was replaced.
pub(crate) async fn drop_waiting(
    db: &mut PgConnection,
    tenant: TenantId,
    invitation: InvitationId,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE mails SET state = 'dropped' WHERE tenant_id = $1 AND invitation_id = $2
            AND state = 'queued' AND (lease_time IS NULL OR lease_time <= clock())",
        tenant as _,
        invitation as _,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Forgets the mails of a deleted user.
pub(crate) async fn erase_user(
    db: &mut PgConnection,
    tenant: TenantId,
    user: UserId,
) -> sqlx::Result<()> {
    sqlx::query!(
        "DELETE FROM mails WHERE tenant_id = $1 AND user_id = $2",
        tenant as _,
        user as _
    )
    .execute(db)
    .await?;
    Ok(())
}
