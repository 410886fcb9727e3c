//! What calls of models cost, and how much may be spent.

use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};

/// What was spent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Usage {
    /// Requests to models, repeated ones included.
    pub calls: u64,
    pub input_tokens: u64,
    pub output_tokens: u64,
    /// US dollars, as far as prices are configured; 0 for models without a price.
    pub cost_usd: f64,
}

impl Usage {
    /// Adds what another call spent.
    pub fn add(&mut self, other: Self) {
        self.calls += other.calls;
        self.input_tokens += other.input_tokens;
        self.output_tokens += other.output_tokens;
        self.cost_usd += other.cost_usd;
    }

    /// Input and output tokens together.
    #[must_use]
    pub fn tokens(&self) -> u64 {
        self.input_tokens + self.output_tokens
    }
}

/// How much may be spent; absent: any amount.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SpendingLimit {
    pub tokens: Option<u64>,
    pub cost_usd: Option<f64>,
}

/// Something that is spent from: one request, a session, a key. Shared by everyone who spends from it.
#[derive(Debug)]
pub struct Account {
    name: String,
    limit: SpendingLimit,
    used: Mutex<Usage>,
}

/// Nothing is left of an account: the next call was not made.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("the budget of {account} is spent: {limit}")]
pub struct Exhausted {
    /// `this request`, `the session`, `the key`.
    pub account: String,
    /// What was reached, for people: `1,200 of 1,000 tokens`.
    pub limit: String,
}

impl Account {
    /// An account from which `used` was spent before.
    #[must_use]
    pub fn new(name: impl Into<String>, limit: SpendingLimit, used: Usage) -> Arc<Self> {
        Arc::new(Self { name: name.into(), limit, used: Mutex::new(used) })
    }

    /// What was spent from it so far.
    #[must_use]
    pub fn used(&self) -> Usage {
        *self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn charge(&self, usage: Usage) {
        self.used.lock().unwrap_or_else(PoisonError::into_inner).add(usage);
    }

    fn admit(&self) -> Result<(), Exhausted> {
        let used = self.used();
        let reached = match self.limit {
            SpendingLimit { tokens: Some(tokens), .. } if used.tokens() >= tokens => {
                format!("{} of {tokens} tokens", used.tokens())
            }
            SpendingLimit { cost_usd: Some(cost), .. } if used.cost_usd >= cost => {
                format!("{:.4} of {cost:.4} US dollars", used.cost_usd)
            }
            _ => return Ok(()),
        };
        Err(Exhausted { account: self.name.clone(), limit: reached })
    }
}

/// Counts what one call of a provider spends, and stops it before the request that would overdraw an
/// account.
#[derive(Clone, Debug)]
pub struct Meter {
    total: Arc<Account>,
    accounts: Vec<Arc<Account>>,
}

impl Default for Meter {
    fn default() -> Self {
        Self::new(Vec::new())
    }
}

impl Meter {
    /// A meter that spends from these accounts.
    #[must_use]
    pub fn new(accounts: Vec<Arc<Account>>) -> Self {
        Self { total: Account::new("this call", SpendingLimit::default(), Usage::default()), accounts }
    }

    /// Whether another request may be made.
    ///
    /// # Errors
    ///
    /// When an account is spent.
    pub fn admit(&self) -> Result<(), Exhausted> {
        self.accounts.iter().try_for_each(|account| account.admit())
    }

    /// Takes what a request spent from every account.
    pub fn charge(&self, usage: Usage) {
        self.total.charge(usage);
        for account in &self.accounts {
            account.charge(usage);
        }
    }

    /// What was spent through this meter.
    #[must_use]
    pub fn used(&self) -> Usage {
        self.total.used()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_spent_before_the_call_that_would_overdraw_it() {
        let limit = SpendingLimit { tokens: Some(100), cost_usd: None };
        let account = Account::new("the key", limit, Usage::default());
        let meter = Meter::new(vec![Arc::clone(&account)]);
        assert_eq!(meter.admit(), Ok(()));
        meter.charge(Usage { calls: 1, input_tokens: 90, output_tokens: 30, cost_usd: 0.5 });
        let refused = meter.admit().map_err(|error| error.to_string());
        assert_eq!(refused, Err("the budget of the key is spent: 120 of 100 tokens".to_owned()));
        assert_eq!((meter.used().tokens(), account.used().calls), (120, 1));
    }

    #[test]
    fn several_callers_spend_from_one_account() {
        let limit = SpendingLimit { tokens: None, cost_usd: Some(1.0) };
        let key = Account::new("the key", limit, Usage { cost_usd: 0.6, ..Usage::default() });
        let (one, other) = (Meter::new(vec![Arc::clone(&key)]), Meter::new(vec![Arc::clone(&key)]));
        one.charge(Usage { cost_usd: 0.6, ..Usage::default() });
        assert!(other.admit().is_err());
        assert!((other.used().cost_usd - 0.0).abs() < f64::EPSILON);
    }
}
