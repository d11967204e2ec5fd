//! Who calls the service, and for whom: what a push needs besides the file.

use serde_json::{Map, Value};

use super::{Reader, read};
use crate::schema::{Connector, Fault, ServiceIdentity, is_guid, is_plain_name};

/// The members of a document that say it.
pub(super) const KNOWN: [&str; 4] = ["tenantId", "connector", "credential", "scaleUnit"];

impl ServiceIdentity {
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
    pub(super) fn caller(&mut self, members: &Map<String, Value>) -> Option<ServiceIdentity> {
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
        if scale_unit.as_deref().is_some_and(|unit| !is_plain_name(unit)) {
            self.fault("/scaleUnit", "must be letters, digits and hyphens, like novaprdwus2-01");
        }
        let credential =
            self.object("", members, "credential").and_then(|members| self.credential(members));
        Some(ServiceIdentity {
            tenant: tenant?,
            connector: connector?,
            credential: credential?,
            scale_unit,
        })
    }
}
