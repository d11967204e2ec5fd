//! Who calls the service, and for whom: what a push needs besides the file.

use serde_json::{Map, Value};

use super::{Credential, Fault, Reader, is_guid, read};
use crate::ingestion::wire;

/// The members of a document that say it.
pub(super) const KNOWN: [&str; 4] = ["tenantId", "connector", "credential", "scaleUnit"];

/// Who calls the service, and for whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The Microsoft Entra tenant, lower case.
    pub tenant: String,
    /// Which of the service's connectors takes the data.
    pub connector: Connector,
    /// Who pushes.
    pub credential: Credential,
    /// The service's address of the tenant, for when it cannot be discovered.
    pub scale_unit: Option<String>,
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

impl Caller {
    /// Reads a document that says no more than this.
    ///
    /// # Errors
    /// Every fault of it.
    pub fn parse(document: &[u8]) -> Result<Self, Vec<Fault>> {
        let (members, mut reader) = read(document)?;
        reader.refuse_unknown("", &members, &KNOWN);
        let caller = reader.caller(&members);
        caller.filter(|_| reader.faults.is_empty()).ok_or(reader.faults)
    }
}

impl Reader {
    pub(super) fn caller(&mut self, members: &Map<String, Value>) -> Option<Caller> {
        let tenant = self.text("", members, "tenantId").and_then(|id| {
            let good = is_guid(id);
            if !good {
                self.fault("/tenantId", "must be the tenant's id, a GUID");
            }
            good.then(|| id.to_ascii_lowercase())
        });
        let connector = self.text("", members, "connector").and_then(|word| {
            let connector = Connector::parse(word);
            if connector.is_none() {
                self.fault("/connector", "must be \"HR\" or \"Survey\"");
            }
            connector
        });
        let scale_unit = self.optional_text("", members, "scaleUnit").map(str::to_owned);
        if scale_unit.as_deref().is_some_and(|unit| !wire::is_name(unit)) {
            self.fault("/scaleUnit", "must be letters, digits and hyphens, like novaprdwus2-01");
        }
        let credential =
            self.object("", members, "credential").and_then(|members| self.credential(members));
        Some(Caller { tenant: tenant?, connector: connector?, credential: credential?, scale_unit })
    }
}
