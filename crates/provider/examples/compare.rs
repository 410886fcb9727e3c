//! What the agents make of a model, beside what the model makes of a task alone.
//!
//! ```text
//! compare URL KEY MODEL FILE [SENTENCES]   a model at an OpenAI-compatible server: bare, then through the loop
//! compare overhead ROUNDS                  what the loop itself takes, with a model that answers at once
//! ```

#![allow(clippy::unwrap_used, reason = "a program for measuring")]

use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use futures::stream::{self, BoxStream, StreamExt as _};
use partita_core::tool::Catalogue;
use partita_core::workflow::{PlanRequest, Planned, Purpose, Workflow, parse, plan, to_value};
use partita_provider::model::{
    ApiKey, ChatAnswer, ChatEvent, ChatRequest, Clock, Finish, Gateway, GatewayConfig, Message, Model, ModelConfig,
    Vendor,
};
use partita_provider::{
    AdkConfig, AdkProvider, Call, ComposeError, DraftError, DraftRequest, Models, Progress, ProgressEvent, Usage,
    compose,
};
use regex::Regex;
use serde_json::Value;
use tokio::sync::mpsc;

/// Long enough for a small model on a busy machine.
const PATIENCE_MS: u64 = 600_000;

fn check(workflow: &Workflow) -> Planned {
    static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(Catalogue::builtin);
    plan(workflow, &PlanRequest::lenient(&CATALOGUE, Purpose::Validate))
}

struct Case {
    say: String,
    facts: Vec<Regex>,
}

fn cases(text: &str) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    for line in text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty()) {
        match line.strip_prefix("= ") {
            Some(fact) => cases.last_mut().unwrap().facts.push(Regex::new(fact).unwrap()),
            None => cases.push(Case { say: line.to_owned(), facts: Vec::new() }),
        }
    }
    cases
}

/// The steps, one a line: the tool and its parameters, with the defaults of params put in.
fn shown(workflow: &Workflow) -> String {
    let document = to_value(workflow);
    let mut text = String::new();
    for step in document["steps"].as_array().into_iter().flatten() {
        let tool = step["tool"].as_str().unwrap_or("shell");
        let values: Vec<String> =
            step["parameters"].as_object().into_iter().flatten().map(|(_, value)| plain(value)).collect();
        text.push_str(&format!("{tool} {} {}\n", values.join(" "), plain(&step["command"])));
    }
    for (name, param) in document["params"].as_object().into_iter().flatten() {
        let default = if param.is_object() { &param["default"] } else { param };
        text = text
            .replace(&format!("${{{name}}}"), &plain(default))
            .replace(&format!("${{params.{name}}}"), &plain(default));
    }
    text
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

#[derive(Default)]
struct Tally {
    parses: usize,
    valid: usize,
    factual: usize,
    time: Duration,
    usage: Usage,
}

impl Tally {
    fn add(&mut self, case: &Case, workflow: Option<&Workflow>, begun: Instant, usage: Usage) -> &'static str {
        self.time += begun.elapsed();
        self.usage.add(usage);
        let Some(workflow) = workflow else { return "invalid" };
        self.valid += 1;
        let text = shown(workflow);
        if case.facts.iter().all(|fact| fact.is_match(&text)) {
            self.factual += 1;
            return "factual";
        }
        "valid"
    }

    fn row(&self, name: &str, count: usize) {
        let seconds = self.time.as_secs_f64() / count as f64;
        let (input, output) = (self.usage.input_tokens, self.usage.output_tokens);
        println!(
            "| {name} | {} of {count} | {} of {count} | {} of {count} | {seconds:.1} s | {input} + {output} |",
            self.parses, self.valid, self.factual
        );
    }
}

async fn against((url, key): (&str, &str), name: &str, file: &str, most: usize) {
    let config = ModelConfig {
        url: Some(url.to_owned()),
        api_key: Some(ApiKey::new(key)),
        timeout_ms: PATIENCE_MS,
        first_byte_ms: PATIENCE_MS,
        idle_ms: PATIENCE_MS,
        tokens_max: Some(900),
        temperature: Some(0.0),
        ..ModelConfig::new(name, Vendor::OpenAiCompatible)
    };
    let clock = Clock::new(Arc::new(|| 0), Arc::new(|| 0));
    let gateway = Gateway::new(&GatewayConfig { models: vec![config] }, &|_| None, &clock).unwrap();
    let model = gateway.model(name).unwrap();
    let settings = AdkConfig { lookups_max: 0, context_bytes_max: 2048, ..AdkConfig::default() };
    let provider = AdkProvider::new(settings, Arc::new(gateway)).unwrap();
    let (mut bare, mut loops) = (Tally::default(), Tally::default());
    let cases = cases(&std::fs::read_to_string(file).unwrap());
    let cases = &cases[..most.min(cases.len())];
    for (index, case) in cases.iter().enumerate() {
        let (call, begun) = (Call { retries_max: 0, ..Call::default() }, Instant::now());
        let answer = alone(model.as_ref(), &case.say, &call).await;
        let loaded = parse(unfenced(&answer), None);
        bare.parses += usize::from(loaded.workflow.is_some());
        let sound = loaded.workflow.as_ref().filter(|workflow| loaded.is_sound() && check(workflow).is_valid());
        let first = bare.add(case, sound, begun, call.meter.used());
        let (progress, mut rounds_told) = told();
        let (call, begun) = (Call { retries_max: 0, progress, ..Call::default() }, Instant::now());
        let request = DraftRequest { task: case.say.clone(), ..DraftRequest::default() };
        let composed = compose(&provider, request, &call, &check, 3).await;
        loops.parses += usize::from(match &composed {
            Ok(_) => true,
            Err(ComposeError::Invalid { draft, .. }) => parse(unfenced(draft), None).workflow.is_some(),
            Err(ComposeError::Draft(_)) => false,
        });
        let by_model = composed.as_ref().ok().filter(|composed| composed.metadata.model == name);
        let second = loops.add(case, by_model.map(|composed| &composed.workflow), begun, call.meter.used());
        let rounds = composed.as_ref().map_or(3, |composed| composed.metadata.iterations);
        println!("{}: bare {first}, loop {second} in {rounds} round(s)", case.say);
        if first != "factual" {
            println!("bare: {answer}");
        }
        match &composed {
            Ok(composed) if second != "factual" => println!("loop: {}", shown(&composed.workflow)),
            Err(error) => println!("{error:?}"),
            Ok(_) => {}
        }
        drop(call);
        while let Some(line) = rounds_told.recv().await {
            if second != "factual" || rounds > 1 {
                println!("{line}");
            }
        }
        // After each, so that a run that has to end early has said what it found.
        println!("\n| {name} | parses | valid | factual | time each | tokens |\n|---|---|---|---|---|---|");
        bare.row("bare", index + 1);
        loops.row("through the loop", index + 1);
        println!();
    }
}

