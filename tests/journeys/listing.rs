//! Lists: pages forth and back, search, order.

mod methods;

use contract::authorization::{
    AddGroupMemberRequest, ListGroupMembersRequest, ListPermissionsRequest, ListProjectsRequest,
    ListRoleBindingsRequest, ListRolesRequest, group_service_client::GroupServiceClient,
    project_service_client::ProjectServiceClient,
    role_binding_service_client::RoleBindingServiceClient, role_service_client::RoleServiceClient,
};
use contract::identity::{
    BulkAction, CreateBulkOperationRequest, CreateUserRequest, GetBulkOperationRequest,
    GetUserRequest, ListBulkOperationsRequest, ListBulkResultsRequest, ListErasuresRequest,
    ListUsersRequest, UserStatus, bulk_service_client::BulkServiceClient,
    create_bulk_operation_request, erasure_service_client::ErasureServiceClient,
    user_service_client::UserServiceClient,
};
use contract::importer::{
    ListImportRowsRequest, ListImportsRequest, import_service_client::ImportServiceClient,
};
use contract::invitation::{
    ListInvitationsRequest, ListMailsRequest, MailState, mail_service_client::MailServiceClient,
};
use contract::licensing::{ListSeatsRequest, license_service_client::LicenseServiceClient};
use testkit::Client;
use usher_tests::{Suite, demo, invitations, password};

use crate::assert_refused;

/// Reads a list to its end and back to its start: the pages are the same from
/// both sides, at least three, and hold as many rows as the list says.
macro_rules! forth_and_back {
    ($client:ident.$list:ident($ask:ident { $($field:ident: $value:expr),* }).$rows:ident) => {{
        let mut pages = Vec::new();
        let mut ask = $ask { $($field: $value,)* ..Default::default() };
        loop {
            let page = $client.$list(ask.clone()).await.expect("a page");
            let page = page.into_inner();
            ask.page_token.clone_from(&page.next_page_token);
            pages.push(page);
            if ask.page_token.is_empty() {
                break;
            }
        }
        let total: usize = pages.iter().map(|page| page.$rows.len()).sum();
        assert_eq!(total as u64, pages[0].total_size);
        assert!(pages.len() > 2, "{} pages", pages.len());
        let mut page = pages.pop().expect("a page");
        while let Some(before) = pages.pop() {
            ask.page_token = page.previous_page_token;
            page = $client
                .$list(ask.clone())
                .await
                .expect("a page")
                .into_inner();
            assert_eq!(page.$rows, before.$rows);
        }
        assert!(page.previous_page_token.is_empty());
    }};
}

async fn list(client: &Client, ask: &ListUsersRequest) -> (Vec<String>, u64) {
    let mut ask = ask.clone();
    let mut names = Vec::new();
    loop {
        let page = UserServiceClient::new(client.clone())
            .list_users(ask.clone())
            .await
            .expect("users")
            .into_inner();
        names.extend(page.users.into_iter().map(|user| user.email));
        if page.next_page_token.is_empty() {
            return (names, page.total_size);
        }
        ask.page_token = page.next_page_token;
    }
}

