//! A chat in the order and grouping that every vendor takes: instructions apart, neighbours of one role
//! made one.

use super::port::{Message, ToolCall};

/// A chat, ready to be written in a vendor's words.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct History {
    pub(super) system: String,
    pub(super) turns: Vec<Turn>,
}

/// What one side says until the other speaks.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Turn {
    User(String),
    Assistant { text: String, calls: Vec<ToolCall> },
    Results(Vec<ToolResult>),
}

/// What a tool answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ToolResult {
    pub(super) call_id: String,
    pub(super) name: String,
    pub(super) content: String,
}

impl History {
    /// Sorts messages. Pieces of one assistant's turn are joined as they are, for they were cut out of
    /// one text; texts of users and instructions are texts of their own, with an empty line between.
    pub(super) fn of(messages: &[Message]) -> Self {
        let mut history = Self::default();
        for message in messages {
            match message {
                Message::System(text) => append(&mut history.system, text),
                Message::User(text) if text.is_empty() => {}
                Message::User(text) => match history.turns.last_mut() {
                    Some(Turn::User(before)) => append(before, text),
                    _ => history.turns.push(Turn::User(text.clone())),
                },
                Message::Assistant { text, calls } if text.is_empty() && calls.is_empty() => {}
                Message::Assistant { text, calls } => match history.turns.last_mut() {
                    Some(Turn::Assistant { text: before, calls: earlier }) => {
                        before.push_str(text);
                        earlier.extend(calls.iter().cloned());
                    }
                    _ => history.turns.push(Turn::Assistant { text: text.clone(), calls: calls.clone() }),
                },
                Message::ToolResult { call_id, name, content } => {
                    let result = ToolResult { call_id: call_id.clone(), name: name.clone(), content: content.clone() };
                    match history.turns.last_mut() {
                        Some(Turn::Results(before)) => before.push(result),
                        _ => history.turns.push(Turn::Results(vec![result])),
                    }
                }
            }
        }
        history
    }

    /// How many calls of tools were made so far.
    pub(super) fn calls(&self) -> usize {
        let calls = |turn: &Turn| if let Turn::Assistant { calls, .. } = turn { calls.len() } else { 0 };
        self.turns.iter().map(calls).sum()
    }
}

fn append(text: &mut String, more: &str) {
    if !text.is_empty() && !more.is_empty() {
        text.push_str("\n\n");
    }
    text.push_str(more);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_of_one_role_become_one_turn() {
        let said = |text: &str| Message::Assistant { text: text.to_owned(), calls: Vec::new() };
        let messages = [
            Message::System("Be brief.".into()),
            Message::User("one".into()),
            Message::User("two".into()),
            said("{\"na"),
            said(""),
            said("me\": 1}"),
            Message::System("In English.".into()),
            Message::ToolResult { call_id: "a".into(), name: "look".into(), content: "1".into() },
            Message::ToolResult { call_id: "b".into(), name: "look".into(), content: "2".into() },
        ];
        let history = History::of(&messages);
        assert_eq!(history.system, "Be brief.\n\nIn English.");
        let result = |id: &str, content: &str| ToolResult {
            call_id: id.to_owned(),
            name: "look".to_owned(),
            content: content.to_owned(),
        };
        let turns = vec![
            Turn::User("one\n\ntwo".into()),
            Turn::Assistant { text: "{\"name\": 1}".into(), calls: Vec::new() },
            Turn::Results(vec![result("a", "1"), result("b", "2")]),
        ];
        assert_eq!(history.turns, turns);
    }
}
