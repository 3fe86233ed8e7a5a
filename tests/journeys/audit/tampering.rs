//! B-83: what somebody does to the trail who may do anything in Postgres.

use std::collections::BTreeMap;

use contract::identity::{
    AuditCheckpoint, AuditRecord, DeleteUserRequest, GetAuditCheckpointRequest,
    ListAuditCheckpointsRequest, user_service_client::UserServiceClient,
};
use identity::chain::{self, Finding, Verified, Verifier};
use sqlx::{AssertSqlSafe, Executor as _, PgConnection};
use testkit::{Client, until};
use tonic::Status;
use usher_tests::{Company, Suite, password, suite::MANY_CALLS};

use super::{audit, export, found, rename};
use crate::assert_refused;

const TABLES: [&str; 4] = [
    "audit_records",
    "audit_heads",
    "audit_checkpoints",
    "audit_changes",
];

async fn checkpoint(client: &Client) -> Result<AuditCheckpoint, Status> {
    let ask = GetAuditCheckpointRequest {};
    let reply = audit(client).get_audit_checkpoint(ask).await?;
    Ok(reply.into_inner().checkpoint.expect("a checkpoint"))
}

/// What `usherctl audit verify` does: all records, against what is signed now,
/// what was kept in Postgres, and what was kept elsewhere.
async fn verify(client: &Client, kept: &[AuditCheckpoint]) -> Result<Verified, Finding> {
    let broken = |what: &str| Finding {
        sequence: 0,
        what: what.to_owned(),
    };
    let now = checkpoint(client).await;
    let listed = audit(client)
        .list_audit_checkpoints(ListAuditCheckpointsRequest::default())
        .await
        .expect("checkpoints")
        .into_inner()
        .checkpoints;
    let all: Vec<_> = now.iter().chain(&listed).chain(kept).cloned().collect();
    let keys: Vec<_> = kept.iter().map(|one| one.public_key.clone()).collect();
    let mut verifier = Verifier::new(&kept[0].tenant_id, &keys, all)?;
    for record in export(client).await {
        verifier.read(&record)?;
    }
    let whole = verifier.end()?;
    match now {
        Ok(_) => Ok(whole),
        Err(status) => Err(broken(status.message())),
    }
}

/// The tables of the trail, kept aside and put back.
async fn run(database: &mut PgConnection, sql: &str) {
    database
        .execute(AssertSqlSafe(sql.to_owned()))
        .await
        .unwrap_or_else(|error| panic!("{sql}: {error}"));
}

async fn keep(database: &mut PgConnection) {
    for table in TABLES {
        let sql = format!("CREATE TABLE public.kept_{table} AS SELECT * FROM identity.{table}");
        run(database, &sql).await;
    }
}

async fn put_back(database: &mut PgConnection) {
    for table in TABLES {
        let sql = format!(
            "DELETE FROM identity.{table}; INSERT INTO identity.{table} SELECT * FROM public.kept_{table}"
        );
        run(database, &sql).await;
    }
}

/// Writes a trail whose hashes fit each other, from the records as they are.
async fn relink(database: &mut PgConnection, client: &Client, tenant: &str) {
    let mut before = chain::START;
    let mut last = 0;
    for mut record in export(client).await {
        let mut seal = record.seal.clone().expect("a seal");
        last += 1;
        let old = seal.sequence;
        seal.sequence = last;
        record.seal = Some(seal);
        before = chain::of_record(tenant, &before, &record);
        let sql = format!(
            "UPDATE identity.audit_records SET sequence = {last}, hash = '\\x{}'
             WHERE tenant_id = '{tenant}' AND sequence = {old}",
            hex::encode(before)
        );
        run(database, &sql).await;
    }
    let sql = format!(
        "UPDATE identity.audit_heads SET sequence = {last}, hash = '\\x{}' WHERE tenant_id = '{tenant}'",
        hex::encode(before)
    );
    run(database, &sql).await;
}