#[tokio::test]
async fn u_07_u_08_lists_page_both_ways_and_search() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    let admin = &acme.admin.client;
    for number in 0..12 {
        let email = format!(
            "person{number:02}@{}.example",
            if number % 3 == 0 { "third" } else { "other" }
        );
        let ask = CreateUserRequest {
            first_name: format!("First{number:02}"),
            last_name: if number < 6 {
                "Zimmermann".into()
            } else {
                "Öberg".into()
            },
            email,
            password: password(),
            ..Default::default()
        };
        UserServiceClient::new(admin.clone())
            .create_user(ask)
            .await
            .expect("a user");
    }
    // The admin is the thirteenth.
    let all = ListUsersRequest {
        page_size: 5,
        ..Default::default()
    };
    let (paged, total) = list(admin, &all).await;
    let (whole, _) = list(
        admin,
        &ListUsersRequest {
            page_size: 100,
            ..Default::default()
        },
    )
    .await;
    assert_eq!((paged.len(), total), (13, 13));
    assert_eq!(paged, whole, "pages put together are the whole list");

    let mut users = UserServiceClient::new(admin.clone());
    let first = users.list_users(all.clone()).await.unwrap().into_inner();
    let next = ListUsersRequest {
        page_token: first.next_page_token.clone(),
        ..all.clone()
    };
    let second = users.list_users(next).await.unwrap().into_inner();
    let back = ListUsersRequest {
        page_token: second.previous_page_token,
        ..all
    };
    let again = users.list_users(back).await.unwrap().into_inner();
    assert_eq!(again.users, first.users, "one page on and one back");
    assert!(first.previous_page_token.is_empty());

    let search = |query: &str| ListUsersRequest {
        page_size: 5,
        query: query.into(),
        ..Default::default()
    };
    assert_eq!(list(admin, &search("zimmer")).await.1, 6);
    assert_eq!(list(admin, &search("ÖBERG")).await.1, 6);
    assert_eq!(list(admin, &search("@third.example")).await.1, 4);
    assert_eq!(
        list(admin, &search("first07")).await.0,
        ["person07@other.example"]
    );
    assert_eq!(list(admin, &search("100%_nobody")).await.1, 0);

    let other = ListUsersRequest {
        page_token: first.next_page_token,
        query: "zimmer".into(),
        ..Default::default()
    };
    assert_refused!(users.list_users(other).await, "PAGE_TOKEN_INVALID");
    suite.stop().await;
}

#[tokio::test]
async fn i_02_pages_go_forth_and_back_through_all_states() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    let mut all = Vec::new();
    for number in 0..7 {
        all.push(
            acme.invite(&format!("p{number}@acme.example"))
                .await
                .unwrap(),
        );
    }
    suite.leave_invitation(&all[5], "state = 'declined'").await;
    suite
        .leave_invitation(&all[1], "expire_time = now() - interval '1 day'")
        .await;
    let expected: Vec<&str> = [6, 4, 3, 2, 0, 5, 1]
        .map(|at: usize| all[at].email.as_str())
        .into();
    let page = async |page_token: &str| {
        let ask = ListInvitationsRequest {
            page_size: 3,
            page_token: page_token.into(),
            inviter_email: "ADMIN@acme.example".into(),
            ..Default::default()
        };
        let reply = invitations(&acme.admin.client)
            .list_invitations(ask)
            .await
            .expect("a page")
            .into_inner();
        assert_eq!(reply.total_size, 7);
        reply
    };
    let first = page("").await;
    let second = page(&first.next_page_token).await;
    let third = page(&second.next_page_token).await;
    let seen =
        [&first, &second, &third].map(|page| page.invitations.iter().map(|one| one.email.as_str()));
    assert_eq!(seen.into_iter().flatten().collect::<Vec<_>>(), expected);
    assert!(third.next_page_token.is_empty() && first.previous_page_token.is_empty());
    let back = page(&third.previous_page_token).await;
    assert_eq!(back.invitations, second.invitations);
    assert_eq!(
        page(&back.previous_page_token).await.invitations,
        first.invitations
    );
    let user = UserServiceClient::new(acme.admin.client.clone())
        .get_user(GetUserRequest {
            user_id: all[0].user_id.clone(),
        })
        .await;
    assert_eq!(
        user.expect("a user")
            .into_inner()
            .user
            .expect("a user")
            .status(),
        UserStatus::Invited
    );
    suite.stop().await;
}

