//! Where each value of a document stands in its text.

/// Lines and columns of the values of a document, by JSON pointer.
#[derive(Clone, Debug, Default)]
pub struct Places {
    root: Option<Place>,
}

/// A value's place, and those of the values in it.
#[derive(Clone, Debug, Default)]
pub(super) struct Place {
    pub(super) line: u32,
    pub(super) column: u32,
    pub(super) inside: Inside,
}

/// The places inside a value.
#[derive(Clone, Debug, Default)]
pub(super) enum Inside {
    #[default]
    Nothing,
    List(Vec<Place>),
    /// By key, in the order of the text. The place is that of the key.
    Object(Vec<(String, Place)>),
}

impl Places {
    pub(super) fn new(root: Place) -> Self {
        Self { root: Some(root) }
    }

    /// The line and column (both from 1) of the value that a JSON pointer names, or of its nearest
    /// ancestor that has a place. `None` when the document was not text.
    #[must_use]
    pub fn find(&self, pointer: &str) -> Option<(u32, u32)> {
        let mut place = self.root.as_ref()?;
        for token in pointer.split('/').skip(1) {
            let token = token.replace("~1", "/").replace("~0", "~");
            let next = match &place.inside {
                Inside::Nothing => None,
                Inside::List(list) => token.parse::<usize>().ok().and_then(|index| list.get(index)),
                Inside::Object(object) => object.iter().find(|(key, _)| *key == token).map(|(_, place)| place),
            };
            match next {
                Some(next) => place = next,
                None => break,
            }
        }
        Some((place.line, place.column))
    }
}
