//! What is mended in an answer, since it can only have been meant in one way.

/// One kind of mending; in the order in which they are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Repair {
    Thoughts,
    Prose,
    OtherBlocks,
    SameTwice,
    Yaml,
    InText,
    InList,
    InCall,
    Wrapped,
    Comment,
    TrailingComma,
    MissingComma,
    SingleQuotes,
    SmartQuotes,
    PythonWord,
    BareKey,
    RawControl,
    SameKeyTwice,
    ParamsList,
    Nulls,
}

impl Repair {
    /// In one line, for people.
    pub(super) fn told(self) -> &'static str {
        match self {
            Self::Thoughts => "left out what the author thought aloud",
            Self::Prose => "left out the words around the document",
            Self::OtherBlocks => "left out what else stood in braces or fences and is no workflow",
            Self::SameTwice => "took once what was there twice",
            Self::Yaml => "read YAML",
            Self::InText => "read the document out of a text that held it",
            Self::InList => "took the document out of a list of one",
            Self::InCall => "took the document out of a call of a tool that it was dressed as",
            Self::Wrapped => "took the document out of an object around it",
            Self::Comment => "left out comments",
            Self::TrailingComma => "left out commas before a closing bracket",
            Self::MissingComma => "put commas between members on lines of their own",
            Self::SingleQuotes => "read single quotes as double ones",
            Self::SmartQuotes => "read typographic quotes as plain ones",
            Self::PythonWord => "read `True`, `False` and `None` as JSON's words",
            Self::BareKey => "put keys in quotes",
            Self::RawControl => "took line breaks and tabs inside of texts as they are",
            Self::SameKeyTwice => "took a key once that was there twice with the same value",
            Self::ParamsList => "read `params` that were a list by their names",
            Self::Nulls => "took `null` for an optional key as absent",
        }
    }
}
