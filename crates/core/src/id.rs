//! Typed ids. Each is a prefix and 26 sortable characters (a ULID in lower case): 48 bits of time,
//! then 80 bits of randomness, so ids of one kind sort by their time of birth.

use serde::{Deserialize, Serialize};
use std::fmt;

use crate::Millis;

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// The text does not have the shape of an id of this kind.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{text}` is not a valid id: expected `{prefix}` and 26 characters")]
pub struct InvalidId {
    /// What was given, cut to 64 characters.
    pub text: String,
    /// The prefix that ids of this kind have.
    pub prefix: &'static str,
}

fn encode(at: Millis, random: u128) -> String {
    let bits = (u128::from(at) << 80) | (random & ((1 << 80) - 1));
    (0..26u32).rev().map(|place| char::from(ALPHABET[((bits >> (place * 5)) & 31) as usize])).collect()
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// What every id of this kind begins with.
            pub const PREFIX: &'static str = $prefix;

            /// Makes an id from a point in time and 80 random bits.
            #[must_use]
            pub fn from_parts(at: Millis, random: u128) -> Self {
                Self(format!("{}{}", $prefix, encode(at, random)))
            }

            /// The id as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::str::FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                let tail = text.strip_prefix($prefix);
                let valid = tail.is_some_and(|tail| tail.len() == 26 && tail.bytes().all(|byte| ALPHABET.contains(&byte)));
                if valid {
                    Ok(Self(text.to_owned()))
                } else {
                    Err(InvalidId { text: text.chars().take(64).collect(), prefix: $prefix })
                }
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;

            fn try_from(text: String) -> Result<Self, InvalidId> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&self.0)
            }
        }
    };
}

id!(
    /// Names one run.
    RunId, "exec_"
);
id!(
    /// Names one request for approval.
    ApprovalId, "appr_"
);
id!(
    /// Names one API key, and with it the principal that uses it.
    PrincipalId, "key_"
);
id!(
    /// Names one authoring session.
    SessionId, "sess_"
);
id!(
    /// Names one template that a user saved.
    TemplateId, "tmpl_"
);

/// Names a tenant; every row, look-up and stream carries one. `default` on a single-tenant server.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TenantId(String);

impl TenantId {
    /// Wraps a tenant's name.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for TenantId {
    fn default() -> Self {
        Self::new("default")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_sort_by_time_and_survive_a_round_trip() {
        let (early, late) = (RunId::from_parts(1, u128::MAX), RunId::from_parts(2, 0));
        assert!(early < late);
        assert_eq!(early.as_str().len(), RunId::PREFIX.len() + 26);
        assert_eq!(early.as_str().parse::<RunId>(), Ok(early));
    }

    #[test]
    fn foreign_text_is_refused() {
        for text in [
            "",
            "exec_",
            "sess_00000000000000000000000000",
            "exec_0000000000000000000000000u",
            "exec_../../etc/passwd0000000000",
        ] {
            assert!(text.parse::<RunId>().is_err(), "{text}");
        }
    }
}
