//! The JSON Schema of the canonical form, for editors and for models.

use serde_json::{Value, json};

/// A JSON Schema (draft 2020-12) of the canonical document.
#[must_use]
pub fn schema() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "https://partita.dev/schema/workflow.json",
        "title": "Workflow",
        "description": "A workflow: steps, the order they happen in, and what to do when one fails.",
        "type": "object",
        "required": ["name", "steps"],
        "additionalProperties": false,
        "properties": {
            "name": text("What the workflow is called; runs are listed by it."),
            "description": text("What it is for, in a sentence."),
            "version": text("The author's version of the document."),
            "params": {
                "type": "object",
                "description": "Parameters: a name with its default, or with a declaration.",
                "additionalProperties": {"anyOf": [{"$ref": "#/$defs/param"}, {"type": ["string", "number", "boolean", "array", "null"]}]},
            },
            "env": pairs("Variables of every step."),
            "runner": text("Where steps run, unless they say otherwise; `local` when absent."),
            "timeout": duration("How long a run may take."),
            "type": {"enum": ["chain", "graph"], "description": "Whether steps without `depends` follow each other (chain, the default) or are free (graph)."},
            "max_active_steps": {"type": "integer", "minimum": 1, "description": "Steps that may run at a time; 32 when absent."},
            "preconditions": {"$ref": "#/$defs/preconditions"},
            "steps": {"type": "array", "items": {"$ref": "#/$defs/step"}, "description": "The steps."},
            "handlers": {
                "type": "object",
                "description": "Steps that run when the run's fate is known: the one for how it ended, then `exit`.",
                "additionalProperties": false,
                "properties": {
                    "success": {"$ref": "#/$defs/step"}, "failure": {"$ref": "#/$defs/step"},
                    "cancel": {"$ref": "#/$defs/step"}, "exit": {"$ref": "#/$defs/step"},
                },
            },
            "on_failure": {"enum": ["stop", "continue", "rollback"], "description": "What a failure that nothing excuses does to the run: stop it (the default), go on with what does not need the step, or stop and take back what was done."},
            "budget": {
                "type": "object", "additionalProperties": false,
                "properties": {"tokens": {"type": "integer", "minimum": 0}, "seconds": {"type": "number", "minimum": 0}, "cost_usd": {"type": "number", "minimum": 0}},
            },
            "secrets": {"type": "array", "items": {"type": "string"}, "description": "Names of the secrets that are referred to."},
            "tags": {"type": "array", "items": {"type": "string"}},
            "outputs": pairs("Outputs of the run: a text with references, or an expression after `= `."),
            "schedule": text("A cron phrase. Kept, and not fired by this version."),
            "files": pairs("Files that are written into the run's working directory before the first step."),
        },
        "$defs": definitions(),
    })
}

fn text(description: &str) -> Value {
    json!({"type": "string", "description": description})
}

fn pairs(description: &str) -> Value {
    json!({"type": "object", "description": description, "additionalProperties": {"type": ["string", "number", "boolean"]}})
}

fn duration(description: &str) -> Value {
    json!({"type": ["string", "number"], "description": format!("{description} `30s`, `5m`, `1h30m`, or a number of seconds.")})
}

fn definitions() -> Value {
    let one_action = |key: &str| json!({"required": [key]});
    json!({
        "param": {
            "type": "object", "additionalProperties": false,
            "properties": {
                "type": {"enum": ["string", "integer", "number", "boolean", "array", "object"]},
                "description": {"type": "string"}, "default": {}, "required": {"type": "boolean"},
                "enum": {"type": "array"}, "min": {"type": "number"}, "max": {"type": "number"},
                "pattern": text("A regular expression that the value must match."),
                "secret": {"type": "boolean", "description": "Whether the value is a secret: it then comes from the secret of the same name."},
            },
        },
        "preconditions": {
            "type": "array",
            "description": "What must hold to begin; otherwise it is skipped.",
            "items": {"anyOf": [
                text("A shell command that must end with 0."),
                {"type": "object", "required": ["condition", "expected"], "additionalProperties": false,
                 "properties": {"condition": {"type": "string"}, "expected": {"type": "string"}}},
            ]},
        },
        "retry": {
            "type": "object", "additionalProperties": false, "required": ["max_attempts"],
            "description": "When a failed attempt is tried again.",
            "properties": {
                "max_attempts": {"type": "integer", "minimum": 1, "description": "Tries in all, the first included."},
                "delay": duration("Before the second try; 1 s when absent."),
                "backoff": {"type": "number", "minimum": 0, "description": "The factor from one delay to the next; 1 when absent."},
                "max_delay": duration("The longest delay."),
                "jitter": {"type": "number", "minimum": 0, "maximum": 1, "description": "The part of each delay that is random."},
                "on": {"type": "array", "description": "Only these ends are tried again; all when absent.", "items": {"anyOf": [
                    {"enum": ["failure", "timeout", "lost"]},
                    {"type": "object", "required": ["exit_code"], "properties": {"exit_code": {"type": "integer"}}, "additionalProperties": false},
                ]}},
            },
        },
        "http": {
            "type": "object", "additionalProperties": false, "required": ["url"],
            "properties": {
                "url": {"type": "string"}, "method": {"type": "string"}, "headers": pairs("Headers."), "query": pairs("Added to the address."),
                "body": {"description": "Text as it is, or any other value as JSON."},
                "expect_status": {"anyOf": [{"type": "integer"}, {"type": "array", "items": {"type": "integer"}}]},
                "redirect_hosts": {"type": "array", "items": {"type": "string"}},
                "timeout": duration("How long an answer may take; 60 s when absent."),
            },
        },
        "action": {"anyOf": [
            one_action("tool"), one_action("command"), one_action("script"), one_action("http"), one_action("approval"),
            one_action("image"), one_action("workflow"), one_action("agent"), one_action("executor"),
        ]},
        "rollback": {
            "description": "How the step is taken back: an action of its own.",
            "anyOf": [{"type": "string"}, {
                "type": "object", "$ref": "#/$defs/action", "unevaluatedProperties": false,
                "properties": with_action(json!({
                    "retry": {"$ref": "#/$defs/retry"}, "timeout": duration("How long one attempt may take."),
                    "when": {"enum": ["succeeded", "started"], "description": "Whether a step that began and failed is taken back, too."},
                })),
            }],
        },
        "step": {
            "type": "object", "required": ["name"], "$ref": "#/$defs/action", "unevaluatedProperties": false,
            "properties": with_action(step_properties()),
        },
    })
}

