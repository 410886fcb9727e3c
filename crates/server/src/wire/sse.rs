//! Events as JSON texts of one line: ASCII only, small enough for clients that split every network read
//! at line ends; and as server-sent events.

use std::io;

use axum::body::Bytes;
use partita_core::limits::EVENT_BYTES_MAX;
use serde::Serialize as _;
use serde_json::ser::{CompactFormatter, Formatter};
use serde_json::{Map, Value, json};

/// The content type of a stream.
pub(crate) const CONTENT_TYPE: &str = "text/event-stream; charset=utf-8";
/// Says "I am alive"; no client sees it as an event.
pub(crate) const HEARTBEAT: &[u8] = b": hb\n\n";
/// The first bytes of every stream, so that nobody waits for the head.
pub(crate) const OPENING: &[u8] = b": ok\n\n";
/// Stands at the end of a text that was cut.
const CUT: &str = "… [cut; read the whole with GET /executions/{id}]";

/// The text of an event's data, cut to size.
pub(crate) fn fitting(data: Map<String, Value>) -> String {
    let mut data = Value::Object(data);
    let mut text = ascii(&data);
    let mut longest = EVENT_BYTES_MAX / 4;
    while text.len() > EVENT_BYTES_MAX && longest >= 64 {
        cut(&mut data, longest);
        text = ascii(&data);
        longest /= 2;
    }
    text
}

/// One server-sent event. Events without a number can't be resumed.
pub(crate) fn frame(seq: Option<u64>, name: &str, text: &str) -> Bytes {
    let id = seq.map(|seq| format!("id: {seq}\n")).unwrap_or_default();
    Bytes::from(format!("{id}event: {name}\ndata: {text}\n\n"))
}

/// Cuts every text in a value that is longer than `longest` bytes, and every list and object with more
/// than `longest` / 16 members.
fn cut(value: &mut Value, longest: usize) {
    match value {
        Value::String(text) if text.len() > longest => {
            let end = text.floor_char_boundary(longest);
            text.truncate(end);
            text.push_str(CUT);
        }
        Value::Array(items) => {
            if items.len() > longest / 16 {
                items.truncate(longest / 16);
                items.push(json!(CUT));
            }
            items.iter_mut().for_each(|item| cut(item, longest));
        }
        Value::Object(members) => {
            let keep = (longest / 16).max(24);
            if members.len() > keep {
                // The fields that every event has come last.
                let surplus = members.len() - keep;
                *members = std::mem::take(members).into_iter().skip(surplus).collect();
                members.insert("cut".to_owned(), json!(CUT));
            }
            members.values_mut().for_each(|member| cut(member, longest));
        }
        _ => {}
    }
}

/// JSON in one line in which everything outside ASCII is escaped, so that no network read can cut a
/// character in two.
pub(crate) fn ascii(value: &Value) -> String {
    let mut bytes = Vec::with_capacity(256);
    let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, Ascii(CompactFormatter));
    // Writing a JSON value into memory can't fail.
    let _ = value.serialize(&mut serializer);
    String::from_utf8(bytes).unwrap_or_default()
}

struct Ascii(CompactFormatter);

impl Formatter for Ascii {
    fn write_string_fragment<W: ?Sized + io::Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        let mut rest = fragment;
        while let Some(start) = rest.find(|character: char| !character.is_ascii()) {
            let (plain, tail) = rest.split_at(start);
            writer.write_all(plain.as_bytes())?;
            let mut characters = tail.chars();
            let mut units = [0; 2];
            for unit in characters.next().unwrap_or_default().encode_utf16(&mut units) {
                write!(writer, "\\u{unit:04x}")?;
            }
            rest = characters.as_str();
        }
        writer.write_all(rest.as_bytes())
    }

    fn begin_array_value<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_array_value(writer, first)
    }

    fn begin_object_key<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_object_key(writer, first)
    }

    fn begin_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object_value(writer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(data: Value) -> String {
        let Value::Object(mut data) = data else { panic!("an object was expected") };
        data.insert("event".to_owned(), json!("text"));
        String::from_utf8(frame(None, "text", &fitting(data)).to_vec()).expect("UTF-8")
    }

    #[test]
    fn an_event_is_one_ascii_line_that_reads_back() {
        let text = "caf\u{e9} \u{1f680}\r\nnext\u{2028}line \u{7f}\0";
        let frame = check(json!({"content": text}));
        assert!(frame.is_ascii(), "{frame}");
        let lines: Vec<&str> = frame.lines().collect();
        assert_eq!((lines.len(), lines[0], lines[2]), (3, "event: text", ""), "{frame}");
        let data: Value = serde_json::from_str(lines[1].strip_prefix("data: ").expect("data")).expect("JSON");
        assert_eq!(data["content"], text);
        assert_eq!(data["event"], "text");
    }

    #[test]
    fn long_values_are_cut_and_say_so() {
        let many: Vec<Value> =
            (0..20_000).map(|number| json!({"name": format!("step-{number}"), "note": "x"})).collect();
        let wide: Map<String, Value> = (0..20_000).map(|number| (format!("key-{number}"), json!("\u{1}"))).collect();
        for data in [json!({"content": "é".repeat(100_000)}), json!({"steps": many}), json!({"outputs": wide})] {
            let frame = check(data);
            assert!(frame.len() <= EVENT_BYTES_MAX + 64, "{}", frame.len());
            assert!(frame.contains("[cut;"), "{}", &frame[frame.len() - 300..]);
            let line = frame.lines().nth(1).and_then(|line| line.strip_prefix("data: ")).expect("data");
            let data: Value = serde_json::from_str(line).expect("JSON");
            assert_eq!(data["event"], "text");
        }
    }
}
