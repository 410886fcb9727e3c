//! What an agent may look up while it drafts. Everything only reads, and everything is cut to a size.

use std::sync::Arc;

use adk_core::{Tool as KitTool, ToolContext};
use async_trait::async_trait;
use partita_core::workflow::to_value;
use serde_json::{Value, json};

use super::{context, describe, relevance};
use crate::call::{Call, ProgressEvent, Surroundings};
use crate::prompt;

/// Tools or templates in one answer.
const LISTED_MAX: usize = 20;
/// Past runs in one answer.
const RUNS_MAX: u64 = 10;

/// One kind of look-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    ListTools,
    DescribeTool,
    ListTemplates,
    ReadTemplate,
    ListRunners,
    PastRuns,
}

const KINDS: [Kind; 6] =
    [Kind::ListTools, Kind::DescribeTool, Kind::ListTemplates, Kind::ReadTemplate, Kind::ListRunners, Kind::PastRuns];

/// A look-up in what surrounds one call.
struct Lookup {
    kind: Kind,
    call: Call,
    parameters: Value,
}

/// Every look-up, as the kit wants them.
pub(super) fn all(call: &Call) -> Vec<Arc<dyn KitTool>> {
    let tool =
        |kind: Kind| Arc::new(Lookup { kind, call: call.clone(), parameters: kind.parameters() }) as Arc<dyn KitTool>;
    KINDS.into_iter().map(tool).collect()
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::ListTools => "list_tools",
            Self::DescribeTool => "describe_tool",
            Self::ListTemplates => "list_templates",
            Self::ReadTemplate => "read_template",
            Self::ListRunners => "list_runners",
            Self::PastRuns => "past_runs",
        }
    }

    fn description(self) -> &'static str {
        match self {
            Self::ListTools => {
                "Finds tools that steps can call, by words about what they do; all of them without words"
            }
            Self::DescribeTool => "Shows one tool with all its parameters",
            Self::ListTemplates => "Finds templates, by words about what they do; all of them without words",
            Self::ReadTemplate => "Shows the workflow of one template",
            Self::ListRunners => "Names the runners that `runner` can say",
            Self::PastRuns => "Shows how the latest runs of a workflow ended; of all workflows without a name",
        }
    }

    fn parameters(self) -> Value {
        let text = |name: &str, description: &str, required: &[&str]| {
            json!({"type": "object", "properties": {name: {"type": "string", "description": description}},
                   "required": required, "additionalProperties": false})
        };
        match self {
            Self::ListTools | Self::ListTemplates => text("words", "what it should do", &[]),
            Self::DescribeTool => text("name", "the tool's name", &["name"]),
            Self::ReadTemplate => text("id", "the template's id", &["id"]),
            Self::ListRunners => json!({"type": "object", "properties": {}, "additionalProperties": false}),
            Self::PastRuns => text("workflow", "the workflow's name", &[]),
        }
    }
}

#[async_trait]
impl KitTool for Lookup {
    fn name(&self) -> &str {
        self.kind.name()
    }

    fn description(&self) -> &str {
        self.kind.description()
    }

    fn parameters_schema(&self) -> Option<Value> {
        Some(self.parameters.clone())
    }

    fn is_read_only(&self) -> bool {
        true
    }

    async fn execute(&self, context: Arc<dyn ToolContext>, arguments: Value) -> adk_core::Result<Value> {
        let (id, name) = (context.function_call_id().to_owned(), self.kind.name().to_owned());
        let told = ProgressEvent::ToolCall { id: id.clone(), name: name.clone(), arguments: arguments.clone() };
        self.call.progress.tell(told).await;
        let found = look_up(self.kind, &arguments, &self.call.surroundings).await;
        let is_error = found.is_err();
        let text = prompt::tame(&found.unwrap_or_else(|problem| problem), super::llm::RESULT_BYTES_MAX);
        let told = ProgressEvent::ToolResult { id, name, result: Value::String(text.clone()), is_error };
        self.call.progress.tell(told).await;
        Ok(json!({"text": text}))
    }
}

/// What there is, or what is wrong with the question.
async fn look_up(kind: Kind, arguments: &Value, around: &Surroundings) -> Result<String, String> {
    let text = |key: &str| arguments[key].as_str().map(str::trim).filter(|text| !text.is_empty());
    match kind {
        Kind::ListTools => Ok(tools(text("words"), around)),
        Kind::ListTemplates => Ok(templates(text("words"), around)),
        Kind::DescribeTool => {
            let name = text("name").ok_or("say the `name` of a tool")?;
            let tool = around.catalogue.get(name).ok_or_else(|| format!("there is no tool {name}: see list_tools"))?;
            let commands: Vec<String> = tool.commands.iter().map(|(words, _)| words.join(" ")).collect();
            let known =
                if commands.is_empty() { String::new() } else { format!("\ncommands: {}", commands.join(", ")) };
            Ok(format!("{}{known}\nschema: {}", describe::tool(tool), tool.parameters))
        }
        Kind::ReadTemplate => {
            let id = text("id").ok_or("say the `id` of a template")?;
            let found = around.templates.iter().find(|template| template.id == id);
            let template = found.ok_or_else(|| format!("there is no template {id}: see list_templates"))?;
            Ok(to_value(&template.workflow).to_string())
        }
        Kind::ListRunners => Ok(around.runners.join(", ")),
        Kind::PastRuns => {
            let limit = usize::try_from(RUNS_MAX).unwrap_or(1);
            let runs = around.past_runs.of(text("workflow"), limit).await;
            if runs.is_empty() { Ok("there are none".to_owned()) } else { Ok(Value::Array(runs).to_string()) }
        }
    }
}

fn tools(asked: Option<&str>, around: &Surroundings) -> String {
    let Some(asked) = asked else {
        let names: Vec<&str> = around.catalogue.iter().map(|tool| tool.name.as_str()).collect();
        return format!("all tools: {}", names.join(", "));
    };
    let (wanted, likely) = (relevance::words(asked), context::likely_tools(asked, around));
    let mut found = relevance::of_tools(&wanted, around.catalogue.iter());
    for (score, tool) in &mut found {
        *score += likely.get(&tool.name).copied().unwrap_or_default();
    }
    found.retain(|(score, _)| *score > 0);
    found.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
    let lines: Vec<String> = found.into_iter().take(LISTED_MAX).map(|(_, tool)| describe::tool(tool)).collect();
    if lines.is_empty() {
        format!("no tool is about {asked}: list_tools without words names all")
    } else {
        lines.join("\n")
    }
}

fn templates(asked: Option<&str>, around: &Surroundings) -> String {
    let mut found: Vec<_> = match asked.map(relevance::words) {
        Some(wanted) => relevance::of_templates(&wanted, &around.templates),
        None => around.templates.iter().map(|template| (1, template)).collect(),
    };
    found.retain(|(score, _)| *score > 0);
    found.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
    let most = if asked.is_some() { LISTED_MAX } else { LISTED_MAX * 4 };
    let lines: Vec<String> = found.into_iter().take(most).map(|(_, template)| describe::template(template)).collect();
    if lines.is_empty() { "no template is about that".to_owned() } else { lines.join("\n") }
}
