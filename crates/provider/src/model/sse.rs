//! Server-sent events, read from bytes as they come. Every byte is looked at once; whoever feeds the
//! reader bounds how many there are.

/// One event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ServerEvent {
    /// What kind it is; empty where the stream names none.
    pub(super) name: String,
    pub(super) data: String,
}

/// Bytes that are no text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("bytes that are no UTF-8")]
pub(super) struct NotText;

/// Reads events; keeps what is incomplete, characters cut in two included.
#[derive(Debug, Default)]
pub(super) struct EventReader {
    /// The beginning of a line whose end has not come.
    line: Vec<u8>,
    after_return: bool,
    name: String,
    data: String,
    has_data: bool,
}

impl EventReader {
    /// Takes more bytes and gives the events that they complete.
    ///
    /// # Errors
    ///
    /// When a line is no UTF-8.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<Vec<ServerEvent>, NotText> {
        let mut events = Vec::new();
        let mut rest = bytes;
        if self.after_return && !rest.is_empty() {
            self.after_return = false;
            rest = rest.strip_prefix(b"\n").unwrap_or(rest);
        }
        while let Some(end) = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')) {
            self.line.extend_from_slice(&rest[..end]);
            let line = std::mem::take(&mut self.line);
            events.extend(self.take_line(&line)?);
            let returned = rest[end] == b'\r';
            rest = &rest[end + 1..];
            if returned {
                self.after_return = rest.is_empty();
                rest = rest.strip_prefix(b"\n").unwrap_or(rest);
            }
        }
        self.line.extend_from_slice(rest);
        Ok(events)
    }

    /// The event that was not ended by an empty line before the stream ended, if there is one.
    ///
    /// # Errors
    ///
    /// When its last line is no UTF-8.
    pub(super) fn end(&mut self) -> Result<Option<ServerEvent>, NotText> {
        let line = std::mem::take(&mut self.line);
        if !line.is_empty() {
            self.take_line(&line)?;
        }
        Ok(self.complete())
    }

    fn take_line(&mut self, line: &[u8]) -> Result<Option<ServerEvent>, NotText> {
        if line.is_empty() {
            return Ok(self.complete());
        }
        let line = std::str::from_utf8(line).map_err(|_| NotText)?;
        let line = line.strip_prefix('\u{feff}').unwrap_or(line);
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.name),
            "data" => {
                if self.has_data {
                    self.data.push('\n');
                }
                self.has_data = true;
                self.data.push_str(value);
            }
            // Comments, ids and reconnection times mean nothing here.
            _ => {}
        }
        Ok(None)
    }

    fn complete(&mut self) -> Option<ServerEvent> {
        let event = ServerEvent { name: std::mem::take(&mut self.name), data: std::mem::take(&mut self.data) };
        std::mem::take(&mut self.has_data).then_some(event)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const STREAM: &str =
        "\u{feff}: hello\r\nevent: one\ndata: é\ndata: ö\r\rdata:{\"a\":1}\n\nid: 7\n\nevent: end\n\ndata: last";

    fn read(chunks: &[&[u8]]) -> Vec<(String, String)> {
        let mut reader = EventReader::default();
        let mut events = Vec::new();
        for chunk in chunks {
            events.extend(reader.push(chunk).unwrap());
        }
        events.extend(reader.end().unwrap());
        events.into_iter().map(|event| (event.name, event.data)).collect()
    }

    fn expected() -> Vec<(String, String)> {
        [("one", "é\nö"), ("", "{\"a\":1}"), ("", "last")].map(|(name, data)| (name.into(), data.into())).to_vec()
    }

    #[test]
    fn events_are_read_with_every_kind_of_line_end() {
        assert_eq!(read(&[STREAM.as_bytes()]), expected());
    }

    #[test]
    fn bytes_that_are_no_text_are_refused() {
        assert_eq!(EventReader::default().push(b"data: \xff\n"), Err(NotText));
    }

    proptest! {
        #[test]
        fn where_the_bytes_are_cut_does_not_matter(cuts in proptest::collection::vec(0..STREAM.len(), 0..12)) {
            let mut cuts = cuts;
            cuts.sort_unstable();
            let mut chunks = Vec::new();
            let mut from = 0;
            for cut in cuts {
                chunks.push(&STREAM.as_bytes()[from..cut]);
                from = cut;
            }
            chunks.push(&STREAM.as_bytes()[from..]);
            prop_assert_eq!(read(&chunks), expected());
        }
    }
}