/// The keys of an action beside others.
fn with_action(mut properties: Value) -> Value {
    let action = json!({
        "tool": text("A tool of the catalogue."),
        "parameters": {"type": "object", "description": "What the tool gets."},
        "command": text("A line (or more) for a shell."),
        "script": text("A program text, for `shell` or for what its `#!` line names."),
        "shell": text("What reads `script` or `command`: sh, bash, python3, …"),
        "http": {"anyOf": [{"type": "string"}, {"$ref": "#/$defs/http"}]},
        "approval": {"anyOf": [{"type": "string"}, {"type": ["boolean", "null"]}, {
            "type": "object", "additionalProperties": false,
            "properties": {"message": {"type": "string"}, "timeout": duration("How long to wait for an answer.")},
        }]},
        "image": text("A container image. Not carried out by this version."),
        "workflow": text("Another workflow. Not carried out by this version."),
        "agent": {"description": "An agent. Not carried out by this version."},
        "executor": {"description": "An executor of an imported document."},
    });
    if let (Value::Object(properties), Value::Object(action)) = (&mut properties, action) {
        properties.extend(action);
    }
    properties
}

fn step_properties() -> Value {
    json!({
        "name": text("What the step is called; unique in its workflow."),
        "id": text("A second name for references."),
        "description": text("What it does, in a sentence."),
        "depends": {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}], "description": "Steps that must have ended before; `[]`: none."},
        "if": text("A CEL expression; when it is false, the step is passed over."),
        "preconditions": {"$ref": "#/$defs/preconditions"},
        "env": pairs("Variables of this step."),
        "dir": text("Where it runs; the run's own directory when absent."),
        "runner": text("Where it runs: `local`."),
        "output": text("The name under which later steps refer to its output."),
        "outputs": pairs("Names with CEL expressions over `output`, `json` and `exit_code`."),
        "retry": {"anyOf": [{"$ref": "#/$defs/retry"}, {"type": "integer", "minimum": 0, "description": "How often to try again."}]},
        "timeout": duration("How long one attempt may take."),
        "continue_on": {"anyOf": [{"type": "boolean"}, {
            "type": "object", "additionalProperties": false, "description": "Failures that don't count against the run.",
            "properties": {
                "failure": {"type": "boolean"}, "skipped": {"type": "boolean"}, "mark_success": {"type": "boolean"},
                "exit_code": {"anyOf": [{"type": "integer"}, {"type": "array", "items": {"type": "integer"}}]},
                "output": {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]},
            },
        }]},
        "foreach": {"anyOf": [{"type": ["string", "array"]}, {
            "type": "object", "additionalProperties": false, "required": ["items"],
            "properties": {"items": {"type": ["string", "array"], "description": "A list, a reference, or a CEL expression."}, "max_active": {"type": "integer", "minimum": 1}},
        }]},
        "repeat": {
            "type": "object", "additionalProperties": false,
            "properties": {
                "while": text("Goes on while this expression holds."), "until": text("Goes on until this expression holds."),
                "limit": {"type": "integer", "minimum": 1}, "delay": duration("Between rounds; 1 s when absent."),
                "exit_code": {"type": "array", "items": {"type": "integer"}}, "condition": {"type": "string"}, "expected": {"type": "string"},
            },
        },
        "rollback": {"$ref": "#/$defs/rollback"},
        "effects": {"enum": ["read", "write", "unknown", "destructive"], "description": "What the step does to the world; may raise what the tool is known for, never lower it."},
        "stdout": text("A file that standard output is copied to."),
        "stderr": text("A file that standard error is copied to."),
        "signal_on_stop": text("The signal that asks it to end; SIGTERM when absent."),
    })
}
