//! The permissions there are (requirement A-01). Products add theirs here.

/// Something that one may do.
pub struct Entry {
    /// The name, `resource.action` or `resource.field.action`.
    pub name: &'static str,
    /// What it lets one do.
    pub description: &'static str,
    /// Whether it is about the installation and not about one tenant. No
    /// tenant can grant such a permission, and no wildcard covers it.
    pub platform: bool,
}

const fn tenant(name: &'static str, description: &'static str) -> Entry {
    Entry {
        name,
        description,
        platform: false,
    }
}

const fn platform(name: &'static str, description: &'static str) -> Entry {
    Entry {
        name,
        description,
        platform: true,
    }
}

/// All permissions, sorted by name: their places are their numbers.
pub static CATALOGUE: &[Entry] = &LIST;

pub(super) const LIST: [Entry; 56] = [
    tenant("access.check", "Ask what others may do"),
    tenant("account.update", "Change one's own account"),
    tenant("account.view", "See one's own account"),
    tenant("admins.update", "Give and take the roles of admins"),
    tenant("agents.name.view", "See the names of agents"),
    tenant("agents.view", "See agents, without their names"),
    tenant("alerts.view", "See alerts"),
    tenant("api_keys.create", "Make keys for service accounts"),
    tenant("api_keys.revoke", "End keys of service accounts"),
    tenant("audit.view", "Read the audit trail"),
    tenant("billing.update", "Change how the tenant pays"),
    tenant("billing.view", "See what the tenant pays"),
    tenant("bindings.create", "Give roles to users"),
    tenant("bindings.delete", "Take roles from users"),
    tenant("bindings.view", "See who holds which role"),
    tenant("dashboard.view", "See the dashboard"),
    tenant(
        "domains.update",
        "Add domains of usernames, prove and remove them",
    ),
    tenant("domains.view", "See the domains of usernames"),
    tenant("groups.update", "Add users to groups and remove them"),
    tenant("groups.view", "See groups and their members"),
    tenant("imports.commit", "Write an import that was reviewed"),
    tenant("imports.create", "Upload a file of users and review it"),
    tenant("imports.view", "See imports"),
    tenant("invitations.create", "Invite people"),
    tenant("invitations.delete", "Take invitations back"),
    tenant("invitations.update", "Send invitations again"),
    tenant("invitations.view", "See invitations"),
    platform("keys.rotate", "Change the keys that sign tokens"),
    platform(
        "licenses.update",
        "Set the seats of a tenant and the roles that use one",
    ),
    tenant(
        "licenses.view",
        "See the seats of the tenant and who uses them",
    ),
    tenant(
        "mails.view",
        "See the mails sent to users and their delivery",
    ),
    tenant("probing_distributions.view", "See probing distributions"),
    tenant("projects.create", "Create projects"),
    tenant("projects.reach", "Reach every project of the tenant"),
    tenant("projects.view", "See projects"),
    tenant(
        "properties.update",
        "Define the tenant's own properties of users",
    ),
    tenant("roles.view", "See roles and permissions"),
    tenant("service_accounts.create", "Create service accounts"),
    tenant(
        "service_accounts.delete",
        "Delete service accounts for good",
    ),
    tenant(
        "service_accounts.update",
        "Change, disable and enable service accounts",
    ),
    tenant(
        "service_accounts.view",
        "See service accounts and their keys",
    ),
    tenant("sessions.revoke", "End sessions of users"),
    tenant("sessions.view", "See sessions of users"),
    tenant("targets.view", "See targets"),
    platform("tenants.create", "Create tenants"),
    platform("tenants.list", "See all tenants of the installation"),
    platform("tenants.operate", "Act in any tenant"),
    tenant("tenants.update", "Change the settings of the tenant"),
    tenant("users.create", "Create users"),
    tenant("users.delete", "Delete users for good"),
    tenant("users.disable", "Disable and enable users"),
    tenant("users.reset_mfa", "Remove the second factors of users"),
    tenant(
        "users.reset_password",
        "Send users links and temporary passwords",
    ),
    tenant("users.unlock", "Clear lockouts"),
    tenant("users.update", "Change users"),
    tenant("users.view", "See users"),
];

#[cfg(test)]
mod tests {
    use super::CATALOGUE;

    #[test]
    fn sorted_named_and_described() {
        assert!(CATALOGUE.is_sorted_by(|a, b| a.name < b.name));
        for entry in CATALOGUE {
            let parts: Vec<_> = entry.name.split('.').collect();
            assert!(parts.len() >= 2, "{} is not resource.action", entry.name);
            assert!(
                entry
                    .name
                    .chars()
                    .all(|c| c.is_ascii_lowercase() || c == '.' || c == '_'),
                "{}",
                entry.name
            );
            assert!(
                !entry.description.is_empty() && !entry.description.ends_with('.'),
                "{}",
                entry.name
            );
        }
    }
}
