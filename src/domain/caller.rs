//! Who is asking: the tenant whose rows are seen, and what may be done with them.

/// What a caller may do; each role may do all that those before it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    Viewer,
    Editor,
    Worker,
    Admin,
}

/// The one on whose behalf a request runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    pub tenant: String,
    /// Who it is, for the audit log.
    pub name: String,
    pub role: Role,
    /// The address the request came from, as text.
    pub client_ip: Option<String>,
}

/// The tenant of a server without credentials.
pub const DEFAULT_TENANT: &str = "default";

impl Role {
    pub fn as_str(self) -> &'static str {
        match self {
            Role::Viewer => "VIEWER",
            Role::Editor => "EDITOR",
            Role::Worker => "WORKER",
            Role::Admin => "ADMIN",
        }
    }
}

impl Caller {
    /// The caller of a server that listens on loopback without credentials.
    pub fn local_admin(client_ip: Option<String>) -> Self {
        Self { tenant: DEFAULT_TENANT.to_owned(), name: "local".to_owned(), role: Role::Admin, client_ip }
    }

    pub fn may_act_as(&self, role: Role) -> bool {
        self.role >= role
    }
}
