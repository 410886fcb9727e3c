//! From a text to clauses in their order, each with what it denies.

use std::sync::LazyLock;

use regex::Regex;

use super::phrases::pattern;

/// A part of a task that asks for one thing, or for a few that belong together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Clause {
    /// As it was written.
    pub(super) text: String,
    /// In lower case and without what is a name (paths, addresses, quotes), for looking at words.
    pub(super) lower: String,
    /// Whether it says what should not happen.
    pub(super) denies: bool,
    /// Clauses of one group are done side by side.
    pub(super) group: Option<usize>,
    /// Whether it is for when something before it fails.
    pub(super) on_failure: bool,
    /// The only environment that it is for.
    pub(super) only_on: Option<String>,
}

impl Clause {
    pub(super) fn new(text: &str) -> Self {
        let text = text.trim().trim_end_matches([',', ';', '.', '!']).trim();
        let lower = NAMESPACE.replace_all(&hide_names(text).to_lowercase(), "${1}_").into_owned();
        let lower = plain_verbs(lower);
        let denies = denies(&lower);
        Self { text: text.to_owned(), lower, denies, group: None, on_failure: false, only_on: None }
    }

    /// The same clause, with words that are misspelt corrected; `None` when there are none.
    pub(super) fn corrected(&self) -> Option<Self> {
        super::spoken::corrected(&self.lower).map(|lower| Self { lower, ..self.clone() })
    }

    /// A clause that may begin with `if it fails`, or say `only on staging`.
    pub(super) fn conditional(text: &str) -> Self {
        let hidden = hide_quotes(text);
        let mut rest = text.to_owned();
        let only_on = ONLY_ON.captures(&hidden).and_then(|found| {
            rest = format!("{} {}", &text[..found.get(0)?.start()], &text[found.get(0)?.end()..]);
            Some(environment(found.get(1)?.as_str()))
        });
        let failing = IF_IT_FAILS.captures(&rest).and_then(|found| Some(found.get(1)?.as_str().to_owned()));
        let on_failure = failing.is_some();
        Self { on_failure, only_on, ..Self::new(&failing.unwrap_or(rest)) }
    }

    /// Whether one of these words (or phrases) is in it, as a whole.
    pub(super) fn has(&self, words: &[&str]) -> bool {
        words.iter().any(|word| has_word(&self.lower, word))
    }
}

/// What a namespace is called is no word: `in namespace mail` asks for no mail.
static NAMESPACE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"\b(namespace\s+)(?:mail|slack|email|alert|backup|test|tests|deploy|build|logging|monitoring|jobs|images|docker|git)\b",
    )
});

static ONLY_ON: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)\b(?:but\s+|and\s+)?only\s+(?:on|in|for)\s+(?:the\s+)?(staging|stage|production|prod|development|dev|testing|test|qa|preview)\b(?:\s+(?:environment|cluster))?\s*[,:]?",
    )
});
static IF_IT_FAILS: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)^\s*(?:and\s+|but\s+)?(?:if|when|should|in case)\s+(?:it|that|this|they|one of them|something|anything)\s+(?:fails?|goes wrong|breaks?|does not work|doesn't work|failed)\s*[,:]?\s*(?:then\s+)?(.*\S.*)$",
    )
});

/// The usual name of an environment.
pub(super) fn environment(name: &str) -> String {
    match name.to_lowercase().as_str() {
        "prod" => "production".to_owned(),
        "stage" => "staging".to_owned(),
        other => other.to_owned(),
    }
}

/// Whether a phrase is in a text as whole words.
pub(super) fn has_word(text: &str, phrase: &str) -> bool {
    let mut from = 0;
    while let Some(at) = text[from..].find(phrase) {
        let (start, end) = (from + at, from + at + phrase.len());
        let before = text[..start].chars().next_back().is_none_or(|character| !character.is_alphanumeric());
        let after = text[end..].chars().next().is_none_or(|character| !character.is_alphanumeric());
        if before && after {
            return true;
        }
        from = end;
    }
    false
}

static DENIAL: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"\b(don't|don’t|do not|dont|without|never|not to|but not|should not|shouldn't|must not|no need|skip the|skip|no|not the|not any|not a|instead of|rather than)\b",
    )
});

