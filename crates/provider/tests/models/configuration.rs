//! From a configuration to models, and what is said about one that makes no sense.

use expect_test::expect;
use partita_provider::Call;
use partita_provider::model::{ApiKey, Gateway, GatewayConfig, ModelConfig, Vendor};
use serde_json::json;

use crate::server::{Server, stream};
use crate::shapes::{Answer, events};
use crate::talk::{clock, model, question, talk};

fn read(config: serde_json::Value) -> GatewayConfig {
    serde_json::from_value(config).unwrap()
}

fn problems(config: serde_json::Value, key: &dyn Fn(&str) -> Option<String>) -> String {
    let errors = Gateway::new(&read(config), key, &clock().0).err().unwrap_or_default();
    errors.iter().map(|error| format!("{error}\n")).collect()
}

#[test]
fn models_of_every_vendor_are_made_from_a_few_lines() {
    let config = read(json!({ "models": [
        { "name": "meta-llama/Meta-Llama-3.1-70B-Instruct-Turbo", "vendor": "together" },
        { "name": "deepseek-ai/DeepSeek-V3", "vendor": "together" },
        { "name": "gpt", "vendor": "openai", "model": "gpt-4.1", "price": { "input": 2.0, "output": 8.0 } },
        { "name": "claude", "vendor": "anthropic", "tokens_max": 4096, "fallbacks": ["gpt", "local"] },
        { "name": "gemini", "vendor": "gemini", "api_key_env": "MY_KEY" },
        { "name": "groq", "vendor": "groq" },
        { "name": "deepseek-chat", "vendor": "deepseek" },
        { "name": "qwen3", "vendor": "ollama" },
        { "name": "local", "vendor": "openai-compatible", "url": "http://127.0.0.1:8080/v1", "schema": "prompt" },
    ] }));
    let key = |name: &str| (name != "GEMINI_API_KEY").then(|| "sk-1".to_owned());
    let gateway = Gateway::new(&config, &key, &clock().0).unwrap();
    assert_eq!(gateway.names()[..2], ["meta-llama/Meta-Llama-3.1-70B-Instruct-Turbo", "deepseek-ai/DeepSeek-V3"]);
    assert_eq!(gateway.names().len(), 9);
    assert_eq!(gateway.model("deepseek-ai/DeepSeek-V3").unwrap().name(), "deepseek-ai/DeepSeek-V3");
    assert!(gateway.model("gpt-5").is_none());
}

#[test]
fn what_the_documentation_shows_is_a_configuration() {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/models.md")).unwrap();
    let example = text.split("```yaml\n").nth(1).unwrap().split("```").next().unwrap();
    let config: GatewayConfig = serde_saphyr::from_str(example).unwrap();
    let gateway = Gateway::new(&config, &|_| Some("sk-1".to_owned()), &clock().0).unwrap();
    assert_eq!(gateway.names().len(), 4);
}

#[test]
fn a_stray_key_makes_no_model() {
    let asked = std::sync::Mutex::new(0);
    let key = |_: &str| {
        *asked.lock().unwrap() += 1;
        Some("sk-stray".to_owned())
    };
    let gateway = Gateway::new(&GatewayConfig::default(), &key, &clock().0).unwrap();
    assert!(gateway.is_empty() && gateway.names().is_empty());
    assert_eq!(*asked.lock().unwrap(), 0);
}

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    let config = json!({ "models": [
        { "name": "gpt", "vendor": "openai" },
        { "name": "gpt", "vendor": "openai", "api_key": "sk-1", "fallbacks": ["gpt", "other"] },
        { "name": "a", "vendor": "openai-compatible" },
        { "name": "b", "vendor": "ollama", "url": "ftp://sk-1@host" },
        { "name": "c", "vendor": "ollama", "url": "http://me:sk-1@host/v1" },
        { "name": "d", "vendor": "ollama", "timeout_ms": 0, "tokens_max": 0, "price": { "input": -1.0, "output": 0.0 } },
        { "name": "e", "vendor": "groq", "api_key": "sk\n1" },
        { "name": " ", "vendor": "ollama" },
    ] });
    expect![[r#"
        models[0] (gpt): there is no key for it; set the environment variable OPENAI_API_KEY, or name another one in api_key_env
        models[1] (gpt): the name is taken already; give every model its own name
        models[1] (gpt): the fallback gpt is no other model; name models that are configured here
        models[1] (gpt): the fallback other is no other model; name models that are configured here
        models[2] (a): it has no url; write where the API begins, like https://llm.example.com/v1
        models[3] (b): its url is no http or https address; write where the API begins, like https://llm.example.com/v1
        models[4] (c): its url holds a password; keys belong into api_key_env or api_key
        models[5] (d): timeout_ms is 0; it must be between 1 and 86400000 (a day)
        models[5] (d): tokens_max is 0; leave it out, or allow at least one token
        models[5] (d): a price is negative; prices are US dollars per million tokens
        models[6] (e): the key is empty or holds characters that no key has; look after api_key
        models[7] ( ): it has no name; say what requests call it
    "#]]
    .assert_eq(&problems(config, &|_| None));
}

#[test]
fn unknown_fields_and_vendors_are_refused() {
    for wrong in [
        json!({ "models": [{ "name": "a", "vendor": "openai", "key": "sk-1" }] }),
        json!({ "models": [{ "name": "a", "vendor": "acme" }] }),
        json!({ "models": [{ "name": "a" }] }),
    ] {
        assert!(serde_json::from_value::<GatewayConfig>(wrong).is_err());
    }
}

#[test]
fn keys_are_not_shown() {
    let mut config = ModelConfig::new("a", Vendor::OpenAi);
    config.api_key = Some(ApiKey::new("sk-very-secret"));
    assert!(!format!("{config:?}").contains("secret"));
}

#[tokio::test]
async fn a_url_may_be_written_in_every_usual_way() {
    for (written, path) in [
        ("", "/chat/completions"),
        ("/", "/chat/completions"),
        ("/v1", "/v1/chat/completions"),
        ("/v1/", "/v1/chat/completions"),
        ("/v1/chat/completions", "/v1/chat/completions"),
        ("/openai/deployments/x?api-version=1", "/openai/deployments/x/chat/completions?api-version=1"),
    ] {
        let vendor = Vendor::OpenAiCompatible;
        let answer = Answer { finish: Some("stop"), ..Answer::text(&["Hello"]) };
        let server = Server::start(vec![stream(&events(vendor, &answer))]).await;
        let mut config = model("m", vendor, &server);
        config.url = Some(format!("{}{written}", server.url));
        config.api_key = None;
        talk(vec![config], question(), Call::default()).await.ended.unwrap();
        assert_eq!(server.requests()[0].line, format!("POST {path}"));
        assert_eq!(server.requests()[0].header("authorization"), None);
    }
}
