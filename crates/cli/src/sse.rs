//! Reads server-sent events from bytes as they come, whatever the boundaries.

use serde_json::Value;

/// One event of the server.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ServerEvent {
    /// The `id:` line: the number from which a cut stream goes on.
    pub(crate) seq: Option<u64>,
    pub(crate) name: String,
    pub(crate) data: Value,
}

/// Collects bytes and gives whole events.
#[derive(Debug, Default)]
pub(crate) struct Parser {
    buffer: Vec<u8>,
    seq: Option<u64>,
    name: String,
    data: String,
}

impl Parser {
    /// Takes more bytes and gives the events they complete.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Vec<ServerEvent> {
        self.buffer.extend_from_slice(bytes);
        let mut events = Vec::new();
        let mut start = 0;
        while let Some(length) = self.buffer[start..].iter().position(|byte| *byte == b'\n') {
            let line = String::from_utf8_lossy(&self.buffer[start..start + length]).into_owned();
            start += length + 1;
            events.extend(self.line(line.trim_end_matches('\r')));
        }
        self.buffer.drain(..start);
        events
    }

    fn line(&mut self, line: &str) -> Option<ServerEvent> {
        if line.is_empty() {
            return self.dispatch();
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "id" => self.seq = value.parse().ok(),
            "event" => value.clone_into(&mut self.name),
            "data" => {
                if !self.data.is_empty() {
                    self.data.push('\n');
                }
                self.data.push_str(value);
            }
            _ => (),
        }
        None
    }

    fn dispatch(&mut self) -> Option<ServerEvent> {
        let (seq, name, data) = (self.seq.take(), std::mem::take(&mut self.name), std::mem::take(&mut self.data));
        if data.is_empty() {
            return None;
        }
        let data: Value = serde_json::from_str(&data).unwrap_or(Value::String(data));
        let name = if name.is_empty() { data["event"].as_str().unwrap_or("message").to_owned() } else { name };
        Some(ServerEvent { seq, name, data })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_survive_every_cut() {
        let stream =
            b": hb\n\nid: 1\nevent: step_start\ndata: {\"step\": \"a\"}\n\nid: 2\r\ndata: {\"event\":\"x\"}\r\n\r\n";
        for cut in 0..stream.len() {
            let mut parser = Parser::default();
            let mut events = parser.push(&stream[..cut]);
            events.extend(parser.push(&stream[cut..]));
            let seen: Vec<_> = events.iter().map(|event| (event.seq, event.name.as_str())).collect();
            assert_eq!(seen, [(Some(1), "step_start"), (Some(2), "x")], "cut at {cut}");
        }
    }
}
