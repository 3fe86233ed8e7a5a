//! What the stories of the trail have at hand.

use std::{
    collections::BTreeMap,
    fmt::{Debug, Write as _},
    future::Future,
};

use sqlx::{AssertSqlSafe, Executor as _, Row as _};
use testkit::Client;
use tonic::{Response, Status};
use usher_tests::{Company, Dns, Suite};

const SCHEMAS: [&str; 4] = ["identity", "authorization", "invitation", "importer"];

/// Tables that are written beside a change, or before it and whatever comes
/// after: events and what follows from them, answers that are charged before
/// they are checked, logins that want more proofs, mails that go out meanwhile,
/// counts that are added up later.
const BESIDE: [&str; 13] = [
    "outbox",
    "cursors",
    "parked",
    "replies",
    "audit_records",
    "audit_heads",
    "audit_checkpoints",
    "attempts",
    "login_flows",
    "login_proofs",
    "user_counts",
    "user_count_changes",
    "mails",
];

/// A stage for one story.
pub struct Stage<'a> {
    /// The suite.
    pub suite: &'a Suite,
    /// A tenant with an admin, for all stories.
    pub company: &'a Company,
    /// Where domains are proven.
    pub dns: &'a Dns,
    /// The id of the request whose records count.
    pub request: String,
    /// Tells the stories apart.
    pub number: String,
}

/// Makes a switch, which `Stage::change` turns: while there is a row in this
/// table no service can publish.
pub async fn prepare(suite: &Suite) {
    let mut sql = "CREATE TABLE public.no_events (why text);
        CREATE FUNCTION public.refuse_events() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
        AS $$ BEGIN
            IF EXISTS (SELECT FROM public.no_events) THEN RAISE 'no events now'; END IF;
            RETURN NEW;
        END $$;"
        .to_owned();
    for schema in SCHEMAS {
        let _ = write!(
            sql,
            "CREATE TRIGGER refuse_events BEFORE INSERT ON \"{schema}\".outbox
             FOR EACH ROW EXECUTE FUNCTION public.refuse_events();"
        );
    }
    let mut database = suite.database().connect().await;
    database
        .execute(AssertSqlSafe(sql))
        .await
        .expect("a switch");
}

impl<'a> Stage<'a> {
    /// A stage with a request of its own.
    pub fn new(suite: &'a Suite, company: &'a Company, dns: &'a Dns) -> Stage<'a> {
        let number = uuid::Uuid::new_v4().simple().to_string()[..12].to_owned();
        Stage {
            suite,
            company,
            dns,
            request: uuid::Uuid::new_v4().to_string(),
            number,
        }
    }

    /// The same story with another request, for getting ready.
    #[must_use]
    pub fn before(&self) -> Stage<'a> {
        Stage {
            number: self.number.clone(),
            ..Stage::new(self.suite, self.company, self.dns)
        }
    }

    /// An address of its own.
    pub fn email(&self, who: &str) -> String {
        format!("{who}.{}@trail.example", self.number)
    }

    /// The admin, for getting ready.
    pub fn admin(&self) -> &Client {
        &self.company.admin.client
    }

    /// A caller whose call is the one that counts.
    pub fn counts(&self, client: &Client) -> Client {
        client.with("usher-request-id", &self.request)
    }

    /// Carries out a change that is one transaction. First with all events
    /// refused: then it must fail, and leave everything as it was.
    pub async fn change<T: Debug, F>(&self, client: &Client, call: impl Fn(Client) -> F) -> T
    where
        F: Future<Output = Result<Response<T>, Status>>,
    {
        // What is over is removed now and then, but not each time: what the call
        // changes without its event it changes whenever it is tried.
        let mut changed = self.refused(client, &call).await;
        for _ in 0..4 {
            if changed.is_empty() {
                break;
            }
            changed = self.refused(client, &call).await;
        }
        assert!(changed.is_empty(), "changed without an event: {changed:?}");
        self.step(client, call).await
    }

    /// The tables that changed with all events refused.
    async fn refused<T: Debug, F>(
        &self,
        client: &Client,
        call: &impl Fn(Client) -> F,
    ) -> Vec<String>
    where
        F: Future<Output = Result<Response<T>, Status>>,
    {
        self.suite.settled().await;
        let before = self.state().await;
        self.run("INSERT INTO public.no_events VALUES ('a change without its event')")
            .await;
        let refused = call(client.clone()).await;
        self.run("DELETE FROM public.no_events").await;
        let refused = refused.expect_err("a change without its event was made");
        assert_eq!(refused.code(), tonic::Code::Internal, "{refused:?}");
        let after = self.state().await.into_iter();
        let changed = after.filter(|(table, rows)| before.get(table) != Some(rows));
        changed.map(|(table, _)| table).collect()
    }

    /// Carries out what is several transactions, or is done later by a worker.
    pub async fn step<T, F>(&self, client: &Client, call: impl Fn(Client) -> F) -> T
    where
        F: Future<Output = Result<Response<T>, Status>>,
    {
        match call(self.counts(client)).await {
            Ok(reply) => reply.into_inner(),
            Err(status) => panic!("refused: {status:?}"),
        }
    }

    /// The actions of all records of a request, in any tenant, once every feed
    /// was read to its end. Each must be of an event that its service published.
    pub async fn records(&self, request: &str) -> Vec<String> {
        self.suite.settled().await;
        let mut database = self.suite.database().connect().await;
        let sql = "SELECT action, id, producer FROM identity.audit_records
                   WHERE request_id = $1 ORDER BY action";
        let rows = sqlx::query(sql)
            .bind(request)
            .fetch_all(&mut database)
            .await
            .expect("records");
        let mut actions = Vec::new();
        for row in rows {
            let (action, producer): (String, String) = (row.get("action"), row.get("producer"));
            let sql = format!("SELECT request_id FROM \"{producer}\".outbox WHERE event_id = $1");
            let published: Option<String> = sqlx::query_scalar(AssertSqlSafe(sql))
                .bind(row.get::<uuid::Uuid, _>("id"))
                .fetch_optional(&mut database)
                .await
                .expect("the outbox");
            assert_eq!(published.as_deref(), Some(request), "the event of {action}");
            actions.push(action);
        }
        actions
    }

    async fn run(&self, sql: &'static str) {
        let mut database = self.suite.database().connect().await;
        database.execute(sql).await.expect(sql);
    }

    /// A hash of the rows of every table, but those in [`BESIDE`].
    async fn state(&self) -> BTreeMap<String, String> {
        let mut database = self.suite.database().connect().await;
        let tables = sqlx::query(
            "SELECT schemaname, tablename FROM pg_tables
             WHERE schemaname = ANY($1) AND NOT tablename = ANY($2)",
        )
        .bind(SCHEMAS)
        .bind(BESIDE)
        .fetch_all(&mut database)
        .await
        .expect("the tables");
        let mut state = BTreeMap::new();
        for table in tables {
            let name: String = format!(
                "\"{}\".{}",
                table.get::<String, _>("schemaname"),
                table.get::<String, _>("tablename")
            );
            // Using a session is no change of it, and who is about to leave is asked
            // about again where nothing is heard of them.
            let sql = format!(
                "SELECT coalesce(sum(hashtextextended((to_jsonb(t) - '{{last_use_time,leave_time}}'::text[])::text, 0)), 0)::text
                 FROM {name} t"
            );
            let rows = sqlx::query_scalar(AssertSqlSafe(sql))
                .fetch_one(&mut database)
                .await
                .expect("a hash");
            state.insert(name, rows);
        }
        state
    }
}
