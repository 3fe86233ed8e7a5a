//! The predefined roles (requirement A-02), each from the product document
//! that names it.

use contract::authorization::RoleSet;

/// A role that tenants start with.
#[derive(Clone, Copy)]
pub struct Predefined {
    /// The name by which files and scripts call it.
    pub name: &'static str,
    /// Other names for it in files.
    pub aliases: &'static [&'static str],
    /// The name shown to people.
    pub display_name: &'static str,
    /// What it is for.
    pub description: &'static str,
    /// What it permits, wildcards and all.
    pub permissions: &'static [&'static str],
    /// Whether it is given where none is named.
    pub default: bool,
}

/// The roles of a set; none for a set that is not specified.
pub fn roles(set: RoleSet) -> &'static [Predefined] {
    match set {
        RoleSet::Unspecified => &[],
        RoleSet::Standard => STANDARD,
        RoleSet::Platform => PLATFORM,
        RoleSet::Organization => ORGANIZATION,
        RoleSet::Project => PROJECT,
        RoleSet::Operator => OPERATOR,
    }
}

const fn role(
    name: &'static str,
    display_name: &'static str,
    description: &'static str,
    permissions: &'static [&'static str],
) -> Predefined {
    Predefined {
        name,
        aliases: &[],
        display_name,
        description,
        permissions,
        default: false,
    }
}

const fn default(role: Predefined) -> Predefined {
    Predefined {
        default: true,
        ..role
    }
}

static STANDARD: &[Predefined] = &[
    role(
        "admin",
        "Admin",
        "Manages the tenant: users, roles, projects, settings",
        &["*"],
    ),
    Predefined {
        aliases: &["std_user"],
        ..default(role(
            "standard user",
            "Standard User",
            "Works with the product on the projects they reach",
            &[
                "account.*",
                "agents.*",
                "alerts.view",
                "dashboard.view",
                "probing_distributions.view",
                "projects.view",
                "targets.view",
            ],
        ))
    },
    role(
        "analyst",
        "Analyst",
        "Reads dashboards and alerts on the projects they reach",
        &[
            "account.*",
            "agents.view",
            "alerts.view",
            "dashboard.view",
            "projects.view",
        ],
    ),
];

static PLATFORM: &[Predefined] = &[role(
    "platform",
    "Platform",
    "Manages data and users of the platform they are assigned to",
    &["*"],
)];

static ORGANIZATION: &[Predefined] = &[
    role(
        "organization admin",
        "Organization Admin",
        "Holds all permissions of the organization",
        &["*"],
    ),
    role(
        "organization view only admin",
        "Organization View Only Admin",
        "Sees all that an Organization Admin sees and changes nothing",
        &[
            "account.view",
            "agents.name.view",
            "agents.view",
            "alerts.view",
            "audit.view",
            "billing.view",
            "bindings.view",
            "dashboard.view",
            "domains.view",
            "groups.view",
            "imports.view",
            "invitations.view",
            "licenses.view",
            "mails.view",
            "probing_distributions.view",
            "projects.reach",
            "projects.view",
            "roles.view",
            "service_accounts.view",
            "sessions.view",
            "targets.view",
            "users.view",
        ],
    ),
    role(
        "organization billing admin",
        "Organization Billing Admin",
        "Manages what the organization pays",
        &["account.*", "billing.*", "licenses.view"],
    ),
    default(role(
        "organization user",
        "Organization User",
        "Sees and changes only their own account",
        &["account.*"],
    )),
];

static PROJECT: &[Predefined] = &[
    role("admin", "Admin", "Holds all permissions", &["*"]),
    role(
        "co-admin",
        "Co-admin",
        "Does what an admin does, except to admins and to the settings of the tenant",
        &[
            "access.*",
            "account.*",
            "agents.*",
            "alerts.*",
            "api_keys.*",
            "audit.*",
            "bindings.*",
            "dashboard.*",
            "groups.*",
            "imports.*",
            "invitations.*",
            "licenses.view",
            "mails.*",
            "probing_distributions.*",
            "projects.*",
            "roles.*",
            "service_accounts.*",
            "sessions.*",
            "targets.*",
            "users.*",
        ],
    ),
    role(
        "asset manager",
        "Asset Manager",
        "Works with alerts, agents and targets; the names of agents are hidden",
        &[
            "account.*",
            "agents.view",
            "alerts.view",
            "dashboard.view",
            "probing_distributions.view",
            "projects.view",
            "targets.view",
        ],
    ),
    default(role(
        "viewer",
        "Viewer",
        "Sees the project and who works on it",
        &[
            "account.*",
            "agents.*",
            "alerts.view",
            "dashboard.view",
            "probing_distributions.view",
            "projects.view",
            "targets.view",
            "users.view",
        ],
    )),
];

static OPERATOR: &[Predefined] = &[role(
    "operator",
    "Operator",
    "Runs the whole installation, and acts in any tenant",
    &[
        "*",
        "keys.rotate",
        "licenses.update",
        "tenants.create",
        "tenants.list",
        "tenants.operate",
    ],
)];

#[cfg(test)]
mod tests;
