//! What the vendors' APIs want to read, and what they write.

mod anthropic;
mod gemini;
mod openai;

use reqwest::Url;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;

use super::config::{ApiKey, SchemaSupport, Vendor};
use super::failure::Failed;
use super::gateway::Target;
use super::gathering::{Gathering, Piece};
use super::history::History;
use super::port::{AnswerSchema, ChatRequest};
use super::schema::{Strictness, closed};
use super::sse::ServerEvent;

/// The least temperature at which an answer differs from the likeliest one.
const VARIED: f64 = 0.7;

/// The shapes of API that there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wire {
    OpenAi,
    Anthropic,
    Gemini,
}

/// A request, ready to be sent as often as need be.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) body: String,
    /// Calls of tools in the chat so far.
    pub(super) calls: usize,
}

/// How the answer is held to a schema.
enum Held<'a> {
    Free,
    /// By the vendor, to a schema that is closed at every level.
    Strictly(&'a AnswerSchema, Value),
    /// By the vendor, as far as it can.
    Loosely(&'a AnswerSchema),
    /// By the vendor to JSON, by the instructions to the schema.
    ToJson,
    /// By the instructions alone.
    ByWords,
}

/// A request in parts that every vendor has a place for.
struct Asked<'a> {
    target: &'a Target,
    request: &'a ChatRequest,
    history: History,
    held: Held<'a>,
    tokens_max: Option<u32>,
    temperature: Option<f64>,
}

impl Wire {
    /// The shape that a vendor's API has.
    pub(super) fn of(vendor: Vendor) -> Self {
        match vendor {
            Vendor::Anthropic => Self::Anthropic,
            Vendor::Gemini => Self::Gemini,
            Vendor::OpenAi
            | Vendor::Together
            | Vendor::Groq
            | Vendor::DeepSeek
            | Vendor::Ollama
            | Vendor::OpenAiCompatible => Self::OpenAi,
        }
    }

    /// Writes a request in the vendor's words.
    ///
    /// # Errors
    ///
    /// When the URL can't be made; the configuration is checked, so that does not happen.
    pub(super) fn prepare(self, target: &Target, request: &ChatRequest) -> Result<Prepared, Failed> {
        let asked = Asked::new(target, request);
        let calls = asked.history.calls();
        let (path, body) = match self {
            Self::OpenAi => ("chat/completions".to_owned(), openai::body(&asked)),
            Self::Anthropic => ("messages".to_owned(), anthropic::body(&asked)),
            Self::Gemini => (gemini::path(&target.model), gemini::body(&asked)),
        };
        // `./` keeps colons in a path from being read as a scheme.
        let mut url = target.url.join(&format!("./{path}")).map_err(|error| Failed::unusable(error.to_string()))?;
        if let Some(query) = target.url.query() {
            url.set_query(Some(query));
        }
        if self == Self::Gemini {
            url.query_pairs_mut().append_pair("alt", "sse");
        }
        Ok(Prepared { url, headers: self.headers(target.key.as_ref()), body: body.to_string(), calls })
    }

    fn headers(self, key: Option<&ApiKey>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(ACCEPT, HeaderValue::from_static("text/event-stream"));
        let (name, prefix) = match self {
            Self::OpenAi => ("authorization", "Bearer "),
            Self::Anthropic => ("x-api-key", ""),
            Self::Gemini => ("x-goog-api-key", ""),
        };
        if self == Self::Anthropic {
            headers.insert("anthropic-version", HeaderValue::from_static("2023-06-01"));
        }
        let value = key.and_then(|key| HeaderValue::from_str(&format!("{prefix}{}", key.reveal())).ok());
        if let Some(mut value) = value {
            value.set_sensitive(true);
            headers.insert(HeaderName::from_static(name), value);
        }
        headers
    }

    /// Reads one event of an answer, or a whole answer from a server that does not stream.
    ///
    /// # Errors
    ///
    /// When the event reports an error, or is none of this protocol.
    pub(super) fn read(
        self,
        event: &ServerEvent,
        gathering: &mut Gathering,
        key: Option<&ApiKey>,
    ) -> Result<Vec<Piece>, Failed> {
        if self == Self::OpenAi && event.data.trim() == "[DONE]" {
            gathering.done = true;
            return Ok(Vec::new());
        }
        let value: Value = serde_json::from_str(&event.data)
            .map_err(|error| Failed::unusable(format!("an event that is no JSON ({error})")))?;
        // Anthropic's errors are events of their own, the others' are in the place of an answer.
        if value.get("error").is_some_and(|error| !error.is_null()) || event.name == "error" {
            return Err(super::failure::reported(&value, key));
        }
        match self {
            Self::OpenAi => openai::read(&value, gathering),
            Self::Anthropic => anthropic::read(&value, gathering),
            Self::Gemini => gemini::read(&value, gathering),
        }
    }
}

impl<'a> Asked<'a> {
    fn new(target: &'a Target, request: &'a ChatRequest) -> Self {
        let mut history = History::of(&request.messages);
        let held = hold(target, request);
        if let (Held::ToJson | Held::ByWords, Some(schema)) = (&held, &request.schema) {
            if !history.system.is_empty() {
                history.system.push_str("\n\n");
            }
            history.system.push_str(&in_words(&schema.schema));
        }
        let tokens_max = match (request.tokens_max, target.tokens_max) {
            (Some(asked), Some(allowed)) => Some(asked.min(allowed)),
            (asked, allowed) => asked.or(allowed),
        };
        let temperature = request.temperature.or(target.temperature);
        // Not set where none is: some models refuse it, and by themselves they vary.
        let temperature = temperature.map(|set| if request.vary { set.max(VARIED) } else { set });
        Self { target, request, history, held, tokens_max, temperature }
    }
}

/// How an answer can be held to the schema that a request wants.
fn hold<'a>(target: &Target, request: &'a ChatRequest) -> Held<'a> {
    let Some(schema) = &request.schema else { return Held::Free };
    // Only these two hold an answer to a schema while they offer tools.
    let both = matches!(target.vendor, Vendor::OpenAi | Vendor::Anthropic);
    if !request.tools.is_empty() && !both {
        return Held::ByWords;
    }
    match target.schema {
        SchemaSupport::Prompt => Held::ByWords,
        SchemaSupport::JsonObject if target.wire == Wire::Anthropic => Held::ByWords,
        SchemaSupport::JsonObject => Held::ToJson,
        SchemaSupport::JsonSchema => match target.vendor {
            Vendor::OpenAi => match closed(&schema.schema, Strictness::OpenAi) {
                Some(closed) => Held::Strictly(schema, closed),
                None => Held::Loosely(schema),
            },
            Vendor::Anthropic => match closed(&schema.schema, Strictness::Anthropic) {
                Some(closed) => Held::Strictly(schema, closed),
                None => Held::ByWords,
            },
            _ => Held::Loosely(schema),
        },
    }
}

fn in_words(schema: &Value) -> String {
    format!("Answer with one JSON document and nothing else. It must fit this JSON Schema:\n{schema}")
}

/// Parameters of a tool, as every vendor wants them: a schema of an object.
fn parameters(schema: &Value) -> Value {
    if schema.get("type").is_some_and(|kind| kind == "object") {
        schema.clone()
    } else {
        serde_json::json!({ "type": "object", "properties": {} })
    }
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}
