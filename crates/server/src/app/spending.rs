//! What may be spent on models: by one request, in one session, by one key on one day.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use partita_core::time::rfc3339;
use partita_provider::{Account, Meter, SpendingLimit, Usage};
use partita_store::{DocumentKey, Precondition};
use serde_json::json;

use super::{App, AppError, Principal};

const KIND: &str = "usage";
/// Accounts of keys kept in memory; each is a day of one key.
const ACCOUNTS_MAX: usize = 10_000;

/// How much may be spent, as the configuration says.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Budgets {
    pub request: SpendingLimit,
    pub session: SpendingLimit,
    /// By one key on one day (UTC).
    pub key_per_day: SpendingLimit,
}

/// The accounts of keys that were used lately.
#[derive(Default)]
pub(crate) struct Spending {
    accounts: Mutex<HashMap<String, Arc<Account>>>,
}

/// A day of a key.
fn place(app: &App, principal: &Principal) -> DocumentKey {
    let day: String = rfc3339((app.parts.now)()).chars().take(10).collect();
    let id = format!("{}:{day}", principal.id);
    DocumentKey { tenant: principal.tenant.clone(), kind: KIND.to_owned(), id }
}

/// The account of a caller's key for today.
async fn account(app: &App, principal: &Principal) -> Result<Arc<Account>, AppError> {
    let place = place(app, principal);
    let name = format!("{}/{}", place.tenant.as_str(), place.id);
    let known = app.spending.accounts.lock().unwrap_or_else(PoisonError::into_inner).get(&name).cloned();
    if let Some(account) = known {
        return Ok(account);
    }
    let stored = app.parts.documents.get(&place).await?;
    let used: Usage = stored.and_then(|document| serde_json::from_value(document.body).ok()).unwrap_or_default();
    let account = Account::new("this key for today", app.parts.options.budgets.key_per_day, used);
    let mut accounts = app.spending.accounts.lock().unwrap_or_else(PoisonError::into_inner);
    if accounts.len() >= ACCOUNTS_MAX {
        accounts.clear();
    }
    // Another request may have been quicker; there is one account per key.
    Ok(Arc::clone(accounts.entry(name).or_insert(account)))
}

/// What a request spends from. `session`: what was spent in its session before.
pub(crate) async fn meter(app: &App, principal: &Principal, session: Option<Usage>) -> Result<Meter, AppError> {
    let budgets = &app.parts.options.budgets;
    let mut accounts =
        vec![Account::new("this request", budgets.request, Usage::default()), account(app, principal).await?];
    if let Some(used) = session {
        accounts.push(Account::new("this session", budgets.session, used));
    }
    Ok(Meter::new(accounts))
}

/// Keeps what a request spent, so that a restart does not forget it.
pub(crate) async fn settle(app: &App, principal: &Principal, meter: &Meter) -> Result<(), AppError> {
    if meter.used() == Usage::default() {
        return Ok(());
    }
    let used = account(app, principal).await?.used();
    let now = (app.parts.now)();
    app.parts.documents.put(&place(app, principal), json!(used), now, Precondition::None).await?;
    Ok(())
}