/// A place for progress, and what of it is worth reading: the answers, and what was found in each.
fn told() -> (Progress, mpsc::UnboundedReceiver<String>) {
    let ((tx, mut events), (lines, told)) = (mpsc::channel(64), mpsc::unbounded_channel());
    tokio::spawn(async move {
        let mut answer = String::new();
        while let Some(event) = events.recv().await {
            match event {
                ProgressEvent::Text { content } => answer.push_str(&content),
                ProgressEvent::Validation { iteration, issues, .. } => {
                    let errors: Vec<String> = issues
                        .iter()
                        .filter(|issue| issue.is_error())
                        .map(|issue| format!("{}: {}", issue.path, issue.message))
                        .collect();
                    let _ = lines.send(format!("round {iteration}: {}\n{errors:#?}", std::mem::take(&mut answer)));
                }
                _ => {}
            }
        }
    });
    (Progress::to(tx), told)
}

/// An answer without the fence around it, which is no reason to call a bare model wrong.
fn unfenced(answer: &str) -> &str {
    let answer = answer.trim();
    let inner = answer.strip_prefix("```json").or_else(|| answer.strip_prefix("```yaml"));
    inner.or_else(|| answer.strip_prefix("```")).and_then(|inner| inner.strip_suffix("```")).unwrap_or(answer)
}

/// The model's first answer, told the language and the task and nothing more. What it is told begins as
/// the loop's prompts do, so that a server which keeps what it read before reads it once for both.
async fn alone(model: &dyn Model, task: &str, call: &Call) -> String {
    let system = include_str!("../src/prompt/author.md").replace("FENCE", "data");
    let messages = vec![Message::System(system), Message::User(format!("Task: {task}"))];
    let mut events = model.chat(ChatRequest { messages, ..ChatRequest::default() }, call);
    while let Some(event) = events.next().await {
        match event {
            Ok(ChatEvent::End(answer)) => return answer.text,
            Ok(_) => {}
            Err(error) => eprintln!("{error}"),
        }
    }
    String::new()
}

/// A model that answers at once.
#[derive(Clone)]
struct AtOnce;

const ANSWER: &str = r#"{"name":"disk","steps":[{"name":"look","tool":"df","parameters":{"path":"/"}}]}"#;

impl Model for AtOnce {
    fn name(&self) -> &str {
        "at-once"
    }

    fn chat(&self, _request: ChatRequest, _call: &Call) -> BoxStream<'static, Result<ChatEvent, DraftError>> {
        let answer = ChatAnswer {
            text: ANSWER.to_owned(),
            calls: Vec::new(),
            finish: Finish::Stop,
            usage: Usage::default(),
            usage_estimated: false,
            model: "at-once".to_owned(),
        };
        stream::iter([Ok(ChatEvent::End(answer))]).boxed()
    }
}

impl Models for AtOnce {
    fn model(&self, name: &str) -> Option<Arc<dyn Model>> {
        (name == "at-once").then(|| Arc::new(Self) as Arc<dyn Model>)
    }

    fn names(&self) -> Vec<String> {
        vec!["at-once".to_owned()]
    }
}

async fn overhead(rounds: usize) {
    let provider = AdkProvider::new(AdkConfig::default(), Arc::new(AtOnce)).unwrap();
    let call = Call::default();
    let mut times = Vec::new();
    for _ in 0..=rounds {
        let begun = Instant::now();
        let request = DraftRequest {
            task: "Back up the database shop and look at the disk".to_owned(),
            ..DraftRequest::default()
        };
        compose(&provider, request, &call, &check, 3).await.unwrap();
        times.push(begun.elapsed());
    }
    // The first one reads what ships with the program.
    let first = times.remove(0);
    times.sort();
    println!("the loop alone: first {first:?}, then p50 {:?}, p95 {:?}", times[rounds / 2], times[rounds * 95 / 100]);
}

#[tokio::main]
async fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["overhead", rounds] => overhead(rounds.parse().unwrap()).await,
        [url, key, model, file] => against((url, key), model, file, usize::MAX).await,
        [url, key, model, file, most] => against((url, key), model, file, most.parse().unwrap()).await,
        _ => eprintln!("compare URL KEY MODEL FILE [SENTENCES] | compare overhead ROUNDS"),
    }
}
