//! Reads a request's body: JSON or YAML, bounded in size, depth and time.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, header};
use futures::StreamExt as _;
use serde_json::Value;

use crate::App;
use crate::app::AppError;

/// How long a client may take to send a body.
const BODY_TIMEOUT: Duration = Duration::from_secs(60);
/// How much of a body that is too large is read and thrown away, so that the client sees the answer
/// instead of a broken connection; and for how long.
const DRAIN_BYTES_MAX: usize = 64 * 1024 * 1024;
const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);

/// A body that was read and parsed. An absent body is `null`.
pub(crate) struct Document {
    pub(crate) value: Value,
    /// The text it came as.
    pub(crate) text: String,
}

impl FromRequest<Arc<App>> for Document {
    type Rejection = AppError;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, AppError> {
        let (parts, body) = request.into_parts();
        let bytes = read(body, &parts.headers, app.parts.options.body_bytes_max).await?;
        parse(&parts.headers, &bytes)
    }
}

async fn read(body: Body, headers: &HeaderMap, limit: usize) -> Result<Vec<u8>, AppError> {
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    let mut stream = body.into_data_stream();
    let mut bytes = Vec::with_capacity(announced.unwrap_or(0).min(limit));
    let reading = async {
        while let Some(piece) = stream.next().await {
            let piece: Bytes = piece.map_err(|error| unparsable("HTTP", format!("the body was cut: {error}"), None))?;
            if bytes.len() + piece.len() > limit {
                return Err(AppError::TooLarge { limit });
            }
            bytes.extend_from_slice(&piece);
        }
        Ok(())
    };
    let outcome = match announced {
        Some(announced) if announced > limit => Err(AppError::TooLarge { limit }),
        _ => tokio::time::timeout(BODY_TIMEOUT, reading).await.unwrap_or(Err(AppError::BodyTimeout)),
    };
    if let Err(AppError::TooLarge { .. }) = &outcome {
        let mut left = DRAIN_BYTES_MAX;
        let draining = async {
            while let Some(Ok(piece)) = stream.next().await {
                left = left.saturating_sub(piece.len());
                if left == 0 {
                    return;
                }
            }
        };
        // The answer is the same whether the client stops sending or not.
        let _ = tokio::time::timeout(DRAIN_TIMEOUT, draining).await;
    }
    outcome.map(|()| bytes)
}

fn unparsable(format: &'static str, message: String, place: Option<(u32, u32)>) -> AppError {
    AppError::Unparsable { format, message, place }
}

enum Format {
    Json,
    Yaml,
    /// The content type does not say: JSON when it begins like JSON, else YAML.
    Either,
}

fn format(headers: &HeaderMap) -> Result<Format, AppError> {
    let Some(value) = headers.get(header::CONTENT_TYPE) else { return Ok(Format::Either) };
    let value = value.to_str().unwrap_or("?").to_ascii_lowercase();
    let essence = value.split(';').next().unwrap_or_default().trim();
    match essence {
        "application/json" | "text/json" => Ok(Format::Json),
        "application/yaml" | "application/x-yaml" | "text/yaml" | "text/x-yaml" | "text/vnd.yaml" => Ok(Format::Yaml),
        // What browsers and curl send when nobody says otherwise.
        "" | "text/plain" | "application/x-www-form-urlencoded" | "application/octet-stream" => Ok(Format::Either),
        other if other.ends_with("+json") => Ok(Format::Json),
        other if other.ends_with("+yaml") => Ok(Format::Yaml),
        other => Err(AppError::UnsupportedMediaType(other.chars().take(100).collect())),
    }
}

fn parse(headers: &HeaderMap, bytes: &[u8]) -> Result<Document, AppError> {
    let format = format(headers)?;
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let good = String::from_utf8_lossy(&bytes[..error.valid_up_to()]);
        let place = (line_of(&good), column_of(&good));
        unparsable("UTF-8", format!("byte {} is not part of a character", error.valid_up_to()), Some(place))
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.trim().is_empty() {
        return Ok(Document { value: Value::Null, text: String::new() });
    }
    let looks_like_json = text.trim_start().starts_with(['{', '[', '"']);
    let value = match format {
        Format::Json => json(text)?,
        Format::Either if looks_like_json => json(text)?,
        Format::Yaml | Format::Either => yaml(text)?,
    };
    Ok(Document { value, text: text.to_owned() })
}

fn line_of(text: &str) -> u32 {
    u32::try_from(text.matches('\n').count() + 1).unwrap_or(u32::MAX)
}

fn column_of(text: &str) -> u32 {
    u32::try_from(text.rsplit('\n').next().unwrap_or_default().chars().count() + 1).unwrap_or(u32::MAX)
}

fn json(text: &str) -> Result<Value, AppError> {
    serde_json::from_str(text).map_err(|error| {
        let (line, column) = (u32::try_from(error.line()).ok(), u32::try_from(error.column()).ok());
        unparsable("JSON", error.to_string(), line.zip(column))
    })
}

fn yaml(text: &str) -> Result<Value, AppError> {
    partita_core::workflow::read_text(text, Some(partita_core::workflow::Format::Yaml))
        .map_err(|finding| unparsable("YAML", finding.message, finding.line.zip(finding.column)))
}
