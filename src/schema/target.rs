//! Where an import goes, and what it does to the data that is there.

/// The service that takes an import.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// Viva Insights.
    Viva,
}

impl Target {
    /// The word of the table.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Viva => "viva",
        }
    }

    /// The target a word names.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Viva].into_iter().find(|target| target.word() == word)
    }
}

/// A connector of the ingestion service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Connector {
    /// Organizational data.
    Hr,
    /// Answers of surveys.
    Survey,
}

impl Connector {
    /// The word of the document, of the service's paths and of `DatasetType`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Hr => "HR",
            Self::Survey => "Survey",
        }
    }

    /// The word of the paths that tell of an ingestion, which the page spells in its own way.
    #[must_use]
    pub fn word_of_ingestions(self) -> &'static str {
        match self {
            Self::Hr => "Hr",
            Self::Survey => "Survey",
        }
    }

    /// The connector a word names.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Hr, Self::Survey].into_iter().find(|connector| connector.word() == word)
    }
}

/// Whether a file replaces everything or adds to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refresh {
    /// Replaces everything: whoever is not in the file is deactivated.
    Full,
    /// Adds and overwrites by person and date.
    Incremental,
}

impl Refresh {
    /// The word of the connection document and of the table.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Incremental => "incremental",
        }
    }

    /// The refresh a word names.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Full, Self::Incremental].into_iter().find(|refresh| refresh.word() == word)
    }
}
