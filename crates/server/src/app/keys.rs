//! API keys: `ptk_<id>_<secret>`. Only a digest is kept; the key itself is shown once.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};

use partita_core::{Millis, PrincipalId, TenantId};
use partita_store::{Document, DocumentKey, Precondition};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::{App, AppError, FieldError, Principal, Scope};

const KIND: &str = "key";
const PREFIX: &str = "ptk_";
/// How long a key that was read is believed without looking again; a revocation by another process
/// takes effect after this.
const CACHE_MS: Millis = 5_000;
const NAME_CHARS_MAX: usize = 128;
const DAY_MS: Millis = 24 * 60 * 60 * 1_000;

/// Keys are looked up before the tenant is known, so they stand under a name that no tenant can have.
fn place(id: &str) -> DocumentKey {
    DocumentKey { tenant: TenantId::new("_server"), kind: KIND.to_owned(), id: id.to_owned() }
}

/// A key to make.
#[derive(Debug)]
pub(crate) struct NewKey {
    pub(crate) name: String,
    pub(crate) scopes: Vec<String>,
    /// The caller's own when absent.
    pub(crate) tenant: Option<String>,
    pub(crate) expires_in_days: Option<u64>,
}

/// A key as its owners see it: everything but the secret.
#[derive(Clone, Debug)]
pub(crate) struct KeyInfo {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) tenant: TenantId,
    pub(crate) scopes: BTreeSet<Scope>,
    pub(crate) created_at: Millis,
    pub(crate) expires_at: Option<Millis>,
    pub(crate) created_by: String,
    digest: String,
}

/// What is known of keys without asking the store.
#[derive(Default)]
pub(crate) struct KeyCache {
    known: Mutex<HashMap<String, (Millis, KeyInfo)>>,
}

impl KeyCache {
    fn get(&self, id: &str, now: Millis) -> Option<KeyInfo> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(id).filter(|(read_at, _)| now < read_at.saturating_add(CACHE_MS)).map(|(_, info)| info.clone())
    }

    fn put(&self, info: &KeyInfo, now: Millis) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(info.id.clone(), (now, info.clone()));
    }

    fn forget(&self, id: &str) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
    }
}

