//! B-27: whoever comes back under the same address inherits nothing.

use contract::authorization::{
    AddGroupMemberRequest, ListGroupMembersRequest, ListRoleBindingsRequest,
    group_service_client::GroupServiceClient,
    role_binding_service_client::RoleBindingServiceClient,
};
use contract::identity::{
    DisableUserRequest, GetUserRequest, ListSessionsRequest, ListUsersRequest,
    RequestPasswordResetRequest, User, UserStatus, ValidateSessionRequest,
    login_service_client::LoginServiceClient, session_service_client::SessionServiceClient,
    user_service_client::UserServiceClient,
};
use contract::invitation::{
    ListMailsRequest, PreviewInvitationRequest, mail_service_client::MailServiceClient,
};
use contract::licensing::{ListSeatsRequest, license_service_client::LicenseServiceClient};
use testkit::{eventually, until};
use usher_tests::{Company, Member, Suite, accept, invitations, password, sign_in};

use super::{delete, erased, tables_with};

const ADDRESS: &str = "phoenix@acme.example";
const LIVES: usize = 12;
/// What may still tell of a deleted user, by their id alone: what happened, that
/// it is over with them, and that they never come back.
const MAY_TELL: [&str; 7] = [
    "\"authorization\".outbox",
    "\"authorization\".subjects",
    "identity.audit_records",
    "identity.erasures",
    "identity.outbox",
    "importer.outbox",
    "invitation.outbox",
];

/// What happens in a life, drawn at random: a bit each.
#[derive(Clone, Copy, Debug)]
struct Plan(u128);

impl Plan {
    fn draw() -> Plan {
        Plan(uuid::Uuid::new_v4().as_u128() & 0x7f)
    }

    fn is(self, bit: u32) -> bool {
        self.0 & (1 << bit) != 0
    }

    fn invited(self) -> bool {
        self.is(0)
    }

    /// Whether they have a password.
    fn arrives(self) -> bool {
        !self.invited() || self.is(1)
    }

    fn holds_a_role(self) -> bool {
        self.is(2) || self.invited()
    }

    fn joins_a_group(self) -> bool {
        self.is(3) && self.arrives()
    }

    fn logs_in(self) -> bool {
        self.is(4) && self.arrives()
    }

    fn asks_for_a_reset(self) -> bool {
        self.is(5) && self.arrives()
    }

    fn is_disabled(self) -> bool {
        self.is(6)
    }
}

/// What somebody has when they are gone.
struct Past {
    user_id: String,
    password: Option<String>,
    session: Option<Member>,
    link: Option<String>,
}

/// Lives a life to the point where it is to end.
async fn live(suite: &Suite, acme: &Company, plan: Plan) -> Past {
    let admin = &acme.admin.client;
    let mut past = Past {
        user_id: String::new(),
        password: None,
        session: None,
        link: None,
    };
    if plan.invited() {
        let draft = acme.draft(ADDRESS, &["analyst"]);
        let former = tokens(suite).await;
        past.user_id = acme.invite_as(draft).await.expect("an invitation").user_id;
        inherits_nothing(acme, &past.user_id, UserStatus::Invited, plan).await;
        let token = until("a link of their own", || async {
            let mut mailed = tokens(suite).await;
            mailed.retain(|token| !former.contains(token));
            mailed.pop()
        })
        .await;
        if plan.arrives() {
            let setup = accept(&suite.anyone(), &token).await.expect("accepted");
            past.password = Some(setup.password);
        }
        past.link = Some(token);
    } else {
        let password = password();
        past.user_id = acme.user(ADDRESS, &password).await;
        inherits_nothing(acme, &past.user_id, UserStatus::Active, plan).await;
        past.password = Some(password);
        if plan.holds_a_role() {
            let granted = acme.grant(&past.user_id, "analyst", "").await;
            granted.expect("a role");
        }
    }
    if plan.joins_a_group() {
        let ask = AddGroupMemberRequest {
            group_id: acme.default_group().await,
            user_id: past.user_id.clone(),
            ..Default::default()
        };
        let mut groups = GroupServiceClient::new(admin.clone());
        groups.add_group_member(ask).await.expect("a member");
    }
    if let Some(password) = past.password.as_ref().filter(|_| plan.logs_in()) {
        let member = sign_in(&suite.anyone(), "acme", ADDRESS, password).await;
        past.session = Some(member.expect("a login"));
    }
    if plan.asks_for_a_reset() {
        let ask = RequestPasswordResetRequest {
            tenant: "acme".into(),
            username: ADDRESS.into(),
        };
        let mut logins = LoginServiceClient::new(suite.anyone());
        logins.request_password_reset(ask).await.expect("asked for");
    }
    if plan.is_disabled() {
        let ask = DisableUserRequest {
            user_id: past.user_id.clone(),
            ..Default::default()
        };
        let mut users = UserServiceClient::new(admin.clone());
        users.disable_user(ask).await.expect("disabled");
    }
    past
}

