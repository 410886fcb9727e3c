//! Phrases that say how often or when: `for each of a, b and c`, `every day at 3am`.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

pub(super) fn pattern(text: &str) -> Regex {
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

/// A list after one of these words: `restart the services nginx, redis and postgresql`; its items, and where it stands.
pub(super) fn list_after(text: &str, words: &[&str]) -> Option<(Vec<String>, Range<usize>)> {
    if words.is_empty() || !(text.contains('&') || text.to_lowercase().contains(" and ")) {
        return None;
    }
    let item = r#"(?:"[^"\n]+"|[A-Za-z0-9_@~/][A-Za-z0-9_@%+=:.*/-]*)"#;
    let words: Vec<String> = words.iter().map(|word| regex::escape(word)).collect();
    let kinds = "(?:the\\s+)?(?:(?:services?|databases?|dbs?|deployments?|images?|hosts?|directories|folders|certificates?|files?|units?|tables?|users?)\\s+)?(?:of\\s+)?(?:the\\s+)?";
    let text_of = format!(
        r"(?i)(?:^|\b)(?:{})\s+{kinds}({item}(?:\s*,\s*{item})*\s*,?\s*(?:\band\b|&|\+)\s*{item})",
        words.join("|")
    );
    let found = super::facts::compiled(text_of)?.captures(text)?.get(1)?;
    let separators = super::facts::compiled(r"\s*,\s*(?:and\s+)?|\s+and\s+|\s*&\s*|\s+\+\s+".to_owned())?;
    let clean = |item: &str| item.trim().trim_matches('"').trim_end_matches([',', '.']).to_owned();
    let items: Vec<String> = separators.split(found.as_str()).map(clean).collect();
    let ports = words.iter().any(|word| word == "ports");
    // `postgresql` is a name here, `the` and `it` never are.
    let no_names =
        ["the", "a", "an", "it", "them", "this", "that", "my", "our", "all", "not", "then", "is", "are", "of"];
    let is_item = |item: &String| {
        let is_name =
            item.contains(|it: char| it.is_ascii_alphabetic()) && !no_names.contains(&item.to_lowercase().as_str());
        let is_port = ports && item.len() <= 5 && item.bytes().all(|byte| byte.is_ascii_digit());
        (item.contains(['/', '.', ':']) || is_name || is_port)
            && !super::facts::is_verb(item)
            && !super::sentence::VERBS.contains(&item.as_str())
    };
    // Of three and more all but the first may be called like a verb: `gateway, search and billing`.
    let rest = if items.len() > 2 { &items[..1] } else { &items[..] };
    (items.len() > 1 && rest.iter().all(is_item)).then(|| (items, found.range()))
}

const DAYS: [&str; 7] = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];

static CRON: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r#"(?i)\b(?:cron|schedule|crontab)(?:\s+(?:is|of|expression|phrase))?\s*[:=]?\s*["'`]((?:[\d*/,-]+\s+){4}[\d*/,a-z-]+)["'`]\s*[:,]?"#,
    )
});
static EVERY: LazyLock<Regex> = LazyLock::new(|| {
    let time = r"\d{1,2}(?::\d{2})?(?:\s*(?:am|pm))?";
    let times = format!(r"at\s+({time}(?:(?:\s*,\s*|\s+and\s+){time})*)(?:\s*o'clock)?");
    let day = "(?:mon|tues|wednes|thurs|fri|satur|sun)day";
    let span = format!(
        r"(?:every|each)\s+(\d+|two|three|four|five|six|eight|ten|twelve|fifteen|twenty|thirty)\s+(minutes?|hours?)|(?:on\s+)?(?:every|each)\s+(minute|hour|day|night|morning|evening|week|month|weekday|working day|{day}(?:(?:\s*,\s*|\s+and\s+)(?:every\s+|each\s+)?{day})*)|(hourly|daily|nightly|weekly|monthly)|(?:on\s+)(weekdays|workdays|working days|weekends|{day}s(?:(?:\s*,\s*|\s+and\s+)(?:on\s+)?{day}s)*)|(?:on\s+)?the\s+(?:(first)|(\d{{1,2}})(?:st|nd|rd|th))(?:\s+day)?\s+of\s+(?:every|each|the)\s+month|(?:twice|two times|\d times)\s+(?:a|per)\s+(day)"
    );
    pattern(&format!(r"(?i)\b(?:{times}\s*,?\s+)?(?:{span})\b(?:\s*,?\s+{times})?\s*[,:]?"))
});

/// A time of day that stands away from the word that says how often: `a daily backup of /srv at 1:30am`.
static APART: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?i)\bat\s+(\d{1,2}:\d{2}(?:\s*(?:am|pm))?|\d{1,2}\s*(?:am|pm))\b\s*[,:]?"));

