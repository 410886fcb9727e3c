//! What a task says in so many words: paths, addresses, names, numbers with units. Nothing is invented:
//! what is not said stays open.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, PoisonError};

use regex::Regex;
use serde_json::{Map, Value};

/// Things that were found in a text, in its order.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Facts {
    pub(super) text: String,
    /// The text in lower case.
    lower: String,
    pub(super) commands: Vec<String>,
    pub(super) urls: Vec<String>,
    pub(super) paths: Vec<String>,
    pub(super) percents: Vec<u32>,
    pub(super) images: Vec<String>,
    pub(super) versions: Vec<String>,
    pub(super) channels: Vec<String>,
    pub(super) emails: Vec<String>,
    context: Map<String, Value>,
}

macro_rules! patterns {
    ($($name:ident = $text:literal;)*) => {$(
        #[allow(clippy::expect_used, reason = "a constant pattern, which the tests go through")]
        static $name: LazyLock<Regex> = LazyLock::new(|| Regex::new($text).expect("a valid pattern"));
    )*};
}

patterns! {
    COMMAND = r"`([^`\n]+)`";
    SPOKEN_COMMAND = r#"(?i)\b(?:run|execute)\s+(?:the\s+)?(?:shell\s+)?(?:command\s+|script\s+)?"([^"\n]+)""#;
    HOST = r"(?i)\b(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+(?:[a-z]{2,})\b";
    URL = r#"https?://[^\s,;'"`<>()]+"#;
    EMAIL = r"\b[\w.+-]+@[\w-]+\.[\w.-]*\w";
    CHANNEL = r"(?:^|\s)#([a-z0-9][\w-]*)";
    PATH = r#"(?:^|[\s"'`(=])((?:~|\.{1,2})?/[\w@%+=:,./-]*|[\w-]+(?:/[\w.-]+)*\.(?:txt|md|json|ya?ml|log|csv|html|sql|gz|conf|toml|py|sh))"#;
    QUOTED_PATH = r#""((?:~|\.{1,2})?/[^"\n]*\s[^"\n]*)""#;
    COMPOUND = r"(?i)\b((?:\d+(?:ms|s|m|h|d)){2,})\b";
    ADDRESS = r"\b\d{1,3}(?:\.\d{1,3}){3}\b";
    CALLED = r#"(?i)\b(?:saying|says|message|text|that says|reading)\s*[:=]?\s*"([^"\n]+)""#;
    PERCENT = r"(?i)(\d{1,3})(?:\.\d+)?\s*(?:%|percent)";
    IMAGE = r"\b((?:[a-z0-9.-]+(?::\d+)?/)+[a-z0-9._-]+(?::[\w.-]+)?|[a-z0-9][a-z0-9._-]*:v?\d[\w.-]*)";
    NAMED_IMAGE = r"(?i)\bimages?\s+([a-z0-9][a-z0-9._-]*:[a-z0-9][\w.-]*)";
    NAMED_VERSION = r"(?i)\bversion\s+(\d[\w.-]*)";
    VERSION = r"(?i)\b(v\d+(?:\.\d+)*(?:[-.]\w+)?|\d+\.\d+\.\d+(?:-\w+)?)\b";
    DURATION = r"(?i)\b(\d+(?:\.\d+)?)\s*(ms|milliseconds?|s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?|weeks?)\b";
    TIMES = r"(?i)\b(\d+|one|two|three|four|five|six|seven|eight|nine|ten|once|twice|thrice)\s+(?:times|retries|attempts|tries|more times)\b|\b(once|twice|thrice)\b";
}

/// Words that are never the name of a thing.
const COMMON: [&str; 84] = [
    "as",
    "than",
    "where",
    "how",
    "only",
    "both",
    "so",
    "until",
    "once",
    "while",
    "again",
    "there",
    "which",
    "who",
    "the",
    "a",
    "an",
    "this",
    "that",
    "our",
    "my",
    "all",
    "each",
    "every",
    "it",
    "its",
    "to",
    "in",
    "on",
    "of",
    "for",
    "with",
    "and",
    "or",
    "is",
    "are",
    "be",
    "if",
    "when",
    "new",
    "latest",
    "current",
    "application",
    "app",
    "service",
    "services",
    "microservice",
    "microservices",
    "deployment",
    "cluster",
    "kubernetes",
    "k8s",
    "staging",
    "production",
    "namespace",
    "image",
    "docker",
    "container",
    "server",
    "host",
    "machine",
    "database",
    "db",
    "postgres",
    "postgresql",
    "backup",
    "file",
    "files",
    "directory",
    "folder",
    "version",
    "health",
    "check",
    "checks",
    "from",
    "into",
    "at",
    "by",
    "via",
    "after",
    "before",
    "using",
    "website",
    "page",
];