/// Whether a text says what should not happen. `if it does not answer` and `no more than` deny nothing.
fn denies(lower: &str) -> bool {
    DENIAL.find_iter(lower).any(|found| {
        let after = lower[found.end()..].trim_start();
        let measures = ["more than", "longer than", "later than", "less than", "fewer than", "matter"];
        !is_condition(&lower[..found.start()]) && !measures.iter().any(|words| after.starts_with(words))
    })
}

fn is_condition(before: &str) -> bool {
    ["if", "when", "unless", "until", "while"].iter().any(|word| has_word(before, word))
}

/// `backing up` is `back up`.
fn plain_verbs(text: String) -> String {
    let forms = [
        ("backing up", "back up"),
        ("building", "build"),
        ("deploying", "deploy"),
        ("restarting", "restart"),
        ("running", "run"),
        ("removing", "remove"),
        ("deleting", "delete"),
        ("checking", "check"),
        ("stopping", "stop"),
        ("starting", "start"),
        ("pushing", "push"),
        ("writing", "write"),
        ("waiting", "wait"),
        ("testing", "test"),
        ("rolling back", "roll back"),
        ("updating", "update"),
        ("upgrading", "upgrade"),
        ("dumping", "dump"),
        ("scanning", "scan"),
        ("archiving", "archive"),
        ("restoring", "restore"),
        ("scaling", "scale"),
        ("applying", "apply"),
        ("migrating", "migrate"),
        ("exporting", "export"),
        ("rotating", "rotate"),
        ("syncing", "sync"),
        ("notifying", "notify"),
    ];
    let running = has_word(&text, "is running") || has_word(&text, "still running");
    forms
        .iter()
        .filter(|(form, _)| !(running && *form == "running"))
        .fold(text, |text, (form, plain)| if has_word(&text, form) { text.replace(form, plain) } else { text })
}

/// Text without what is a name and not a word: what stands in quotes, paths, addresses, channels.
fn hide_names(text: &str) -> String {
    let hidden = hide_quotes(text);
    let words = hidden.split_inclusive(char::is_whitespace).map(|word| {
        let bare = word.trim_matches(|character: char| character.is_whitespace() || "(),;'".contains(character));
        let is_name = bare.contains('@')
            || bare.contains("://")
            || bare.starts_with(['/', '#', '~'])
            || bare.starts_with("./")
            || bare.starts_with("../")
            || bare.contains('/') && bare.contains(['.', ':'])
            || bare.contains("__");
        if is_name { " _ ".to_owned() } else { word.to_owned() }
    });
    words.collect()
}

/// Where one clause ends and the next begins: sentences, lines, list items, and words of order.
static BORDER: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)(?:\s*[;\n]\s*(?:[-*•]\s+|\d{1,2}[.)]\s+)?|\.\s+(?:\d{1,2}[.)]\s+)?|,?\s+(?:and\s+)?(?:then|after that|afterwards|next|finally|lastly)\b,?\s+|,\s*(?:and|but)\s+|,\s+(?:without|don't|do not|not|no|skip)\b|,?\s+but\s+only\b|,\s+(?:and\s+)?on\s+(?:failure|success|error)\b)",
    )
});

/// Splits a task into clauses. Text in quotes or backticks is never split.
pub(super) fn clauses(task: &str) -> Vec<Clause> {
    let hidden = hide_quotes(task);
    let mut clauses = Vec::new();
    let mut start = 0;
    for border in BORDER.find_iter(&hidden) {
        // `without` and `don't` belong to what follows.
        let keep = ["without", "don't", "do not", "only", "not", "no", "skip", "on failure", "on success", "on error"]
            .iter()
            .find_map(|word| border.as_str().to_lowercase().rfind(word));
        push(&mut clauses, &task[start..border.start()]);
        start = keep.map_or(border.end(), |at| border.start() + at);
    }
    push(&mut clauses, &task[start..]);
    clauses
}

/// What follows is denied: a clause of its own.
static TURN: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)\s+(?:but\s+)?(?:and\s+)?(?:don't|don’t|do not|without|never|but not|but no|instead of|rather than)\s",
    )
});

fn push(clauses: &mut Vec<Clause>, text: &str) {
    let hidden = hide_quotes(text);
    let turn =
        TURN.find(&hidden).filter(|turn| turn.start() > 0 && !is_condition(&hidden[..turn.start()].to_lowercase()));
    let Some(turn) = turn else { return push_each(clauses, text) };
    push_each(clauses, &text[..turn.start()]);
    // What comes after a comma is no longer denied.
    let denied = &text[turn.start()..];
    let end = hide_quotes(denied).find(',').unwrap_or(denied.len());
    push_one(clauses, &denied[..end]);
    push_each(clauses, denied[end..].trim_start_matches(','));
}

