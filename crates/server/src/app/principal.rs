//! Who calls, and what they may do.

use std::collections::BTreeSet;

use partita_core::TenantId;

use super::error::AppError;

/// A permission of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Scope {
    /// Look at everything of one's tenant.
    Read,
    /// Turn words into workflows; save templates.
    Generate,
    /// Run workflows of catalogue tools, and control runs.
    Execute,
    /// Run commands, scripts and other code.
    ExecuteCode,
    /// Answer approvals.
    Approve,
    /// Make, list and revoke keys.
    Admin,
}

impl Scope {
    /// Every scope, in the order in which they are shown.
    pub(crate) const ALL: [Self; 6] =
        [Self::Read, Self::Generate, Self::Execute, Self::ExecuteCode, Self::Approve, Self::Admin];

    /// The scope's name in the API.
    #[must_use]
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Generate => "generate",
            Self::Execute => "execute",
            Self::ExecuteCode => "execute:code",
            Self::Approve => "approve",
            Self::Admin => "admin",
        }
    }

    /// Reads names of scopes; `*` means all. The unknown name is the error.
    pub(crate) fn parse_all<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<BTreeSet<Self>, String> {
        let mut scopes = BTreeSet::new();
        for name in names {
            match Self::ALL.iter().find(|scope| scope.as_str() == name) {
                Some(scope) => drop(scopes.insert(*scope)),
                None if name == "*" => scopes.extend(Self::ALL),
                None => return Err(name.to_owned()),
            }
        }
        Ok(scopes)
    }
}

impl std::fmt::Display for Scope {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// Who calls. Every use case takes one; only authentication makes them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Principal {
    /// The key's id, `bootstrap` for the bootstrap key.
    pub(crate) id: String,
    /// The key's name, for the log of who did what.
    pub(crate) name: String,
    pub(crate) tenant: TenantId,
    pub(crate) scopes: BTreeSet<Scope>,
}

impl Principal {
    /// The id of the principal behind the bootstrap key.
    pub(crate) const BOOTSTRAP: &'static str = "bootstrap";

    /// Whoever holds the bootstrap key: all scopes in the default tenant.
    pub(crate) fn bootstrap() -> Self {
        Self {
            id: Self::BOOTSTRAP.to_owned(),
            name: "bootstrap key".to_owned(),
            tenant: TenantId::default(),
            scopes: Scope::ALL.into_iter().collect(),
        }
    }

    /// Refuses when the scope is missing.
    pub(crate) fn need(&self, scope: Scope) -> Result<(), AppError> {
        if self.scopes.contains(&scope) { Ok(()) } else { Err(AppError::ScopeMissing(scope)) }
    }
}