impl Facts {
    /// Finds what a text says; `context` is what the caller adds.
    pub(super) fn read(text: &str, context: &Map<String, Value>) -> Self {
        // No program can be given a NUL character, so it can't be part of a value.
        let text = &*super::spoken::numbers(&text.replace('\0', " "));
        let all = |pattern: &Regex, group: usize| -> Vec<String> {
            pattern.captures_iter(text).filter_map(|found| Some(found.get(group)?.as_str().to_owned())).collect()
        };
        let urls: Vec<String> =
            all(&URL, 0).into_iter().map(|url| url.trim_end_matches(['.', '!', '?']).to_owned()).collect();
        let is_part_of_url = |path: &str| urls.iter().any(|url| url.contains(path));
        let trim = |path: String| path.trim_end_matches(['.', ',', ':']).to_owned();
        let paths: Vec<String> =
            all(&PATH, 1).into_iter().map(trim).filter(|path| !path.is_empty() && !is_part_of_url(path)).collect();
        // `"/srv/my files"` is one path.
        let quoted: Vec<String> = all(&QUOTED_PATH, 1);
        let mut paths: Vec<String> =
            paths.into_iter().filter(|path| !quoted.iter().any(|quoted| quoted.contains(path.as_str()))).collect();
        paths.extend(quoted);
        // `k8s/` is a directory, too.
        let words = text.split_whitespace().map(|word| word.trim_matches(['"', '\'', '`', ',', ';', '(', ')']));
        let is_directory = |word: &&str| {
            word.len() > 1
                && word.ends_with('/')
                && !word.starts_with(['/', '.', '~'])
                && word.chars().all(|it| it.is_ascii_alphanumeric() || matches!(it, '/' | '.' | '_' | '-'))
        };
        paths.extend(words.filter(is_directory).map(str::to_owned));
        paths.sort_by_key(|path| text.find(path.as_str()));
        let mut commands = all(&COMMAND, 1);
        commands.extend(all(&SPOKEN_COMMAND, 1));
        commands.retain(|command| !command.trim().is_empty());
        let inside = |it: &str| urls.iter().chain(&commands).chain(&paths).any(|other| other.contains(it));
        Self {
            text: text.to_owned(),
            lower: text.to_lowercase(),
            percents: all(&PERCENT, 1)
                .iter()
                .filter_map(|number| number.parse().ok())
                .filter(|number| *number <= 100)
                .collect(),
            images: all(&IMAGE, 1)
                .into_iter()
                .chain(all(&NAMED_IMAGE, 1))
                .collect::<std::collections::BTreeSet<String>>()
                .into_iter()
                .filter(|image| !inside(image) && !image.contains("//") && !image.eq_ignore_ascii_case("blue/green"))
                .collect(),
            versions: all(&VERSION, 1)
                .into_iter()
                .chain(all(&NAMED_VERSION, 1).into_iter().map(|version| version.trim_end_matches('.').to_owned()))
                .filter(|version| !urls.iter().any(|url| url.contains(version)))
                .collect(),
            channels: all(&CHANNEL, 1),
            emails: all(&EMAIL, 0),
            urls,
            paths,
            commands,
            context: context.clone(),
        }
    }

    /// Names of hosts that the text has: `db.example.com`.
    pub(super) fn hosts(&self) -> Vec<String> {
        HOST.find_iter(&self.text).map(|found| found.as_str().to_owned()).collect()
    }

    /// Names and addresses of machines that are no part of a path, an address of the web, mail or an image.
    pub(super) fn machines(&self) -> Vec<String> {
        let others =
            || self.paths.iter().chain(&self.urls).chain(&self.emails).chain(&self.images).chain(&self.commands);
        let names = HOST.find_iter(&self.text).chain(ADDRESS.find_iter(&self.text));
        let mut found: Vec<(usize, String)> = names
            .filter(|name| !others().any(|other| other.contains(name.as_str())))
            .map(|name| (name.start(), name.as_str().to_owned()))
            .collect();
        found.sort();
        found.dedup_by(|one, other| one.1 == other.1);
        found.into_iter().map(|(_, name)| name).collect()
    }

