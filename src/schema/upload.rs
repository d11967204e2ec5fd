//! What is made of a file for the push.

/// What the body of a push is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PayloadFormat {
    /// data.csv and metadata.json in one zip, as multipart/form-data.
    Zip,
    /// The CSV alone, its columns called as Viva's fields. What they are mapped to, and what it
    /// replaces, stands in the portal.
    Csv,
    /// The same rows as a JSON array of objects.
    Json,
}

impl PayloadFormat {
    const ALL: [Self; 3] = [Self::Zip, Self::Csv, Self::Json];

    /// The word of the document, and the extension of the file.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Zip => "zip",
            Self::Csv => "csv",
            Self::Json => "json",
        }
    }

    /// What a word names, in any case.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|upload| upload.word().eq_ignore_ascii_case(word))
    }

    /// What a file of this name is, by its extension.
    #[must_use]
    pub fn of_file(name: &str) -> Option<Self> {
        Self::parse(name.rsplit_once('.')?.1)
    }

    /// Its media type.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Zip => "application/zip",
            Self::Csv => "text/csv",
            Self::Json => "application/json",
        }
    }
}