/// A tenant with a trail of some length, of which one checkpoint was kept
/// elsewhere at its end; one in it was deleted.
async fn stage(suite: &Suite) -> (Company, Vec<AuditCheckpoint>) {
    let acme = suite.company("acme").await;
    let client = &acme.admin.client;
    for number in 0..4 {
        rename(client, &format!("Acme {number}")).await;
    }
    let user_id = acme.user("gone@acme.example", &password()).await;
    let ask = DeleteUserRequest {
        user_id: user_id.clone(),
        ..Default::default()
    };
    let mut users = UserServiceClient::new(client.clone());
    users.delete_user(ask).await.expect("deleted");
    suite.settled().await;
    let kept = checkpoint(client).await.expect("a checkpoint");
    (acme, vec![kept])
}

/// What is done to the trail, in SQL; `$t` is the tenant.
const ATTACKS: [(&str, &str); 14] = [
    ("another action", "UPDATE identity.audit_records SET action = 'user_enabled' WHERE $t AND sequence = 3"),
    ("another time", "UPDATE identity.audit_records SET occur_time = occur_time + interval '1 microsecond' WHERE $t AND sequence = 3"),
    ("another actor", "UPDATE identity.audit_records SET actor_user_id = gen_random_uuid() WHERE $t AND sequence = 4"),
    ("another address", "UPDATE identity.audit_records SET actor_address = '203.0.113.9' WHERE $t AND sequence = 4"),
    ("another event", "UPDATE identity.audit_records SET event = event || '\\x1a00' WHERE $t AND action = 'tenant_updated'"),
    ("another email", "UPDATE identity.audit_records SET actor_email = 'eve@acme.example' WHERE $t AND actor_email <> ''"),
    ("an email forgotten", "UPDATE identity.audit_records SET actor_email = '', actor_email_salt = NULL WHERE $t AND actor_email <> ''"),
    ("one deleted", "DELETE FROM identity.audit_records WHERE $t AND sequence = 5"),
    ("all deleted", "DELETE FROM identity.audit_records WHERE $t; DELETE FROM identity.audit_heads WHERE $t"),
    ("two changed places", "UPDATE identity.audit_records SET sequence = -sequence WHERE false;
        UPDATE identity.audit_records SET sequence = 100000 WHERE $t AND sequence = 3;
        UPDATE identity.audit_records SET sequence = 3 WHERE $t AND sequence = 4;
        UPDATE identity.audit_records SET sequence = 4 WHERE $t AND sequence = 100000"),
    ("one put in at the end", "INSERT INTO identity.audit_records SELECT (r).* FROM (
            SELECT jsonb_populate_record(a, jsonb_build_object('id', gen_random_uuid(), 'sequence', h.sequence + 1)) AS r
            FROM identity.audit_records a JOIN identity.audit_heads h USING (tenant_id)
            WHERE a.tenant_id = $id AND a.sequence = 2) forged;
        UPDATE identity.audit_heads SET sequence = sequence + 1 WHERE $t"),
    ("the tail cut", "DELETE FROM identity.audit_records WHERE $t AND sequence > 6"),
    ("the tail and the end cut", "DELETE FROM identity.audit_records WHERE $t AND sequence > 6;
        UPDATE identity.audit_heads SET sequence = 6, hash = (
            SELECT hash FROM identity.audit_records WHERE $t AND sequence = 6) WHERE $t;
        DELETE FROM identity.audit_checkpoints WHERE $t"),
    ("another signature", "UPDATE identity.audit_heads SET signature = decode(repeat('ab', 64), 'hex') WHERE $t"),
];

#[tokio::test]
async fn b_83_what_a_superuser_does_to_the_trail_is_found() {
    let suite = Suite::start_with(&MANY_CALLS).await;
    let (acme, kept) = stage(&suite).await;
    let client = &acme.admin.client;
    let mut database = suite.database().connect().await;
    keep(&mut database).await;
    let whole = verify(client, &kept).await.expect("nobody touched it");
    assert!(whole.records >= 10, "{whole:?}");
    let mut found = BTreeMap::new();
    for (what, sql) in ATTACKS {
        let id = format!("'{}'", acme.id);
        let sql = sql
            .replace("$id", &id)
            .replace("$t", &format!("tenant_id = {id}"));
        run(&mut database, &sql).await;
        found.insert(what, verify(client, &kept).await);
        put_back(&mut database).await;
        verify(client, &kept).await.expect("all is as it was");
    }
    // Those who make the chain fit again, which takes no key.
    for (what, sql) in ATTACKS.iter().take(4).chain(&ATTACKS[7..8]) {
        let id = format!("tenant_id = '{}'", acme.id);
        run(&mut database, &sql.replace("$t", &id)).await;
        relink(&mut database, client, &acme.id).await;
        assert_refused!(checkpoint(client).await, "AUDIT_TRAIL_BROKEN");
        let found = verify(client, &kept).await;
        assert!(found.is_err(), "{what}, and the chain made to fit");
        put_back(&mut database).await;
    }
    let missed: Vec<_> = found.iter().filter(|(_, found)| found.is_ok()).collect();
    assert!(missed.is_empty(), "{missed:?}");
    suite.stop().await;
}

/// An old state of everything, with the signature that was right then: only a
/// checkpoint that was kept elsewhere can tell.
#[tokio::test]
async fn b_83_a_trail_that_was_put_back_is_found_by_a_checkpoint_kept_elsewhere() {
    let suite = Suite::start_with(&MANY_CALLS).await;
    let (acme, before) = stage(&suite).await;
    let client = &acme.admin.client;
    let mut database = suite.database().connect().await;
    keep(&mut database).await;
    rename(client, "What Eve did").await;
    let later = until("one more record", || async {
        let later = checkpoint(client).await.expect("a checkpoint");
        (later.sequence > before[0].sequence).then_some(later)
    })
    .await;
    put_back(&mut database).await;
    verify(client, &before)
        .await
        .expect("it is what it was then");
    let finding = verify(client, &[later]).await.expect_err("it was longer");
    assert_eq!(finding.sequence, before[0].sequence + 1, "{finding}");
    suite.stop().await;
}

/// After a tampering the trail goes on, and is never signed again.
#[tokio::test]
async fn b_83_a_rewritten_trail_is_not_signed_by_the_next_record() {
    let suite = Suite::start_with(&MANY_CALLS).await;
    let (acme, kept) = stage(&suite).await;
    let client = &acme.admin.client;
    let mut database = suite.database().connect().await;
    let sql = format!(
        "UPDATE identity.audit_records SET actor_address = '203.0.113.9'
         WHERE tenant_id = '{}' AND sequence = 4",
        acme.id
    );
    run(&mut database, &sql).await;
    relink(&mut database, client, &acme.id).await;
    rename(client, "Nothing happened").await;
    let length = usize::try_from(kept[0].sequence).expect("a length");
    until("one more record", || async {
        (export(client).await.len() > length).then_some(())
    })
    .await;
    assert_refused!(checkpoint(client).await, "AUDIT_TRAIL_BROKEN");
    let finding = verify(client, &kept).await.expect_err("it was rewritten");
    assert_eq!(finding.sequence, kept[0].sequence, "{finding}");
    suite.stop().await;
}

/// Erasing a person is no tampering, also where they did something themselves.
#[tokio::test]
async fn u_12_b_83_erasing_a_person_leaves_the_chain_whole() {
    let suite = Suite::start_with(&MANY_CALLS).await;
    let acme = suite.company("acme").await;
    let member = acme.member("leaving@acme.example", "admin").await;
    rename(&member.client, "By who is leaving").await;
    let theirs = contract::identity::ListAuditRecordsRequest {
        actor_user_id: member.user_id.clone(),
        actions: vec!["tenant_updated".into()],
        ..Default::default()
    };
    let told = found(&acme.admin.client, theirs.clone()).await;
    assert_eq!(told[0].actor_email, "leaving@acme.example");
    let client = &acme.admin.client;
    let kept = vec![checkpoint(client).await.expect("a checkpoint")];
    let ask = DeleteUserRequest {
        user_id: member.user_id,
        ..Default::default()
    };
    let mut users = UserServiceClient::new(client.clone());
    users.delete_user(ask).await.expect("deleted");
    let forgotten: AuditRecord = until("what they did without their address", || async {
        let record = found(client, theirs.clone()).await.remove(0);
        record.actor_email.is_empty().then_some(record)
    })
    .await;
    let seal = forgotten.seal.expect("a seal");
    assert!(seal.actor_email_salt.is_empty() && !seal.actor_email_commitment.is_empty());
    verify(client, &kept).await.expect("whole");
    suite.stop().await;
}