#[tokio::test]
async fn every_other_list_goes_forth_and_back() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    let admin = &acme.admin.client;
    acme.license(9, &["analyst"]).await;
    let group_id = acme.default_group().await;
    let mut groups = GroupServiceClient::new(admin.clone());
    for number in 0..5 {
        let user_id = acme.invite(&format!("p{number}@acme.example")).await;
        let user_id = user_id.expect("an invitation").user_id;
        let ask = AddGroupMemberRequest {
            group_id: group_id.clone(),
            user_id,
            ..Default::default()
        };
        groups.add_group_member(ask).await.expect("a member");
        acme.project(&format!("Project {number}")).await;
        demo::upload(admin, "people.csv").await.expect("an import");
    }
    let mut roles = RoleServiceClient::new(admin.clone());
    forth_and_back!(roles.list_roles(ListRolesRequest { page_size: 1 }).roles);
    forth_and_back!(
        roles
            .list_permissions(ListPermissionsRequest { page_size: 7 })
            .permissions
    );
    forth_and_back!(
        groups
            .list_group_members(ListGroupMembersRequest {
                page_size: 2,
                group_id: group_id.clone()
            })
            .user_ids
    );
    let mut projects = ProjectServiceClient::new(admin.clone());
    forth_and_back!(
        projects
            .list_projects(ListProjectsRequest { page_size: 2 })
            .projects
    );
    let mut bindings = RoleBindingServiceClient::new(admin.clone());
    forth_and_back!(
        bindings
            .list_role_bindings(ListRoleBindingsRequest { page_size: 2 })
            .bindings
    );
    let mut licenses = LicenseServiceClient::new(admin.clone());
    forth_and_back!(licenses.list_seats(ListSeatsRequest { page_size: 2 }).seats);
    let mut imports = ImportServiceClient::new(admin.clone());
    forth_and_back!(
        imports
            .list_imports(ListImportsRequest { page_size: 2 })
            .imports
    );
    let listed = imports.list_imports(ListImportsRequest::default()).await;
    let import_id = listed.expect("imports").into_inner().imports[0].id.clone();
    forth_and_back!(
        imports
            .list_import_rows(ListImportRowsRequest {
                page_size: 100,
                import_id: import_id.clone()
            })
            .rows
    );
    // Once all are sent, none changes any more.
    let mut mails = MailServiceClient::new(admin.clone());
    testkit::eventually("all mails", || async {
        let mut mails = mails.clone();
        let listed = mails.list_mails(ListMailsRequest::default()).await;
        let listed = listed.expect("mails").into_inner().mails;
        listed.len() == 6 && listed.iter().all(|mail| mail.state() == MailState::Sent)
    })
    .await;
    forth_and_back!(mails.list_mails(ListMailsRequest { page_size: 2 }).mails);
    let mut bulk = BulkServiceClient::new(admin.clone());
    let mut bulk_operation_id = String::new();
    for action in [BulkAction::Disable, BulkAction::Enable, BulkAction::Delete] {
        bulk_operation_id = invitees_all(&mut bulk, action).await;
    }
    forth_and_back!(
        bulk.list_bulk_operations(ListBulkOperationsRequest { page_size: 1 })
            .bulk_operations
    );
    forth_and_back!(
        bulk.list_bulk_results(ListBulkResultsRequest {
            page_size: 2,
            bulk_operation_id: bulk_operation_id.clone()
        })
        .results
    );
    let mut erasures = ErasureServiceClient::new(admin.clone());
    testkit::eventually("all to be erased", || async {
        let ask = ListErasuresRequest {
            pending: true,
            ..Default::default()
        };
        let page = erasures.clone().list_erasures(ask).await;
        page.expect("erasures").into_inner().total_size == 0
    })
    .await;
    forth_and_back!(
        erasures
            .list_erasures(ListErasuresRequest { page_size: 2 })
            .erasures
    );
    suite.stop().await;
}

/// Does one thing to all invitees, to the end; answers the operation.
async fn invitees_all(bulk: &mut BulkServiceClient<Client>, action: BulkAction) -> String {
    let filter = ListUsersRequest {
        statuses: vec![UserStatus::Invited.into(), UserStatus::Inactive.into()],
        ..Default::default()
    };
    let ask = CreateBulkOperationRequest {
        action: action.into(),
        users: Some(create_bulk_operation_request::Users::Filter(filter)),
        ..Default::default()
    };
    let begun = bulk.create_bulk_operation(ask).await.expect("begun");
    let operation = begun.into_inner().bulk_operation.expect("begun");
    testkit::eventually("the end of the operation", || async {
        let ask = GetBulkOperationRequest {
            bulk_operation_id: operation.id.clone(),
        };
        let seen = bulk.clone().get_bulk_operation(ask).await.expect("seen");
        let seen = seen.into_inner().bulk_operation.expect("seen");
        seen.progress.is_some_and(|progress| progress.done == 5) && seen.end_time.is_some()
    })
    .await;
    operation.id
}