    /// The word after `as user`, even if it is an everyday one.
    pub(super) fn user(&self) -> Option<String> {
        let found = compiled(r#"(?i)\bas\s+(?:the\s+)?user\s+["'`]?([\w.-]+)"#.to_owned())?;
        let named =
            found.captures(&self.text).and_then(|found| Some(found.get(1)?.as_str().trim_end_matches('.').to_owned()));
        self.given_text(&["user", "database_user"]).or(named).or_else(|| self.named(&["as", "user"]))
    }

    /// The namespace in Kubernetes: as it is named, else as the environment is called.
    pub(super) fn namespace(&self) -> Option<String> {
        let named = self.given_text(&["namespace"]).or_else(|| self.named(&["namespace", "ns"]));
        let named = named.or_else(|| self.named_before(&["namespace"]));
        named.or_else(|| self.given_text(&["environment", "env"])).or_else(|| self.environment())
    }

    /// The environment that the text names: `to prod`, `on staging`, `in dev`.
    pub(super) fn environment(&self) -> Option<String> {
        let lower = self.text.to_lowercase();
        let known = ["production", "prod", "staging", "development", "dev", "testing", "qa", "preview"];
        let said = |name: &&&str| {
            ["", "to ", "in ", "on ", "into ", "for "].iter().any(|before| match *before {
                "" => {
                    matches!(**name, "production" | "staging" | "development" | "testing")
                        && super::sentence::has_word(&lower, name)
                }
                before => super::sentence::has_word(&lower, &format!("{before}{name}")),
            })
        };
        known.iter().find(said).map(|name| super::sentence::environment(name))
    }

    /// The database that the text names.
    pub(super) fn database(&self) -> Option<String> {
        let given = self.given_text(&["database", "database_name", "db"]);
        let named = given.or_else(|| self.named(&["database", "db", "databases", "dbs"]));
        let named = named.or_else(|| self.named_before(&["database", "db", "dump"]));
        let other = |name: &String| {
            let lower = name.to_lowercase();
            let kinds =
                ["mysql", "mariadb", "sqlite", "sql", "redis", "newest", "latest", "psql", "pg", "take", "dump"];
            !kinds.contains(&lower.as_str())
        };
        named.filter(other).or_else(|| self.named(&["of", "backup of", "dump of"]).filter(other))
    }

    /// A text that is to be sent or written.
    pub(super) fn message(&self) -> Option<String> {
        let called = CALLED.captures(&self.text).and_then(|found| Some(found.get(1)?.as_str().to_owned()));
        called.or_else(|| self.quoted())
    }

    /// Text in double quotes.
    pub(super) fn quoted(&self) -> Option<String> {
        self.text.split('"').nth(1).filter(|text| !text.trim().is_empty()).map(str::to_owned)
    }

    /// A fact that the caller gave under one of these names.
    pub(super) fn given(&self, names: &[&str]) -> Option<&Value> {
        names.iter().find_map(|name| self.context.get(*name)).filter(|value| !value.is_null())
    }

    /// As [`Facts::given`], as text.
    pub(super) fn given_text(&self, names: &[&str]) -> Option<String> {
        match self.given(names)? {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        }
    }

    /// As [`Facts::given`], as a list of texts.
    pub(super) fn given_list(&self, names: &[&str]) -> Vec<String> {
        match self.given(names) {
            Some(Value::Array(list)) => list.iter().filter_map(|item| item.as_str().map(str::to_owned)).collect(),
            Some(Value::String(text)) => {
                text.split([',', ' ']).filter(|word| !word.is_empty()).map(str::to_owned).collect()
            }
            _ => Vec::new(),
        }
    }

    /// Whether a word is in the text at all: most are not, and need no pattern.
    fn mentions(&self, word: &str) -> bool {
        self.lower.contains(word)
    }

    /// The name that stands after one of these words: `namespace shop`, `the service called "web"`.
    pub(super) fn named(&self, words: &[&str]) -> Option<String> {
        for word in words.iter().filter(|word| self.mentions(word)) {
            let after = format!(
                r#"(?i)\b{}\s+(?:is\s+|called\s+|named\s+|=\s*)?["'`]?([A-Za-z0-9][\w.-]*)"#,
                regex::escape(word)
            );
            let Some(pattern) = compiled(after) else { continue };
            let found = pattern
                .captures_iter(&self.text)
                .filter_map(|found| Some(found.get(1)?.as_str().trim_end_matches(['.', '-']).to_owned()));
            if let Some(name) = found.into_iter().find(|name| is_name(name)) {
                return Some(name);
            }
        }
        None
    }

    /// The word right after one of these verbs, even if it is an everyday one: `restart postgresql`.
    pub(super) fn object_of(&self, verbs: &[&str]) -> Option<String> {
        let pattern = format!(
            r#"(?i)\b(?:{})\s+(?:the\s+)?(?:services?\s+|daemon\s+|unit\s+)?["'`]?([a-z0-9][\w@.-]*)"#,
            verbs.join("|")
        );
        let fillers = [
            "the", "a", "an", "this", "that", "my", "our", "all", "it", "service", "services", "server", "host", "and",
            "status", "named", "called",
        ];
        let pattern = compiled(pattern)?;
        let mut found = pattern.captures_iter(&self.text).filter_map(|found| Some(found.get(1)?.as_str()));
        let name = |name: &str| name.trim_end_matches(['.', '-']).to_owned();
        found.find(|name| !fillers.contains(&name.trim_end_matches(['.', '-']).to_lowercase().as_str())).map(name)
    }

    /// The name that stands before one of these words: `the checkout service`.
    pub(super) fn named_before(&self, words: &[&str]) -> Option<String> {
        for word in words.iter().filter(|word| self.mentions(word)) {
            let before = format!(r#"(?i)["'`]?([A-Za-z0-9][\w.-]*)["'`]?\s+{}\b"#, regex::escape(word));
            let Some(pattern) = compiled(before) else { continue };
            let found = pattern.captures_iter(&self.text).filter_map(|found| Some(found.get(1)?.as_str().to_owned()));
            if let Some(name) = found.into_iter().find(|name| is_name(name) && !is_verb(name)) {
                return Some(name);
            }
        }
        None
    }

    /// The number that stands before one of these words: `3 replicas`.
    pub(super) fn count(&self, words: &[&str]) -> Option<u64> {
        words.iter().filter(|word| self.mentions(word)).find_map(|word| {
            let before = compiled(format!(r"(?i)(?:^|[\s(])(\d+)\s+(?:[a-z]\w*\s+){{0,2}}{}\b", regex::escape(word)))?;
            before.captures(&self.text)?.get(1)?.as_str().parse().ok()
        })
    }

    /// The number that stands after a word: `revision 3`.
    pub(super) fn number_after(&self, word: &str) -> Option<u64> {
        let after = compiled(format!(r"(?i)\b{}\s+(?:number\s+)?(\d{{1,9}})\b", regex::escape(word)))?;
        after.captures(&self.text)?.get(1)?.as_str().parse().ok()
    }

    /// A duration that the text names, as documents write it.
    pub(super) fn duration(&self) -> Option<String> {
        if let Some(found) =
            COMPOUND.find(&self.text).filter(|it| partita_core::time::parse_duration(it.as_str()).is_ok())
        {
            return Some(found.as_str().to_lowercase());
        }
        let found = DURATION.captures(&self.text)?;
        let unit = found.get(2)?.as_str().to_lowercase();
        let unit = match unit.as_str() {
            "ms" => "ms",
            unit if unit.starts_with("milli") => "ms",
            unit if unit.starts_with('s') => "s",
            unit if unit.starts_with('m') => "m",
            unit if unit.starts_with('h') => "h",
            unit if unit.starts_with('w') => "w",
            _ => "d",
        };
        let duration = format!("{}{unit}", found.get(1)?.as_str());
        partita_core::time::parse_duration(&duration).is_ok().then_some(duration)
    }

    /// A duration in whole days.
    pub(super) fn days(&self) -> Option<u64> {
        let span = partita_core::time::parse_duration(&self.duration()?).ok()?;
        (span >= 86_400_000).then_some(span / 86_400_000)
    }

    /// How often something is to be tried, when the text says so.
    pub(super) fn times(&self) -> Option<u32> {
        let found = TIMES.captures(&self.text)?;
        let word = found.get(1).or_else(|| found.get(2))?.as_str().to_lowercase();
        Some(match word.as_str() {
            "one" | "once" => 1,
            "two" | "twice" => 2,
            "three" | "thrice" => 3,
            "four" => 4,
            "five" => 5,
            "six" => 6,
            "seven" => 7,
            "eight" => 8,
            "nine" => 9,
            "ten" => 10,
            number => number.parse().ok().filter(|count| (1..=100).contains(count))?,
        })
    }

    /// The path that follows one of these words: `to /tmp/report.txt`.
    pub(super) fn path_after(&self, words: &[&str]) -> Option<String> {
        self.paths.iter().find(|path| words.iter().any(|word| self.follows(word, path))).cloned()
    }

    fn follows(&self, word: &str, path: &str) -> bool {
        // `/tmp/a` is no part of `/tmp/a.zip`.
        let goes_on = |at: usize| {
            let mut rest = self.text[at + path.len()..].chars();
            let next = rest.next();
            next.is_some_and(|it| it.is_alphanumeric() || matches!(it, '/' | '-' | '_'))
                || next == Some('.') && rest.next().is_some_and(char::is_alphanumeric)
        };
        let found = self.text.match_indices(path).map(|(at, _)| at).find(|at| !goes_on(*at));
        let Some(at) = found else { return false };
        let before = self.text[..at].trim_end_matches(['"', '\'', '`']).trim_end().to_lowercase();
        let before = ["the file", "a file", "file", "directory", "folder", "path", "the"]
            .iter()
            .fold(before, |before, filler| {
                before.strip_suffix(filler).map(|rest| rest.trim_end().to_owned()).unwrap_or(before)
            });
        super::sentence::has_word(&before, word) && before.ends_with(word)
    }
}

/// A pattern for one of the words above; each is compiled once.
pub(super) fn compiled(pattern: String) -> Option<Regex> {
    static KNOWN: LazyLock<Mutex<HashMap<String, Regex>>> = LazyLock::new(Mutex::default);
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(regex) = known.get(&pattern) {
        return Some(regex.clone());
    }
    let regex = Regex::new(&pattern).ok()?;
    // Names of parameters come from callers, so the memory has a bound.
    if known.len() < 1024 {
        known.insert(pattern, regex.clone());
    }
    Some(regex)
}

pub(super) fn is_name(name: &str) -> bool {
    let lower = name.to_lowercase();
    !COMMON.contains(&lower.as_str()) && lower.chars().any(|character| character.is_ascii_alphabetic())
}

pub(super) fn is_verb(name: &str) -> bool {
    let verbs = [
        "restart", "deploy", "check", "backup", "build", "push", "test", "run", "scale", "stop", "start", "monitor",
        "roll", "install", "update", "upgrade", "release", "ship", "set", "up", "verify", "dump", "create", "delete",
        "renew", "watch", "ping", "reload", "get", "list", "show", "clean", "prune", "rotate",
    ];
    verbs.contains(&name.to_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(text: &str) -> Facts {
        Facts::read(text, &Map::new())
    }

    #[test]
    fn what_is_said_is_found() {
        let found = facts(
            "back up /var/lib/app to /backups/app, keep 7 copies; mail ops@example.com and tell #ops at https://x.example.com/y.",
        );
        assert_eq!(found.paths, ["/var/lib/app", "/backups/app"]);
        assert_eq!(found.path_after(&["to"]), Some("/backups/app".to_owned()));
        assert_eq!(found.count(&["copies"]), Some(7));
        assert_eq!((found.emails, found.channels), (vec!["ops@example.com".to_owned()], vec!["ops".to_owned()]));
        assert_eq!(found.urls, ["https://x.example.com/y"]);
        let found = facts(
            "deploy registry.example.com/shop/web:v2.1.0 to namespace shop, wait 5 minutes, retry three times at 85.5%",
        );
        assert_eq!(found.images, ["registry.example.com/shop/web:v2.1.0"]);
        assert_eq!(found.named(&["namespace"]), Some("shop".to_owned()));
        assert_eq!(
            (found.duration(), found.times(), found.percents.clone()),
            (Some("5m".to_owned()), Some(3), vec![85])
        );
        assert_eq!(facts("restart the checkout service").named_before(&["service"]), Some("checkout".to_owned()));
        assert_eq!(facts("restart the service").named_before(&["service"]), None);
        assert_eq!(facts("write it to the file report.txt").path_after(&["to"]), Some("report.txt".to_owned()));
        assert_eq!(facts("run `make test` in /srv/app").commands, ["make test"]);
        assert_eq!(facts("delete logs older than 2 weeks").days(), Some(14));
    }
}
