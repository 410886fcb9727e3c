//! A task as clauses in their order: what stands in quotes is never cut.

/// What stands between two clauses.
const BETWEEN: [&str; 12] = [
    ", and then ",
    " and then ",
    ", then ",
    " then ",
    " and finally ",
    ", finally ",
    " after that ",
    ", afterwards ",
    " and afterwards ",
    "; ",
    ". ",
    "\n",
];
/// Longest task that is looked at, in clauses.
const CLAUSES_MAX: usize = 50;

/// Cuts a task into clauses.
pub(super) fn of(task: &str) -> Vec<String> {
    let mut clauses = vec![task.to_owned()];
    for between in BETWEEN {
        clauses = clauses.iter().flat_map(|clause| cut(clause, between)).collect();
    }
    clauses.iter().map(|clause| trimmed(clause)).filter(|clause| !clause.is_empty()).take(CLAUSES_MAX).collect()
}

/// Cuts at ` and ` (or a comma), for when both sides turn out to be clauses.
pub(super) fn halves(clause: &str) -> Vec<(String, String)> {
    [" and ", ", "]
        .into_iter()
        .flat_map(|between| {
            places(clause, between)
                .into_iter()
                .map(move |at| (trimmed(&clause[..at]), trimmed(&clause[at + between.len()..])))
        })
        .collect()
}

fn trimmed(clause: &str) -> String {
    let clause = clause.trim().trim_end_matches(['.', ',', ';', '!']).trim();
    // `1.` and `-` of a list.
    let bare = clause.trim_start_matches(|character: char| character.is_ascii_digit());
    let clause = if bare.len() < clause.len() && bare.starts_with(['.', ')']) { &bare[1..] } else { clause };
    let clause = clause.trim_start_matches(['-', '*']).trim();
    ["first, ", "first ", "then ", "finally, ", "finally ", "please "]
        .into_iter()
        .find_map(|word| {
            clause.get(..word.len()).filter(|start| start.eq_ignore_ascii_case(word)).map(|_| &clause[word.len()..])
        })
        .unwrap_or(clause)
        .to_owned()
}

fn cut(text: &str, between: &str) -> Vec<String> {
    let mut parts = Vec::new();
    let mut from = 0;
    for at in places(text, between) {
        parts.push(text[from..at].to_owned());
        from = at + between.len();
    }
    parts.push(text[from..].to_owned());
    parts
}

/// Where a text stands in another, outside of quotes and in any case.
fn places(text: &str, between: &str) -> Vec<usize> {
    let mut places = Vec::new();
    let mut quote = None;
    let mut before = ' ';
    let mut skip = 0;
    for (at, character) in text.char_indices() {
        match quote {
            Some(open) if character == open => quote = None,
            None if matches!(character, '"' | '`') => quote = Some(character),
            // An apostrophe inside a word opens nothing.
            None if character == '\'' && !before.is_alphanumeric() => quote = Some(character),
            _ => {}
        }
        before = character;
        let is_here = text.get(at..at + between.len()).is_some_and(|part| part.eq_ignore_ascii_case(between));
        if quote.is_none() && at >= skip && is_here {
            places.push(at);
            skip = at + between.len();
        }
    }
    places
}