/// What is kept of a key.
pub(crate) fn digest(key: &str) -> [u8; 32] {
    Sha256::digest(key.as_bytes()).into()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing into a string can't fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Finds the principal of a key; `digest` is that of the key.
pub(crate) async fn authenticate(app: &App, key: &str, digest: &[u8; 32]) -> Result<Principal, AppError> {
    const UNKNOWN: AppError = AppError::Unauthenticated("the API key is not known");
    if let Some(bootstrap) = &app.bootstrap_digest
        && bool::from(bootstrap.ct_eq(digest))
    {
        return Ok(Principal::bootstrap());
    }
    let id = key.strip_prefix(PREFIX).and_then(|tail| tail.split_once('_')).map(|(id, _)| id);
    let id = id.and_then(|id| format!("{}{id}", PrincipalId::PREFIX).parse::<PrincipalId>().ok()).ok_or(UNKNOWN)?;
    let now = (app.parts.now)();
    let info = match app.keys.get(id.as_str(), now) {
        Some(info) => info,
        None => {
            let document = app.parts.documents.get(&place(id.as_str())).await?.ok_or(UNKNOWN)?;
            let info = read(&document).ok_or_else(|| AppError::Internal(format!("the key {id} is not readable")))?;
            app.keys.put(&info, now);
            info
        }
    };
    if !bool::from(info.digest.as_bytes().ct_eq(hex(digest).as_bytes())) {
        return Err(UNKNOWN);
    }
    if info.expires_at.is_some_and(|expires_at| expires_at <= now) {
        return Err(AppError::Unauthenticated("the API key has expired"));
    }
    Ok(Principal { id: info.id, name: info.name, tenant: info.tenant, scopes: info.scopes })
}

/// Makes a key; gives what is known of it and the key itself, which is never shown again.
pub(crate) async fn create(app: &App, principal: &Principal, request: NewKey) -> Result<(KeyInfo, String), AppError> {
    principal.need(Scope::Admin)?;
    let (tenant, scopes) = checked(principal, &request)?;
    let now = (app.parts.now)();
    let mut random = [0; 40];
    (app.parts.entropy)(&mut random);
    let (for_id, for_secret) = random.split_at(16);
    let id = PrincipalId::from_parts(now, for_id.iter().fold(0, |bits, byte| (bits << 8) | u128::from(*byte)));
    let public = id.as_str().strip_prefix(PrincipalId::PREFIX).unwrap_or_default();
    let key = format!("{PREFIX}{public}_{}", hex(for_secret));
    let info = KeyInfo {
        id: id.as_str().to_owned(),
        name: request.name,
        tenant,
        scopes,
        created_at: now,
        expires_at: request.expires_in_days.map(|days| now.saturating_add(days.saturating_mul(DAY_MS))),
        created_by: principal.id.clone(),
        digest: hex(&digest(&key)),
    };
    app.parts.documents.put(&place(&info.id), write(&info), now, Precondition::Absent).await?;
    tracing::info!(key = info.id, by = principal.id, "a key was made");
    Ok((info, key))
}

fn checked(principal: &Principal, request: &NewKey) -> Result<(TenantId, BTreeSet<Scope>), AppError> {
    let mut errors = Vec::new();
    let mut wrong = |pointer: &str, detail: String| errors.push(FieldError { pointer: pointer.to_owned(), detail });
    if request.name.trim().is_empty() || request.name.chars().count() > NAME_CHARS_MAX {
        wrong("/name", format!("expected 1 to {NAME_CHARS_MAX} characters"));
    }
    let known = Scope::ALL.map(Scope::as_str).join(", ");
    let scopes = Scope::parse_all(request.scopes.iter().map(String::as_str)).unwrap_or_else(|unknown| {
        let unknown: String = unknown.chars().take(64).collect();
        wrong("/scopes", format!("`{unknown}` is not a scope; known: {known}, *"));
        BTreeSet::new()
    });
    if request.scopes.is_empty() {
        wrong("/scopes", format!("is missing; expected some of {known}, *"));
    }
    let tenant = request.tenant.as_ref().map_or_else(|| principal.tenant.clone(), TenantId::new);
    let name = tenant.as_str();
    let letters = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if name.is_empty() || name.len() > 64 || !name.bytes().all(letters) {
        wrong("/tenant", "expected 1 to 64 characters from a-z, 0-9 and -".to_owned());
    } else if tenant != principal.tenant && principal.id != Principal::BOOTSTRAP {
        wrong("/tenant", "only the bootstrap key makes keys for other tenants".to_owned());
    }
    if !errors.is_empty() {
        return Err(AppError::InvalidRequest(errors));
    }
    match scopes.iter().find(|scope| !principal.scopes.contains(scope)) {
        Some(missing) => Err(AppError::ScopeNotOwned(*missing)),
        None => Ok((tenant, scopes)),
    }
}

/// Lists the keys of the caller's tenant; the bootstrap key sees those of all.
pub(crate) async fn list(app: &App, principal: &Principal) -> Result<Vec<KeyInfo>, AppError> {
    principal.need(Scope::Admin)?;
    let (mut keys, mut cursor) = (Vec::new(), None);
    loop {
        let tenant = place("").tenant;
        let page = app.parts.documents.list(&tenant, KIND, 200, cursor.as_deref()).await?;
        keys.extend(page.items.iter().filter_map(read).filter(|info| may_see(principal, info)));
        match page.next_cursor {
            Some(next) => cursor = Some(next),
            None => return Ok(keys),
        }
    }
}

fn may_see(principal: &Principal, info: &KeyInfo) -> bool {
    info.tenant == principal.tenant || principal.id == Principal::BOOTSTRAP
}

/// Revokes a key for good.
pub(crate) async fn revoke(app: &App, principal: &Principal, id: &str) -> Result<(), AppError> {
    principal.need(Scope::Admin)?;
    let unknown = || AppError::not_found("key", id.chars().take(64).collect::<String>());
    let id = id.parse::<PrincipalId>().map_err(|_| unknown())?;
    let document = app.parts.documents.get(&place(id.as_str())).await?.ok_or_else(unknown)?;
    if !read(&document).is_some_and(|info| may_see(principal, &info)) {
        return Err(unknown());
    }
    app.parts.documents.delete(&place(id.as_str())).await?;
    app.keys.forget(id.as_str());
    tracing::info!(key = id.as_str(), by = principal.id, "a key was revoked");
    Ok(())
}

fn write(info: &KeyInfo) -> Value {
    let scopes: Vec<&str> = info.scopes.iter().map(|scope| scope.as_str()).collect();
    json!({
        "name": info.name, "tenant": info.tenant.as_str(), "scopes": scopes, "digest": info.digest,
        "created_at": info.created_at, "expires_at": info.expires_at, "created_by": info.created_by,
    })
}

fn read(document: &Document) -> Option<KeyInfo> {
    let body = &document.body;
    let text = |key: &str| body[key].as_str().map(str::to_owned);
    Some(KeyInfo {
        id: document.key.id.clone(),
        name: text("name")?,
        tenant: TenantId::new(text("tenant")?),
        scopes: Scope::parse_all(body["scopes"].as_array()?.iter().filter_map(Value::as_str)).ok()?,
        created_at: body["created_at"].as_u64()?,
        expires_at: body["expires_at"].as_u64(),
        created_by: text("created_by").unwrap_or_default(),
        digest: text("digest")?,
    })
}
