//! What rows hold of people who are gone, or never came (requirement U-12).

use std::collections::HashMap;

use sqlx::PgConnection;
use uuid::Uuid;

use crate::db::imports::{self, Counts};

/// Takes a deleted user out of the rows of all imports: those that are theirs, and
/// those of the same address in imports that are over. What is still to be
/// committed would bring in somebody anew: in a review their rows are dropped; a
/// commit that is under way goes on.
pub async fn erase_user(db: &mut PgConnection, tenant: Uuid, user: Uuid) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE import_rows r SET email = '', first_name = '', last_name = '', user_id = NULL,
                failure = split_part(r.failure, ':', 1)
         FROM imports i,
              (SELECT DISTINCT address FROM import_rows
               WHERE tenant_id = $1 AND user_id = $2 AND address <> '') theirs
         WHERE i.tenant_id = $1 AND r.tenant_id = $1 AND r.import_id = i.id AND r.address = theirs.address
           AND (r.user_id = $2 AND (r.outcome IS NOT NULL OR i.state IN ('DONE', 'CANCELLED'))
                OR r.user_id IS NULL AND i.state IN ('DONE', 'CANCELLED'))",
        tenant,
        user,
    )
    .execute(&mut *db)
    .await?;
    // Their addresses are gone after it.
    drop_reviewed(db, tenant, user).await
}

/// The imports first, as whoever changes a row does.
async fn drop_reviewed(db: &mut PgConnection, tenant: Uuid, user: Uuid) -> sqlx::Result<()> {
    let imports = sqlx::query_scalar!(
        "SELECT id FROM imports i WHERE tenant_id = $1 AND state = 'REVIEW' AND EXISTS (
             SELECT FROM import_rows r
             WHERE r.tenant_id = $1 AND r.import_id = i.id AND r.user_id = $2)
         ORDER BY id FOR UPDATE",
        tenant,
        user,
    )
    .fetch_all(&mut *db)
    .await?;
    let dropped = sqlx::query!(
        "WITH before AS (
             SELECT import_id, line, state, existing FROM import_rows
             WHERE tenant_id = $1 AND user_id = $2 AND import_id = ANY($3)),
         dropped AS (
             UPDATE import_rows r SET email = '', first_name = '', last_name = '', user_id = NULL,
                    existing = false, problems = NULL, verdict = 'DROPPED', state = 'DROPPED'
             FROM before b
             WHERE r.tenant_id = $1 AND r.import_id = b.import_id AND r.line = b.line)
         SELECT import_id, state, existing FROM before",
        tenant,
        user,
        &imports,
    )
    .fetch_all(&mut *db)
    .await?;
    let mut counts: HashMap<Uuid, Counts> = HashMap::new();
    for row in dropped {
        let by = counts.entry(row.import_id).or_default();
        by.add(&row.state, row.existing, -1);
        by.add("DROPPED", false, 1);
    }
    for (import, by) in counts {
        imports::shift(db, tenant, import, &by).await?;
    }
    Ok(())
}

/// Removes some rows of a review that was given up, of any tenant: for a worker.
/// Whether there may be more.
pub async fn empty_given_up(db: &mut PgConnection, at_most: i64) -> sqlx::Result<bool> {
    let import = sqlx::query!(
        "SELECT tenant_id, id FROM imports
         WHERE state = 'CANCELLED' AND commit_user_id IS NULL AND NOT emptied
         ORDER BY end_time LIMIT 1 FOR UPDATE SKIP LOCKED",
    )
    .fetch_optional(&mut *db)
    .await?;
    let Some(import) = import else {
        return Ok(false);
    };
    let done = sqlx::query!(
        "DELETE FROM import_rows WHERE tenant_id = $1 AND import_id = $2 AND line IN (
             SELECT line FROM import_rows WHERE tenant_id = $1 AND import_id = $2 LIMIT $3)",
        import.tenant_id,
        import.id,
        at_most,
    )
    .execute(&mut *db)
    .await?;
    if done.rows_affected() == 0 {
        sqlx::query!(
            "UPDATE imports SET emptied = true WHERE tenant_id = $1 AND id = $2",
            import.tenant_id,
            import.id,
        )
        .execute(db)
        .await?;
    }
    Ok(true)
}

/// Forgets the replies that hold an address of a user's rows: a row that was
/// changed is answered by its address, and by no id.
pub async fn forget_replies(db: &mut PgConnection, tenant: Uuid, user: Uuid) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE replies SET reply = NULL
         WHERE tenant_id = $1 AND EXISTS (
             SELECT FROM import_rows r
             WHERE r.tenant_id = $1 AND r.user_id = $2 AND r.address <> ''
               AND position(r.address IN lower(encode(replies.reply, 'escape'))) > 0)",
        tenant,
        user,
    )
    .execute(db)
    .await?;
    Ok(())
}
