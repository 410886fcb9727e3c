//! Phrases that say how often or when: `for each of a, b and c`, `every day at 3am`.

use std::sync::LazyLock;

use regex::Regex;

fn pattern(text: &str) -> Regex {
    #[expect(clippy::expect_used, reason = "the patterns are constants, and a test goes through them all")]
    Regex::new(text).expect("a valid pattern")
}

static EACH: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)\b(?:for\s+each|for\s+every|on\s+each|for\s+all)\s+(?:of\s+)?(?:the\s+)?(?:(?:services?|hosts?|items?|names?|apps?|files?|directories|databases)\s+)?(?:in\s+|of\s+|named\s+)?[:\[(]?\s*([\w.\-/:]+(?:\s*,\s*(?:and\s+)?[\w.\-/:]+|\s+and\s+[\w.\-/:]+)+)[\])]?\s*[:,]?",
    )
});

/// The items of a `for each`, and the text without it.
pub(super) fn for_each(text: &str) -> Option<(Vec<String>, String)> {
    let found = EACH.captures(text)?;
    let (whole, list) = (found.get(0)?, found.get(1)?);
    let items = list.as_str().split([',', ' ']).map(|item| item.trim_end_matches(':'));
    let mut items: Vec<String> =
        items.filter(|item| !item.is_empty() && !item.eq_ignore_ascii_case("and")).map(str::to_owned).collect();
    items.dedup();
    let rest = format!("{} {}", &text[..whole.start()], &text[whole.end()..]);
    Some((items, rest.trim().to_owned()))
}

static EVERY: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)\b(?:every\s+(\d+)\s+(minutes?|hours?)|every\s+(minute|hour|day|night|week|month|monday|tuesday|wednesday|thursday|friday|saturday|sunday)|(hourly|daily|nightly|weekly|monthly))\b(?:\s+at\s+(\d{1,2})(?::(\d{2}))?\s*(am|pm)?)?",
    )
});

/// When a text wants to be done again and again: as a cron phrase, with the words that say so.
pub(super) fn schedule(text: &str) -> Option<(String, String)> {
    let found = EVERY.captures(text)?;
    let word = |group: usize| found.get(group).map(|it| it.as_str().to_lowercase());
    let said = found.get(0)?.as_str().trim().to_owned();
    if let (Some(number), Some(unit)) = (word(1), word(2)) {
        let number: u32 = number.parse().ok()?;
        let cron = match unit.starts_with('m') {
            true if (1..60).contains(&number) => format!("*/{number} * * * *"),
            false if (1..24).contains(&number) => format!("0 */{number} * * *"),
            _ => return None,
        };
        return Some((cron, said));
    }
    let (hour, minute) = time_of_day(word(5), word(6), word(7))?;
    let days = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];
    let cron = match word(3).or_else(|| word(4))?.as_str() {
        "minute" => "* * * * *".to_owned(),
        "hour" | "hourly" => format!("{minute} * * * *"),
        "week" | "weekly" => format!("{minute} {hour} * * 1"),
        "month" | "monthly" => format!("{minute} {hour} 1 * *"),
        day => match days.iter().position(|name| *name == day) {
            Some(number) => format!("{minute} {hour} * * {number}"),
            None => format!("{minute} {hour} * * *"),
        },
    };
    Some((cron, said))
}

fn time_of_day(hour: Option<String>, minute: Option<String>, half: Option<String>) -> Option<(u32, u32)> {
    let hour: u32 = hour.map_or(Some(0), |hour| hour.parse().ok())?;
    let minute: u32 = minute.map_or(Some(0), |minute| minute.parse().ok())?;
    let hour = match half.as_deref() {
        Some("pm") if hour < 12 => hour + 12,
        Some("am") if hour == 12 => 0,
        _ => hour,
    };
    (hour < 24 && minute < 60).then_some((hour, minute))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_found() {
        let check = |text: &str, items: &[&str], rest: &str| {
            let found = for_each(text).unwrap();
            assert_eq!(
                (found.0.iter().map(String::as_str).collect::<Vec<_>>(), found.1.as_str()),
                (items.to_vec(), rest)
            );
        };
        check("For each of api, web and worker run `echo hi`", &["api", "web", "worker"], "run `echo hi`");
        check("for each service in a, b, c: restart it", &["a", "b", "c"], "restart it");
        check("restart the service for each of nginx and redis", &["nginx", "redis"], "restart the service");
        assert_eq!(for_each("for each item of a list"), None);
    }

    #[test]
    fn times_are_found() {
        let check =
            |text: &str, cron: Option<&str>| assert_eq!(schedule(text).map(|it| it.0).as_deref(), cron, "{text}");
        check("Every day at 3am back up /etc", Some("0 3 * * *"));
        check("check the disk every 15 minutes", Some("*/15 * * * *"));
        check("weekly", Some("0 0 * * 1"));
        check("every friday at 17:30", Some("30 17 * * 5"));
        check("hourly", Some("0 * * * *"));
        check("daily at 25:00", None);
        check("every service", None);
    }
}
