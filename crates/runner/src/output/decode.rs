//! Bytes to text: UTF-8, with each invalid sequence as U+FFFD, and characters that are cut in two put
//! together again.

/// Decodes one stream of bytes.
#[derive(Default)]
pub(crate) struct Decoder {
    /// The beginning of a character whose end has not come yet; at most 3 bytes.
    begun: Vec<u8>,
}

impl Decoder {
    /// Takes the next bytes and appends their text.
    pub(crate) fn push(&mut self, bytes: &[u8], text: &mut String) {
        if self.begun.is_empty() {
            self.decode(bytes, text);
        } else {
            let mut joined = std::mem::take(&mut self.begun);
            joined.extend_from_slice(bytes);
            self.decode(&joined, text);
        }
    }

    /// Appends what an unfinished character stands for: the stream has ended.
    pub(crate) fn finish(&mut self, text: &mut String) {
        if !std::mem::take(&mut self.begun).is_empty() {
            text.push(char::REPLACEMENT_CHARACTER);
        }
    }

    fn decode(&mut self, mut bytes: &[u8], text: &mut String) {
        loop {
            let error = match std::str::from_utf8(bytes) {
                Ok(valid) => return text.push_str(valid),
                Err(error) => error,
            };
            let (valid, rest) = bytes.split_at(error.valid_up_to());
            text.push_str(&String::from_utf8_lossy(valid));
            let Some(invalid) = error.error_len() else {
                self.begun.extend_from_slice(rest);
                return;
            };
            text.push(char::REPLACEMENT_CHARACTER);
            bytes = &rest[invalid..];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Decoding in pieces gives what decoding at once gives.
    fn check(bytes: &[u8]) {
        let expected = String::from_utf8_lossy(bytes);
        for cut in 0..=bytes.len() {
            let (mut decoder, mut text) = (Decoder::default(), String::new());
            decoder.push(&bytes[..cut], &mut text);
            decoder.push(&bytes[cut..], &mut text);
            decoder.finish(&mut text);
            assert_eq!(text, expected, "{bytes:?} cut at {cut}");
        }
        let (mut decoder, mut text) = (Decoder::default(), String::new());
        for byte in bytes {
            decoder.push(&[*byte], &mut text);
        }
        decoder.finish(&mut text);
        assert_eq!(text, expected, "{bytes:?} byte by byte");
    }

    #[test]
    fn cuts_change_nothing() {
        check(b"");
        check("plain, größe, 日本語, 🦀".as_bytes());
        check(b"bad \xff\xfe bytes \xc3");
        check(b"\xf0\x9f\xa6 unfinished \xe6\x97 twice \xed\xa0\x80");
        check(b"nul \0 and \x1b[31mred\x1b[0m");
    }
}