/// When a text wants to be done again and again: as a cron phrase, with the words that say so.
pub(super) fn schedule(text: &str) -> Option<(String, Vec<String>)> {
    if let Some(found) = CRON.captures(text) {
        let cron = found.get(1)?.as_str().split_whitespace().collect::<Vec<_>>().join(" ");
        return Some((cron, vec![found.get(0)?.as_str().trim().to_owned()]));
    }
    // What stands in quotes is a value, and no time.
    let hidden = super::sentence::hide_quotes(text);
    // `web:nightly` and `/srv/daily` are names.
    let in_name = |at: usize| hidden[..at].ends_with([':', '/', '-', '.', '#', '@', '_']);
    let found = EVERY.captures_iter(&hidden).find(|found| found.get(0).is_some_and(|whole| !in_name(whole.start())))?;
    let word = |group: usize| found.get(group).map(|it| it.as_str().to_lowercase());
    let mut said = vec![found.get(0)?.as_str().trim().to_owned()];
    if let (Some(number), Some(unit)) = (word(2), word(3)) {
        let number: u32 = super::spoken::number(&number)?;
        let cron = match unit.starts_with('m') {
            true if (1..60).contains(&number) => format!("*/{number} * * * *"),
            false if (1..24).contains(&number) => format!("0 */{number} * * *"),
            _ => return None,
        };
        return Some((cron, said));
    }
    let mut time = word(10).or_else(|| word(1));
    if time.is_none() && word(4).is_none_or(|unit| unit != "minute" && unit != "hour") {
        let apart = APART.captures(&hidden);
        time = apart.as_ref().map(|apart| apart[1].to_lowercase());
        said.extend(apart.map(|apart| apart[0].trim().to_owned()));
    }
    let (minute, hour) = times_of_day(time.as_deref())?;
    let cron = if word(7).is_some() {
        format!("{minute} {hour} 1 * *")
    } else if let Some(day) = word(8) {
        let day: u32 = day.parse().ok().filter(|day| (1..=31).contains(day))?;
        format!("{minute} {hour} {day} * *")
    } else {
        let unit = word(4).or_else(|| word(5)).or_else(|| word(6)).or_else(|| word(9))?;
        match unit.as_str() {
            "minute" => "* * * * *".to_owned(),
            "hour" | "hourly" => format!("{minute} * * * *"),
            "week" | "weekly" => format!("{minute} {hour} * * 1"),
            "month" | "monthly" => format!("{minute} {hour} 1 * *"),
            "weekday" | "weekdays" | "workdays" | "working day" | "working days" => format!("{minute} {hour} * * 1-5"),
            "weekends" => format!("{minute} {hour} * * 6,0"),
            "morning" if hour == "0" => format!("{minute} 6 * * *"),
            "evening" if hour == "0" => format!("{minute} 18 * * *"),
            days => match numbers_of_days(days) {
                Some(numbers) => format!("{minute} {hour} * * {numbers}"),
                None => format!("{minute} {hour} * * *"),
            },
        }
    };
    Some((cron, said))
}

/// `mondays and thursdays` are `1,4`; `day` is none of them.
fn numbers_of_days(text: &str) -> Option<String> {
    let words = text.split([',', ' ']).filter(|word| !["", "and", "on", "every", "each"].contains(word));
    let number = |word: &str| DAYS.iter().position(|name| *name == word.trim_end_matches('s'));
    let mut numbers = words.map(number).collect::<Option<Vec<usize>>>()?;
    numbers.sort_unstable();
    numbers.dedup();
    Some(numbers.iter().map(usize::to_string).collect::<Vec<_>>().join(","))
}

/// `8:00 and 20:00`: the minute, and the hours. Midnight when nothing is said; several times need the same minute.
fn times_of_day(text: Option<&str>) -> Option<(u32, String)> {
    let Some(text) = text else { return Some((0, "0".to_owned())) };
    let (mut minutes, mut hours) = (Vec::new(), Vec::new());
    for time in text.replace(" and ", ",").split(',').map(str::trim).filter(|time| !time.is_empty()) {
        let number = time.trim_end_matches(|character: char| character.is_alphabetic() || character.is_whitespace());
        let half = time[number.len()..].trim();
        let (hour, minute) = number.split_once(':').map_or((number, None), |(hour, minute)| (hour, Some(minute)));
        let half = (!half.is_empty()).then(|| half.to_owned());
        let (hour, minute) = time_of_day(Some(hour.trim().to_owned()), minute.map(str::to_owned), half)?;
        hours.push(hour.to_string());
        minutes.push(minute);
    }
    minutes.dedup();
    match minutes.as_slice() {
        [minute] => Some((*minute, hours.join(","))),
        _ => None,
    }
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
        check("Each Monday at 9 am check it", Some("0 9 * * 1"));
        check("On weekdays at 18:00 scale it", Some("0 18 * * 1-5"));
        check("cron \"0 4 * * 0\": clean up", Some("0 4 * * 0"));
        check("On the first of every month at 6:00 dump it", Some("0 6 1 * *"));
        check("twice a day, at 8:00 and 20:00, check it", Some("0 8,20 * * *"));
        check("nightly at 1am archive it", Some("0 1 * * *"));
        check("at 02:15 each night dump it", Some("15 2 * * *"));
        check("archive it at 3am every day", Some("0 3 * * *"));
        check("run it on mondays and thursdays at 7:30", Some("30 7 * * 1,4"));
        check("a daily backup of /srv at 1:30am", Some("30 1 * * *"));
        check("every friday, saturday and sunday at 8", Some("0 8 * * 0,5,6"));
        check("write \"every day at 3\" to a file", None);
        check("push web:nightly to /srv/daily", None);
        check("every service", None);
    }
}
