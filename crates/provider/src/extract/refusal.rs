//! Answers in words alone that say no.

use partita_core::Diagnostic;

/// How models begin when they decline.
const BEGINNINGS: [&str; 12] = [
    "i can't",
    "i cannot",
    "i can not",
    "i'm sorry",
    "i am sorry",
    "sorry",
    "i'm unable",
    "i am unable",
    "i'm not able",
    "i won't",
    "i will not",
    "as an ai",
];
/// What of a refusal is shown.
const SHOWN_CHARS: usize = 200;

/// The refusal that a text is, if it is one.
pub(super) fn of(text: &str) -> Option<Diagnostic> {
    let plain: String = text.chars().take(64).map(|letter| if letter == '’' { '\'' } else { letter }).collect();
    let plain = plain.to_lowercase();
    let is_one = BEGINNINGS.iter().any(|beginning| plain.starts_with(beginning));
    let words: Vec<&str> = text.split_whitespace().collect();
    let shown: String = words.join(" ").chars().take(SHOWN_CHARS).collect();
    is_one.then(|| {
        Diagnostic::error("declined", "", format!("the model declines: {shown}"))
            .help("say the task in other words, or ask another model")
    })
}