/// The secrets of all links that were mailed to the address.
async fn tokens(suite: &Suite) -> Vec<String> {
    let mails = suite.mails().to(ADDRESS).await.expect("mails");
    mails.iter().filter_map(|mail| mail.token().ok()).collect()
}

/// Who has just come has what was given to them just now, and nothing else.
async fn inherits_nothing(acme: &Company, user_id: &str, status: UserStatus, plan: Plan) {
    let admin = &acme.admin.client;
    let ask = GetUserRequest {
        user_id: user_id.to_owned(),
    };
    let mut users = UserServiceClient::new(admin.clone());
    let user = users.get_user(ask).await.expect("a user").into_inner();
    let user: User = user.user.expect("a user");
    assert_eq!(user.status(), status, "{plan:?}");
    assert_eq!((&user.last_login_time, user.mfa_enabled), (&None, false));
    assert_eq!(user.alerts, [], "{plan:?}");

    let ask = ListRoleBindingsRequest {
        user_id: user_id.to_owned(),
        ..Default::default()
    };
    let mut bindings = RoleBindingServiceClient::new(admin.clone());
    let held = bindings.list_role_bindings(ask).await.expect("roles");
    assert_eq!(
        held.into_inner().bindings.len(),
        usize::from(plan.invited())
    );
    let ask = ListGroupMembersRequest {
        group_id: acme.default_group().await,
        page_size: 100,
        ..Default::default()
    };
    let mut groups = GroupServiceClient::new(admin.clone());
    let members = groups.list_group_members(ask).await.expect("members");
    let members = members.into_inner().user_ids;
    assert!(!members.iter().any(|member| member == user_id), "{plan:?}");
    let ask = ListSessionsRequest {
        user_id: user_id.to_owned(),
        ..Default::default()
    };
    let mut sessions = SessionServiceClient::new(admin.clone());
    let sessions = sessions.list_sessions(ask).await.expect("sessions");
    assert_eq!(sessions.into_inner().total_size, 0, "{plan:?}");
    let ask = ListMailsRequest {
        user_id: user_id.to_owned(),
        ..Default::default()
    };
    let mut mails = MailServiceClient::new(admin.clone());
    let mails = mails.list_mails(ask).await.expect("mails").into_inner();
    assert_eq!(mails.total_size, u64::from(plan.invited()), "{plan:?}");
}

/// Nothing of a life that is over works.
async fn is_over(suite: &Suite, past: &Past, plan: Plan) {
    let anyone = suite.anyone();
    if let Some(password) = &past.password {
        let login = sign_in(&anyone, "acme", ADDRESS, password).await;
        assert!(login.is_err(), "an old password logs in: {plan:?}");
    }
    if let Some(session) = &past.session {
        let ask = ValidateSessionRequest {
            session_token: session.session_token.clone(),
        };
        let mut sessions = SessionServiceClient::new(anyone.clone());
        let held = sessions.validate_session(ask).await;
        assert!(held.is_err(), "an old session holds: {plan:?}");
        let mut users = UserServiceClient::new(session.client.clone());
        let listed = users.list_users(ListUsersRequest::default()).await;
        assert!(listed.is_err(), "an old session is let in: {plan:?}");
    }
}

