//! Texts of strangers: control characters removed, length cut.

use serde_json::Value;

/// A text of one line, cut at a number of characters.
pub(crate) fn line(text: &str, chars_max: usize) -> String {
    let spaced = text.split_whitespace().collect::<Vec<_>>().join(" ");
    cut(&spaced.chars().filter(|character| is_fine(*character)).collect::<String>(), chars_max)
}

/// A text that may have lines, cut at a number of characters.
pub(crate) fn block(text: &str, chars_max: usize) -> String {
    cut(&kept(text), chars_max)
}

/// A text that may have lines, without its control characters.
pub(crate) fn kept(text: &str) -> String {
    if text.chars().all(|character| is_fine(character) || matches!(character, '\n' | '\t')) {
        return text.to_owned();
    }
    text.replace("\r\n", "\n")
        .chars()
        .filter(|character| is_fine(*character) || matches!(character, '\n' | '\t'))
        .collect()
}

/// The same in every string of a JSON value.
pub(crate) fn value(value: &mut Value) {
    match value {
        Value::String(text) => *text = kept(text),
        Value::Array(items) => items.iter_mut().for_each(self::value),
        Value::Object(entries) => entries.values_mut().for_each(self::value),
        _ => {}
    }
}

/// Neither a control character nor one that turns the direction of text, hides it or tags it: those show a
/// reader something else than a model reads.
fn is_fine(character: char) -> bool {
    let is_hidden = matches!(character, '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{2064}'
        | '\u{2066}'..='\u{2069}' | '\u{FEFF}' | '\u{E0000}'..='\u{E007F}');
    !character.is_control() && !is_hidden
}

fn cut(text: &str, chars_max: usize) -> String {
    match text.char_indices().nth(chars_max) {
        None => text.to_owned(),
        Some((at, _)) => format!("{}…", text[..at].trim_end()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_readers_would_not_see_is_removed() {
        assert_eq!(line("a\u{1b}[31mred\u{202e}\n  b\u{e0041}", 100), "a[31mred b");
        assert_eq!(block("one\r\ntwo\u{0}\tthree", 100), "one\ntwo\tthree");
        assert_eq!(line("ääää", 2), "ää…");
    }

    #[test]
    fn strings_deep_in_a_value_are_cleaned() {
        let mut dirty = serde_json::json!({"a": ["x\u{7}", {"b": "\u{200b}y"}]});
        value(&mut dirty);
        assert_eq!(dirty, serde_json::json!({"a": ["x", {"b": "y"}]}));
    }
}
