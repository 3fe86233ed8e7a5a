//! Properties of users.

use contract::identity::{
    CreatePropertyRequest, DeletePropertyRequest, Property, PropertyType, UpdatePropertyRequest,
    property_service_client::PropertyServiceClient,
};
use prost_types::FieldMask;

use crate::trail::{Told, call, leaves, stage::Stage};

pub async fn tell(stage: &Stage<'_>, method: &str) -> Option<Told> {
    let admin = stage.admin();
    let name = format!("p{}", stage.number);
    match method {
        "PropertyService.CreateProperty" => {
            create(stage, &name).await;
            leaves(&["property_created"])
        }
        "PropertyService.UpdateProperty" => {
            create(&stage.before(), &name).await;
            let ask = UpdatePropertyRequest {
                property: Some(Property {
                    display_name: "Another".into(),
                    ..property(&name)
                }),
                update_mask: Some(FieldMask {
                    paths: vec!["display_name".into()],
                }),
                ..Default::default()
            };
            let call = call!(PropertyServiceClient.update_property(ask));
            stage.change(admin, call).await;
            leaves(&["property_updated"])
        }
        "PropertyService.DeleteProperty" => {
            create(&stage.before(), &name).await;
            let ask = DeletePropertyRequest {
                name,
                ..Default::default()
            };
            let call = call!(PropertyServiceClient.delete_property(ask));
            stage.change(admin, call).await;
            leaves(&["property_deleted"])
        }
        _ => None,
    }
}

fn property(name: &str) -> Property {
    Property {
        name: name.into(),
        display_name: "One".into(),
        r#type: PropertyType::Text.into(),
        ..Default::default()
    }
}

async fn create(stage: &Stage<'_>, name: &str) {
    let ask = CreatePropertyRequest {
        property: Some(property(name)),
        ..Default::default()
    };
    let call = call!(PropertyServiceClient.create_property(ask));
    stage.change(stage.admin(), call).await;
}
