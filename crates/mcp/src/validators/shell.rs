//! The commands in a shell text, as far as they can be told without a shell, and its here-documents.

/// A command: its words, and the here-documents it reads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Command {
    pub(super) words: Vec<String>,
    pub(super) input: Option<String>,
}

/// Splits a text into commands. Pipes, `&&`, `;` and newlines separate; a here-document belongs to the last
/// command of its line that asked for it.
pub(super) fn commands(text: &str) -> Vec<Command> {
    let mut all = Vec::new();
    let mut lines = text.lines();
    while let Some(first) = lines.next() {
        let mut line = first.to_owned();
        while line.ends_with('\\') {
            line.pop();
            line.push_str(lines.next().unwrap_or_default());
        }
        let mut found = split(&line);
        for command in &mut found {
            let Some((end, is_indented)) = here_document(&mut command.words) else { continue };
            let mut body = String::new();
            for line in lines.by_ref() {
                let line = if is_indented { line.trim_start_matches('\t') } else { line };
                if line.trim_end() == end {
                    break;
                }
                body.push_str(line);
                body.push('\n');
            }
            command.input = Some(body);
        }
        share_input(&mut found, &line);
        all.extend(found.into_iter().filter(|command| !command.words.is_empty()));
    }
    all
}

/// `cat <<EOF | kubectl apply -f -`: what is read first is read by the one after the pipe, too.
fn share_input(found: &mut [Command], line: &str) {
    if !line.contains('|') {
        return;
    }
    for at in 1..found.len() {
        if found[at].input.is_none() && found[at - 1].words.first().is_some_and(|word| word == "cat" || word == "echo")
        {
            found[at].input = found[at - 1].input.take();
        }
    }
}

/// Takes `<<EOF` out of the words: the word that ends the document, and whether tabs are stripped.
fn here_document(words: &mut Vec<String>) -> Option<(String, bool)> {
    let at = words.iter().position(|word| word.starts_with("<<") && !word.starts_with("<<<"))?;
    let word = words.remove(at);
    let is_indented = word.starts_with("<<-");
    let mut end = word.trim_start_matches("<<").trim_start_matches('-').to_owned();
    if end.is_empty() {
        end = if at < words.len() { words.remove(at) } else { return None };
    }
    Some((end, is_indented))
}

/// The commands of one line.
fn split(line: &str) -> Vec<Command> {
    let mut all = vec![Command::default()];
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut characters = line.chars().peekable();
    while let Some(character) = characters.next() {
        match (quote, character) {
            (Some(open), _) if character == open => quote = None,
            (Some(_), _) => word.get_or_insert_default().push(character),
            (None, '\'' | '"') => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            (None, '\\') => word.get_or_insert_default().extend(characters.next()),
            (None, '#') if word.is_none() => break,
            (None, '$') if characters.peek() == Some(&'{') => {
                // A reference is one item, whatever is in it.
                let place = word.get_or_insert_default();
                place.push('$');
                for inside in characters.by_ref() {
                    place.push(inside);
                    if inside == '}' {
                        break;
                    }
                }
            }
            (None, ';' | '|' | '&' | '(' | ')') => {
                end(&mut all, &mut word);
                all.push(Command::default());
            }
            (None, _) if character.is_whitespace() => end(&mut all, &mut word),
            (None, _) => word.get_or_insert_default().push(character),
        }
    }
    end(&mut all, &mut word);
    for command in &mut all {
        strip(&mut command.words);
    }
    all
}

fn end(all: &mut [Command], word: &mut Option<String>) {
    if let (Some(word), Some(command)) = (word.take(), all.last_mut()) {
        command.words.push(word);
    }
}

/// Takes off what stands before a program: assignments, `sudo`, `if`, `then` and their like.
fn strip(words: &mut Vec<String>) {
    const BEFORE: [&str; 11] = ["sudo", "time", "exec", "env", "if", "then", "else", "do", "while", "until", "!"];
    let is_before = |word: &String| {
        let is_assignment = word.split_once('=').is_some_and(|(name, _)| {
            !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        });
        is_assignment || BEFORE.contains(&word.as_str())
    };
    let count = words.iter().take_while(|word| is_before(word)).count();
    words.drain(..count);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        commands(text).iter().map(|command| command.words.join(" ")).collect()
    }

    #[test]
    fn commands_are_told_apart() {
        let text = "set -e\nA=1 sudo kubectl apply \\\n  -f 'a b.yaml' && helm list | grep x; echo \"a;b\" # c; d";
        assert_eq!(words(text), ["set -e", "kubectl apply -f a b.yaml", "helm list", "grep x", "echo a;b"]);
        assert_eq!(words("kubectl get ${NAME:-a b}"), ["kubectl get ${NAME:-a b}"]);
    }

    #[test]
    fn here_documents_belong_to_who_reads_them() {
        let found = commands("cat <<'EOF' | kubectl apply -n shop -f -\nkind: Pod\nEOF\nkubectl get pods");
        assert_eq!(found[1].words, ["kubectl", "apply", "-n", "shop", "-f", "-"]);
        assert_eq!(found[1].input.as_deref(), Some("kind: Pod\n"));
        assert_eq!(found[2].words, ["kubectl", "get", "pods"]);
        let found = commands("kubectl apply -f - <<- END\n\tkind: Pod\n\tEND\ntrue");
        assert_eq!(found[0].input.as_deref(), Some("kind: Pod\n"));
        assert_eq!(found[1].words, ["true"]);
        assert_eq!(commands("cat <<EOF\nnever closed").len(), 1);
    }
}