/// Where another thing to do begins: `…, check …`, `… and tell …`, `… before deploying …`.
static NEXT: LazyLock<Regex> = LazyLock::new(|| {
    pattern(&format!(
        r"(?i)(,\s*(?:and\s+|but\s+)?|\s+and\s+|\s+but\s+|\s+before\s+)((?i-u:(?:{})\b))",
        VERBS.join("|")
    ))
});

/// What clauses begin with.
pub(super) const VERBS: &[&str] = &[
    "alert",
    "announce",
    "append",
    "apply",
    "archive",
    "ask",
    "backing up",
    "back up",
    "backup",
    "building",
    "build",
    "check",
    "clean",
    "clone",
    "compress",
    "configure",
    "copy",
    "create",
    "delete",
    "deploying",
    "deploy",
    "download",
    "drain",
    "cordon",
    "uncordon",
    "dump",
    "email",
    "enable",
    "execute",
    "expect",
    "fetch",
    "get",
    "include",
    "inform",
    "install",
    "keep",
    "limit",
    "lint",
    "list",
    "mail",
    "make sure",
    "measure",
    "message",
    "monitor",
    "move",
    "notify",
    "pause",
    "ping",
    "plan",
    "post",
    "print",
    "prune",
    "publish",
    "pull",
    "purge",
    "push",
    "query",
    "rebuild",
    "record",
    "redeploy",
    "reload",
    "remove",
    "rename",
    "renew",
    "report",
    "require",
    "restarting",
    "restart",
    "retry",
    "revert",
    "rollback",
    "roll back",
    "roll out",
    "rotate",
    "running",
    "run",
    "save",
    "scale",
    "send",
    "set up",
    "ship",
    "show",
    "sleep",
    "start",
    "stop",
    "sync",
    "tag",
    "tell",
    "test",
    "undo",
    "update",
    "upgrade",
    "upload",
    "validate",
    "verify",
    "check out",
    "encrypt",
    "export",
    "find",
    "investigate",
    "lock",
    "migrate",
    "offboard",
    "open",
    "pick",
    "promote",
    "reboot",
    "resolve",
    "restore",
    "scan",
    "search",
    "slack",
    "switch",
    "take",
    "terminate",
    "triage",
    "call",
    "change",
    "chmod",
    "collect",
    "commit",
    "compare",
    "compute",
    "count",
    "clear",
    "describe",
    "extract",
    "fail",
    "flush",
    "look",
    "kill",
    "tar",
    "set the",
    "unpack",
    "uninstall",
    "untar",
    "unzip",
    "wait",
    "warn",
    "watch",
    "write",
];

/// What comes after this comes first: `deploy web after backing up the database`.
static AFTER: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)\s+after\s+((?:backing up|building|restarting|running|checking|stopping|starting|waiting|testing|removing|deleting)\b)",
    )
});

fn push_each(clauses: &mut Vec<Clause>, text: &str) {
    let hidden = hide_quotes(text);
    if let Some((border, first)) =
        AFTER.captures(&hidden).and_then(|found| Some((found.get(0)?.start(), found.get(1)?.start())))
    {
        push_each(clauses, &text[first..]);
        return push_each(clauses, &text[..border]);
    }
    let mut start = 0;
    for found in NEXT.captures_iter(&hidden) {
        let (Some(border), Some(verb)) = (found.get(1), found.get(2)) else { continue };
        let before = &text[start..border.start()];
        if is_last_of_list(before, border.as_str(), &text[verb.end()..]) {
            continue;
        }
        // `check and restart it` is one thing, and so is a list after `for each of`.
        if before.split_whitespace().count() > 1 || before.contains('`') {
            push_one(clauses, before);
            start = verb.start();
        }
    }
    push_one(clauses, &text[start..]);
}

/// `for gateway, billing and search in prod`: what is called like a verb.
fn is_last_of_list(before: &str, border: &str, after: &str) -> bool {
    let last = border.trim() == "and" && LIST_BEFORE.is_match(before) && LIST_AFTER.is_match(after);
    last || border.trim() == "," && LIST_BEGUN.is_match(before) && LIST_GOES_ON.is_match(after)
}