/// Nothing leads back to it, once every service has heard of its end.
async fn is_erased(suite: &Suite, past: &Past, plan: Plan) {
    is_over(suite, past, plan).await;
    if let Some(token) = &past.link {
        let ask = PreviewInvitationRequest {
            token: token.clone(),
        };
        let anyone = suite.anyone();
        let preview = invitations(&anyone).preview_invitation(ask).await;
        assert!(preview.is_err(), "an old link leads on: {plan:?}");
    }
}

async fn seats(acme: &Company) -> u64 {
    let mut licenses = LicenseServiceClient::new(acme.operator.clone());
    let seats = licenses.list_seats(ListSeatsRequest::default()).await;
    seats.expect("seats").into_inner().total_size
}

#[tokio::test]
async fn b_27_who_comes_back_under_the_same_address_inherits_nothing() {
    let suite = Suite::start_with(&usher_tests::suite::MANY_ATTEMPTS).await;
    let acme = suite.company("acme").await;
    acme.license(5, &["analyst"]).await;
    let admin = &acme.admin.client;
    let mut pasts: Vec<(Past, Plan)> = Vec::new();
    for _ in 0..LIVES {
        let plan = Plan::draw();
        let past = live(&suite, &acme, plan).await;
        assert!(
            pasts
                .iter()
                .all(|(before, _)| before.user_id != past.user_id)
        );
        for (before, of) in &pasts {
            is_erased(&suite, before, *of).await;
        }
        assert_eq!(
            seats(&acme).await,
            u64::from(plan.holds_a_role()),
            "{plan:?}"
        );
        delete(admin, &past.user_id).await;
        is_over(&suite, &past, plan).await;
        // The next one comes when the last service has heard of it.
        erased(admin, &past.user_id).await;
        is_erased(&suite, &past, plan).await;
        pasts.push((past, plan));
    }
    assert_eq!(seats(&acme).await, 0);
    let mut db = suite.database().connect().await;
    let left = tables_with(&mut db, "phoenix").await;
    assert_eq!(left, Vec::<String>::new(), "after {} lives", pasts.len());
    for (past, plan) in &pasts {
        let mut telling = tables_with(&mut db, &past.user_id).await;
        telling.retain(|table| !MAY_TELL.contains(&table.as_str()));
        assert!(telling.is_empty(), "{plan:?} is left in {telling:?}");
    }
    suite.stop().await;
}

#[tokio::test]
async fn b_27_who_is_back_before_all_have_heard_inherits_nothing_either() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    acme.license(5, &["analyst"]).await;
    let plan = Plan(0b1_1100);
    let mut held = suite.database().connect().await;
    for life in 0..3 {
        let past = live(&suite, &acme, plan).await;
        if life == 0 {
            // From here on authorization hears nothing.
            let sql = "SELECT FROM \"authorization\".cursors FOR UPDATE";
            for sql in ["BEGIN", sql] {
                sqlx::query(sql).execute(&mut held).await.expect(sql);
            }
        }
        delete(&acme.admin.client, &past.user_id).await;
        is_over(&suite, &past, plan).await;
    }
    let last = acme.user(ADDRESS, &password()).await;
    inherits_nothing(&acme, &last, UserStatus::Active, plan).await;
    sqlx::query("ROLLBACK")
        .execute(&mut held)
        .await
        .expect("an end");
    eventually("the seats of those who are gone", || async {
        seats(&acme).await == 0
    })
    .await;
    inherits_nothing(&acme, &last, UserStatus::Active, plan).await;
    suite.stop().await;
}
