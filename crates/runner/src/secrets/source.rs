//! Where the plaintext of secrets comes from.

use std::collections::BTreeMap;
use std::fmt;

/// What the name of an environment variable that holds a secret begins with.
const PREFIX: &str = "PARTITA_SECRET_";

/// Where the plaintext of secrets comes from.
pub trait Secrets: Send + Sync {
    /// The value of a secret, or `None`.
    fn get(&self, name: &str) -> Option<String>;
}

/// Secrets that were all read when the server started.
#[derive(Clone, Default)]
pub struct NamedSecrets(BTreeMap<String, String>);

impl NamedSecrets {
    /// Wraps names and values.
    #[must_use]
    pub fn new(values: BTreeMap<String, String>) -> Self {
        Self(values)
    }

    /// Takes each `PARTITA_SECRET_X` of an environment as the secret `X`.
    #[must_use]
    pub fn from_environment(environment: &BTreeMap<String, String>) -> Self {
        let named = environment.iter().filter_map(|(name, value)| Some((name.strip_prefix(PREFIX)?, value)));
        Self(named.map(|(name, value)| (name.to_owned(), value.clone())).collect())
    }
}

impl Secrets for NamedSecrets {
    fn get(&self, name: &str) -> Option<String> {
        self.0.get(name).cloned()
    }
}

impl fmt::Debug for NamedSecrets {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.0.keys()).finish()
    }
}
