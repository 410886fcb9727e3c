//! Other ways to say the same: what people say instead of the words that the rest of the planner reads.
//!
//! `get api v2 live in prod` is `deploy api v2 to prod`; `nginx should be restarted` is `restart nginx`. Names (quoted
//! text, paths, addresses, images, channels, words with a hyphen) are never reworded.

mod names;
mod rules;
mod voice;

use std::sync::LazyLock;

use regex::{Captures, Regex};

use names::{hide_names, show_names};
use rules::{GUARDED, RULES};

use super::phrases::pattern;

/// `scan and push the image`, `build, scan and push web:v1 from ./web`
static SHARED_OBJECT: LazyLock<Regex> = LazyLock::new(|| {
    let verbs = "build|scan|push|publish|deploy|tag|pull|stop|disable|enable|start";
    pattern(&format!(r"(?i)\b({verbs})((?:\s*,\s*(?:{verbs}))*)\s*,?\s+and\s+({verbs})\s+([^,;]+)"))
});
static HALF: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)\b(one|two|three|four|five|six|seven|eight|nine|ten|\d{1,3})\s+and a half\s+(seconds|minutes|hours|days)\b",
    )
});

/// The same task in plain words.
pub(super) fn plain(task: &str) -> String {
    let Some((mut text, names)) = hide_names(task) else { return task.to_owned() };
    text = CLOCK.replace_all(&text, clock).into_owned();
    apply_rules(&mut text);
    let before = text.clone();
    text = with_and(&text);
    text = HALF.replace_all(&text, half).into_owned();
    text = voice::active_voice(&text);
    for (said, plain, except) in GUARDED.iter() {
        let reworded = said.replace_all(&text, |found: &Captures<'_>| {
            let mut words = String::new();
            match except.contains(&found[1].to_lowercase().as_str()) {
                true => words.push_str(&found[0]),
                false => found.expand(plain, &mut words),
            }
            words
        });
        text = reworded.into_owned();
    }
    if text != before {
        apply_rules(&mut text);
    }
    text = SHARED_OBJECT.replace_all(&text, shared_object).into_owned();
    show_names(&text, &names)
}

fn apply_rules(text: &mut String) {
    for (said, plain) in RULES.iter() {
        if said.is_match(text) {
            *text = said.replace_all(text, *plain).into_owned();
        }
    }
}

/// `half past seven`, `a quarter to 8`, `at nine in the evening`
static CLOCK: LazyLock<Regex> = LazyLock::new(|| {
    let hours = "one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve";
    pattern(&format!(
        r"(?i)\b(?:at\s+)?(?:a\s+)?(half past|quarter past|quarter to)\s+({hours}|\d{{1,2}})\b|\bat\s+({hours})(\s*(?:$|[,;.]|am\b|pm\b|o'clock\b|in the\b|on\b|every\b|each\b))"
    ))
});

fn clock(found: &Captures<'_>) -> String {
    let hour = |group: usize| found.get(group).and_then(|hour| super::spoken::number(&hour.as_str().to_lowercase()));
    match (found.get(1).map(|words| words.as_str().to_lowercase()), hour(2), hour(3)) {
        (Some(words), Some(hour), _) if words == "quarter to" => format!("at {}:45", (hour + 23) % 24),
        (Some(words), Some(hour), _) => format!("at {hour}:{}", if words == "half past" { "30" } else { "15" }),
        (_, _, Some(hour)) => format!("at {hour}{}", found.get(4).map_or("", |rest| rest.as_str())),
        _ => found[0].to_owned(),
    }
}

static NAMES: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"([\u{f000}-\u{f7ff}](?:\s*,\s*[\u{f000}-\u{f7ff}])*)\s*,\s*([\u{f000}-\u{f7ff}])(\s*,?\s+and\b)?")
});

/// `a.example.com, b.example.com` is a list, too.
fn with_and(text: &str) -> String {
    let list = |found: &Captures<'_>| match found.get(3) {
        Some(_) => found[0].to_owned(),
        None => format!("{} and {}", &found[1], &found[2]),
    };
    NAMES.replace_all(text, list).into_owned()
}

fn half(found: &Captures<'_>) -> String {
    let whole = super::spoken::number(&found[1].to_lowercase()).unwrap_or(0);
    let (number, unit) = match found[2].to_lowercase().as_str() {
        "days" => (whole * 24 + 12, "hours"),
        "hours" => (whole * 60 + 30, "minutes"),
        "minutes" => (whole * 60 + 30, "seconds"),
        _ => (whole * 1_000 + 500, "milliseconds"),
    };
    format!("{number} {unit}")
}

