//! Changes in importer.

use contract::importer::{
    CancelImportRequest, CommitImportRequest, GetImportRequest, Import, MapImportRoleRequest,
    UpdateImportRowRequest, UploadHeader, UploadImportRequest,
    import_service_client::ImportServiceClient, upload_import_request::Part,
};
use testkit::{Client, until};

use super::{Told, call, leaves, stage::Stage};

pub async fn tell(stage: &Stage<'_>, method: &str) -> Option<Told> {
    let admin = stage.admin();
    let ready = async |role: &str| upload(&stage.before(), admin, role).await.id;
    match method {
        "ImportService.UploadImport" => {
            upload(stage, admin, "analyst").await;
            leaves(&["import_uploaded"])
        }
        "ImportService.UpdateImportRow" => {
            let ask = UpdateImportRowRequest {
                import_id: ready("analyst").await,
                line: 2,
                first_name: Some("Other".into()),
                ..Default::default()
            };
            stage
                .change(admin, call!(ImportServiceClient.update_import_row(ask)))
                .await;
            leaves(&["import_row_updated"])
        }
        "ImportService.MapImportRole" => {
            let ask = MapImportRoleRequest {
                import_id: ready("wizard").await,
                name: "wizard".into(),
                role_id: stage.company.roles["analyst"].clone(),
                ..Default::default()
            };
            stage
                .change(admin, call!(ImportServiceClient.map_import_role(ask)))
                .await;
            leaves(&["import_role_mapped"])
        }
        "ImportService.CommitImport" => {
            let ask = CommitImportRequest {
                import_id: ready("analyst").await,
                without_mails: true,
                ..Default::default()
            };
            stage
                .change(admin, call!(ImportServiceClient.commit_import(ask)))
                .await;
            ended(admin, &ask.import_id).await;
            // The rest is the worker's, row by row, by requests of its own.
            leaves(&["import_committed"])
        }
        "ImportService.CancelImport" => {
            let ask = CancelImportRequest {
                import_id: ready("analyst").await,
                ..Default::default()
            };
            stage
                .change(admin, call!(ImportServiceClient.cancel_import(ask)))
                .await;
            leaves(&["import_cancelled"])
        }
        _ => None,
    }
}

async fn upload(stage: &Stage<'_>, client: &Client, role: &str) -> Import {
    let header = UploadHeader {
        file_name: "people.csv".into(),
        ..Default::default()
    };
    let email = stage.email("imported");
    let file = format!("email,first name,last name,role\n{email},Ida,Imported,{role}\n");
    let call = |client| {
        let parts = [
            Part::Header(header.clone()),
            Part::Chunk(file.clone().into_bytes()),
        ]
        .map(|part| UploadImportRequest { part: Some(part) });
        let mut imports = ImportServiceClient::new(client);
        async move { imports.upload_import(tokio_stream::iter(parts)).await }
    };
    let reply = stage.change(client, call).await;
    reply.import.expect("an import")
}

async fn ended(client: &Client, import_id: &str) {
    until("the end of a commit", || async {
        let ask = GetImportRequest {
            import_id: import_id.to_owned(),
        };
        let mut imports = ImportServiceClient::new(client.clone());
        let reply = imports.get_import(ask).await.ok()?;
        reply.into_inner().import?.end_time
    })
    .await;
}
