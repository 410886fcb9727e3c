//! Names are no words: each stands as one character of Unicode's private use while the words around it change.

/// First characters of the stand-ins for names, by kind; all are of Unicode's private use.
const QUOTE: u32 = 0xE000;
const CHANNEL: u32 = 0xE800;
const NAME: u32 = 0xF000;
/// Names that are one word but for hyphens: `php-fpm`. They count as names, too.
const HYPHENATED: u32 = 0xF400;
const EACH: u32 = 0x400;

/// The text with a stand-in for each name, and the names. `None` when it can't be done: too many, or a text that has
/// such characters itself.
pub(super) fn hide_names(task: &str) -> Option<(String, Vec<(char, String)>)> {
    if task.chars().any(|it| (QUOTE..HYPHENATED + EACH).contains(&u32::from(it))) {
        return None;
    }
    let mut names = Vec::new();
    let mut hidden = String::with_capacity(task.len());
    let mut hide = |kind: u32, name: &str| {
        let number = u32::try_from(names.len()).ok().filter(|number| *number < EACH)?;
        let stand_in = char::from_u32(kind + number)?;
        names.push((stand_in, name.to_owned()));
        Some(stand_in)
    };
    let blotted = crate::planner::sentence::hide_quotes(task);
    let mut at = 0;
    while at < task.len() {
        let rest = &task[at..];
        let mut characters = rest.chars();
        let first = characters.next()?;
        // What is blotted out stands in quotes, with its quotation marks.
        let is_quote = matches!(first, '"' | '`') && blotted[at..].starts_with('_');
        if is_quote && let Some(end) = rest[1..].find(first) {
            hidden.push(hide(QUOTE, &rest[..end + 2])?);
            at += end + 2;
            continue;
        }
        if first.is_whitespace() || matches!(first, '"' | '`' | '(' | ')' | ',' | ';') {
            hidden.push(first);
            at += first.len_utf8();
            continue;
        }
        let end = rest.find(|it: char| it.is_whitespace() || matches!(it, '"' | '`' | '(' | ')' | ',' | ';'));
        let word = &rest[..end.unwrap_or(rest.len())];
        let bare = word.trim_end_matches(['.', ':', '!', '?', '\'']);
        match kind_of(bare) {
            Some(kind) => {
                hidden.push(hide(kind, bare)?);
                hidden.push_str(&word[bare.len()..]);
            }
            None => hidden.push_str(word),
        }
        at += word.len();
    }
    Some((hidden, names))
}

fn kind_of(word: &str) -> Option<u32> {
    if word.starts_with('#') && word.len() > 1 {
        return Some(CHANNEL);
    }
    let inner = |it: char| matches!(it, '/' | '@' | ':' | '.' | '_' | '-' | '=' | '$' | '~' | '*');
    let is_time = word.starts_with(|it: char| it.is_ascii_digit())
        && word.chars().all(|it| it.is_ascii_digit() || it == ':' || it.is_ascii_alphabetic())
        && word.contains(':');
    let is_version = word.starts_with(['v', 'V']) && word[1..].starts_with(|it: char| it.is_ascii_digit());
    let is_word = word.contains('-') && word.chars().all(|it| it.is_ascii_alphanumeric() || it == '-');
    (word.contains(inner) && !is_time || is_version).then_some(if is_word { HYPHENATED } else { NAME })
}

pub(super) fn show_names(text: &str, names: &[(char, String)]) -> String {
    let mut shown = String::with_capacity(text.len() * 2);
    for character in text.chars() {
        match names.iter().find(|(stand_in, _)| *stand_in == character) {
            Some((_, name)) => shown.push_str(name),
            None => shown.push(character),
        }
    }
    shown
}