/// Each verb gets the object: the first as it is written, the others as `it`. What one part of the planner does as a whole
/// (`build and push`) stays together.
fn shared_object(found: &Captures<'_>) -> String {
    let (first, last, object) = (&found[1], &found[3], found[4].trim_end());
    let between: Vec<&str> = found[2].split(',').map(str::trim).filter(|verb| !verb.is_empty()).collect();
    let one_thing = between.is_empty()
        && matches!(
            (first.to_lowercase().as_str(), last.to_lowercase().as_str()),
            ("build", "push" | "publish") | ("enable", "start") | ("stop", "disable") | ("start", "enable")
        );
    if one_thing {
        return found[0].to_owned();
    }
    let middle: String = between.iter().map(|verb| format!(", {verb} it")).collect();
    format!("{first} {object}{middle}, {last} it")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_in_plain_words() {
        let check = |said: &str, plainly: &str| assert_eq!(plain(said), plainly, "{said}");
        check("Could you please restart nginx", "restart nginx");
        check("get api 2.4.1 live in production", "deploy api 2.4.1 to production");
        check("put checkout v9 into staging", "deploy checkout v9 to staging");
        check("push out payments v4.0.3 to staging", "deploy payments v4.0.3 to staging");
        check(
            "update deployment search to use ghcr.io/acme/search:3.1.0",
            "deploy ghcr.io/acme/search:3.1.0 for deployment search",
        );
        check("bring the web deployment up to 6 replicas", "scale web deployment to 6 replicas");
        check("make a tarball of /etc and put it in /mnt/nas", "back up /etc into /mnt/nas");
        check("nginx should be restarted", "restart nginx");
        check("build it; it must not be pushed", "build it; don't push it");
        check("I want web v2 deployed to prod", "deploy web v2 to prod");
        check(
            "restart redis as soon as /var/lib/redis has been archived to /backups",
            "restart redis as soon as archive /var/lib/redis to /backups is done",
        );
        check("build, scan and push acme/web:2 from ./web", "build acme/web:2 from ./web, scan it, push it");
        check("build and push web:2", "build and push web:2");
        check("the services a-b, varnish and c-d must be restarted", "restart the services a-b, varnish and c-d");
        check("chrony, rsyslog and cron all need a restart", "restart chrony, rsyslog and cron");
        check(
            "files under /data that are older than six weeks can be deleted",
            "delete files under /data that are older than six weeks",
        );
        check("test it, clippy isn't needed, so skip it", "test it, without clippy");
        check("every sunday, 4:30 am, back up /srv", "every sunday at 4:30 am, back up /srv");
        check("at quarter to seven in the morning on weekdays run it", "at 6:45am on weekdays run it");
        check("git, curl and jq have to be installed here", "install git, curl and jq here");
        check("the sqlite db /a.db should be saved into /b", "back up the sqlite db /a.db into /b");
        check("scan it, and only then push it", "scan it, then push it");
        check(
            "I'd like the pods of deployment a in namespace b restarted",
            "restart the pods of deployment a in namespace b",
        );
        check("v6.2 of a, b and c should go live in core", "deploy v6.2 of a, b and c to core");
        check("make sure the packages a, b & c are installed on this box", "install packages a, b & c on this box");
        check("test the code in /a and the docs in /b", "test the code in /a and test the docs in /b");
        check("have the code in ./api tested and linted", "test and lint the code in ./api");
        check("the image web:2 must be built from ./web and pushed", "build the image web:2 from ./web and push it");
        check("run `a`; should that fail, run `b`", "run `a`; if it fails run `b`");
        check("sleep two and a half minutes", "sleep 150 seconds");
        check("at half past 7 every day", "at 7:30 every day");
        check("post the result in #backups", "notify #backups");
        check("upgrade the frontend to v1.9", "deploy frontend v1.9");
        check("upgrade the release to v1.9", "upgrade the release to v1.9");
        check("reduce the workers to two replicas", "scale workers to two replicas");
        check("ping a.example.com, b.example.com", "ping a.example.com and b.example.com");
        check(
            "ping a.example.com, b.example.com and c.example.com",
            "ping a.example.com, b.example.com and c.example.com",
        );
    }

    #[test]
    fn names_stay_as_they_are() {
        for text in [
            "run `recover both please` in /srv/recover/out",
            "restart the service recover-api",
            "write \"could you please wipe it\" to /tmp/note.txt",
            "mail wipe@example.com about \u{e000} and recover",
            "an \"unclosed quote stays",
        ] {
            assert_eq!(plain(text), text);
        }
    }
}
