//! Which service serves which package of the contract.

/// The services that keep data, by their names.
pub const SERVICES: [&str; 4] = ["identity", "authorization", "invitation", "importer"];

/// The service that answers the methods of a package; none for packages that
/// every service has, and for unknown ones.
#[must_use]
pub fn serving(package: &str) -> Option<&'static str> {
    match package {
        "usher.identity.v1" => Some("identity"),
        "usher.authorization.v1" | "usher.licensing.v1" => Some("authorization"),
        "usher.invitation.v1" => Some("invitation"),
        "usher.importer.v1" => Some("importer"),
        _ => None,
    }
}

/// The gRPC services (`usher.identity.v1.UserService`) that a service answers.
pub(crate) fn grpc_services(service: &str) -> Vec<&'static str> {
    let mut names: Vec<&str> = contract::methods()
        .iter()
        .filter(|method| serving(method.package) == Some(service))
        .map(|method| method.service)
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use super::{SERVICES, grpc_services, serving};

    #[test]
    fn every_method_of_the_contract_has_a_place() {
        for method in contract::methods() {
            let placed = serving(method.package).is_some_and(|service| SERVICES.contains(&service));
            assert!(
                placed || method.package == "usher.feed.v1",
                "{}",
                method.path
            );
        }
    }

    #[test]
    fn every_service_has_something_to_answer() {
        for service in SERVICES {
            assert!(!grpc_services(service).is_empty(), "{service}");
        }
    }
}