static LIST_BEGUN: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"(?i)\b(?:for|of|services|deployments|deploy|restart|scale|start|stop)\s+[\w.-]+(?:\s*,\s*[\w.-]+)*$")
});
static LIST_GOES_ON: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)^\s*(?:,\s*[\w.-]+\s*(?:,|and\b)|and\s+[\w.-]+\s*(?:$|[,;.]|(?:in|to|on|with|at|running|run|runs|is|are|should|must|has|have|need|needs)\b))",
    )
});

static LIST_BEFORE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"(?i)\b(?:for|of|services|deployments|deploy|restart|scale|start|stop)\s+[\w.-]+(?:\s*,\s*[\w.-]+)+$")
});
static LIST_AFTER: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"(?i)^\s*(?:$|[,;.]|(?:in|to|on|with|at|run|runs|is|are|should|must|has|have|need|needs)\b)")
});

fn push_one(clauses: &mut Vec<Clause>, text: &str) {
    let text = text.trim().trim_start_matches(['-', '*', '•']).trim();
    let text = LIST_NUMBER.replace(text, "");
    let clause = Clause::new(&text);
    if clause.text.chars().any(char::is_alphabetic) {
        clauses.push(clause);
    }
}

static LIST_NUMBER: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"^\d{1,2}[.)]\s+|^(?i:first|firstly|please|also|and|then|next|finally|lastly|afterwards)\b,?\s+")
});

/// The same text with everything in quotes blotted out, byte for byte.
pub(super) fn hide_quotes(task: &str) -> String {
    let mut hidden = String::with_capacity(task.len());
    let mut open: Option<char> = None;
    for character in task.chars() {
        let blot = |hidden: &mut String| hidden.extend(std::iter::repeat_n('_', character.len_utf8()));
        match open {
            Some(quote) if character == quote => {
                open = None;
                blot(&mut hidden);
            }
            Some(_) => blot(&mut hidden),
            None if matches!(character, '`' | '"') => {
                open = Some(character);
                blot(&mut hidden);
            }
            None => hidden.push(character),
        }
    }
    // An unclosed quote hides nothing.
    if open.is_some() { task.to_owned() } else { hidden }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(task: &str, expected: &[&str]) {
        let found: Vec<String> = clauses(task).into_iter().map(|clause| clause.text).collect();
        assert_eq!(found, expected, "{task}");
    }

    #[test]
    fn tasks_fall_into_clauses() {
        check(
            "Check disk space and memory on this host, write a report to a file, and warn if the disk is more than 80% full",
            &[
                "Check disk space and memory on this host",
                "write a report to a file",
                "warn if the disk is more than 80% full",
            ],
        );
        check("First build the image, then push it. Finally tell #ops", &["build the image", "push it", "tell #ops"]);
        check("1. run `a; b`\n2. wait 10 seconds\n- done", &["run `a; b`", "wait 10 seconds", "done"]);
        check("check the disk but don't write a file", &["check the disk", "but don't write a file"]);
        check("check the disk, but don't write a file", &["check the disk", "don't write a file"]);
        check(
            "deploy v1.2.3 to https://x.example.com/a without rollback",
            &["deploy v1.2.3 to https://x.example.com/a", "without rollback"],
        );
        check(
            "Deploy web, check health, roll back if it does not answer and tell #ops",
            &["Deploy web", "check health", "roll back if it does not answer", "tell #ops"],
        );
        check("check and restart nginx before deploying web", &["check and restart nginx", "deploying web"]);
        check(
            "deploy v2 for gateway, billing and search in prod",
            &["deploy v2 for gateway, billing and search in prod"],
        );
        check("deploy v2 of cart, search and profile to shop", &["deploy v2 of cart, search and profile to shop"]);
        check("   ", &[]);
    }

    #[test]
    fn names_are_no_words_and_conditions_deny_nothing() {
        assert!(!Clause::new("send it to https://x.example.com/deploy and #deploys").has(&["deploy", "deploys"]));
        assert!(!Clause::new("tell me if it does not answer").denies);
        assert!(!Clause::new("keep no more than 5 copies").denies);
        assert!(Clause::new("but do not write a file").denies);
        assert!(Clause::new("no notification").denies);
    }
}
