//! A connection: the tenant and connector of its files, their refresh, the mapping of their columns, and the
//! credential that pushes them.
//!
//! It is one JSON document, `connections/<name>.json`. A blob `inbox/<name>/....csv` belongs to it.
//! ```json
//! {
//!   "tenantId": "11111111-2222-3333-4444-555555555555",
//!   "connector": "HR",
//!   "refresh": "full",
//!   "credential": { "kind": "managedIdentity" },
//!   "mapping": {
//!     "Employee": { "name": "PersonId", "type": "EmailType" }
//!   }
//! }
//! ```
//! `mapping` has the same shape as `Mapping` in Microsoft's metadata.json: the column of the file, then the
//! field of Viva and its type. Types are passed on as they are written, unless the optional member `dialect`
//! says how the service spells them: see [`Dialect`].
//! The error of an invalid document lists every fault with its place.

use deserr::{Deserr, deserialize};
use serde_json::Value;

use crate::schema::{
    Checks, Dialect, Fault, Field, NO_GUID, Notify, PayloadFormat, Refresh, ServiceIdentity,
    document as json,
};

use self::{
    document::{CallerDocument, ConnectionDocument},
    faults::{Faults, fault},
    members::Mapping,
};

pub use self::{checks::check_options, document::schema};

mod caller;
mod checks;
mod dialect;
mod document;
mod faults;
mod members;

/// The largest connection document that is read, in bytes.
pub(crate) const MAX_BYTES: usize = 1 << 20;

/// A valid connection document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    /// The name of the document and of the folder in the inbox.
    pub name: String,
    /// Who calls the service, and for which tenant.
    pub caller: ServiceIdentity,
    /// What a file does to the data that the service already has.
    pub refresh: Refresh,
    /// Whether later incremental files wait for a person after a rejected or stuck one.
    pub stop_after_rejected: bool,
    /// The format in which a file is pushed.
    pub upload: PayloadFormat,
    /// The webhook that gets a notification when a person is needed.
    pub notify: Option<Notify>,
    /// A file is expected at least every so many days.
    pub expected_every_days: Option<u32>,
    /// The mapping, in the document's order.
    pub mapping: Vec<Field>,
    /// How its files are checked.
    pub checks: Checks,
    /// How metadata.json and the zip are written.
    pub dialect: Dialect,
}

impl Connection {
    /// Reads a document.
    ///
    /// # Errors
    /// All faults of the document.
    pub fn parse(name: &str, document: &[u8]) -> Result<Self, Vec<Fault>> {
        Self::of(name, read(document, complete)?)
    }

    /// Reads a document whose `tenantId` may still be the placeholder [`NO_GUID`]. Files are checked with it,
    /// and nothing is pushed.
    ///
    /// # Errors
    /// All faults of the document.
    pub fn draft(name: &str, document: &[u8]) -> Result<Self, Vec<Fault>> {
        Self::of(name, read(document, dependent)?)
    }

    fn of(name: &str, document: ConnectionDocument) -> Result<Self, Vec<Fault>> {
        let dialect = document.dialect.unwrap_or_default().into();
        let mut mapping = document.mapping.0;
        let faults = dialect::translate(&dialect, &mut mapping);
        if !faults.is_empty() {
            return Err(faults);
        }
        let caller = CallerDocument {
            tenant_id: document.tenant_id,
            connector: document.connector,
            credential: document.credential,
            scale_unit: document.scale_unit,
        };
        let checks = Checks {
            lenient: document.lenient.unwrap_or_default(),
            unmapped: document.unmapped_columns,
            encoding: document.encoding.as_ref().and_then(checks::encoding),
            delimiter: document.delimiter.as_ref().and_then(checks::delimiter),
            rules: document.rules.unwrap_or_default().0,
        };
        Ok(Self {
            name: name.to_owned(),
            caller: caller.into(),
            refresh: document.refresh,
            stop_after_rejected: document.stop_after_rejected.unwrap_or_default(),
            upload: document.upload.unwrap_or(PayloadFormat::Zip),
            notify: document.notify.map(Notify::from),
            expected_every_days: document.expected_every_days.map(|days| days.0),
            mapping,
            checks,
            dialect,
        })
    }
}

/// Reads a document that is only a mapping.
///
/// # Errors
/// All faults of the document.
pub fn mapping(document: &[u8]) -> Result<Vec<Field>, Vec<Fault>> {
    read::<Mapping>(document, |_| vec![]).map(|mapping| mapping.0)
}

/// Reads a document: checks for repeated members, then the `whole`, then each member.
fn read<T: Deserr<Faults>>(
    document: &[u8],
    whole: fn(&Value) -> Vec<Fault>,
) -> Result<T, Vec<Fault>> {
    if document.len() > MAX_BYTES {
        return Err(vec![fault("/", format!("larger than {MAX_BYTES} bytes"))]);
    }
    let text = json::unmarked(document);
    let text = std::str::from_utf8(text).map_err(|error| {
        vec![fault(format!("byte {}", error.valid_up_to()), "not UTF-8. Save it as UTF-8")]
    })?;
    let (value, repeated) = json::parse(text).map_err(|error| {
        let at = format!("line {}, column {}", error.line(), error.column());
        vec![fault(at, format!("not JSON ({})", category(&error)))]
    })?;
    if !value.is_object() {
        return Err(vec![fault("/", "must be an object")]);
    }
    let mut faults: Vec<Fault> =
        repeated.into_iter().map(|pointer| fault(pointer, "appears twice. Delete one")).collect();
    faults.extend(whole(&value));
    match deserialize(value) {
        Ok(read) if faults.is_empty() => Ok(read),
        Ok(_) => Err(faults),
        Err(Faults(more)) => {
            faults.extend(more);
            Err(faults)
        }
    }
}

/// The kind of a syntax error. Its text is not used, because it could quote the document.
fn category(error: &serde_json::Error) -> &'static str {
    if error.is_eof() { "it ends too early" } else { "a syntax error" }
}

/// The faults of a document that is not a draft: its tenant must not be the placeholder.
fn complete(document: &Value) -> Vec<Fault> {
    let mut faults = dependent(document);
    if document["tenantId"] == NO_GUID {
        let what = format!(
            "must be the tenant id, and {NO_GUID} is a placeholder: run `az account show --query tenantId`"
        );
        faults.push(fault("/tenantId", what));
    }
    faults
}

/// The faults of members that are valid only in combination. They are searched in the JSON, so that they are
/// reported together with all other faults.
fn dependent(document: &Value) -> Vec<Fault> {
    let mut faults = vec![];
    if document["refresh"] == "full" && document["stopAfterRejected"] == true {
        let what = "must not be true with \"refresh\": \"full\", because a full refresh replaces everything \
                    and does not depend on earlier files";
        faults.push(fault("/stopAfterRejected", what));
    }
    let credential = &document["credential"];
    let has = |key| credential[key] != Value::Null;
    if credential["kind"] == "clientCertificate" && has("file") == has("setting") {
        let what = "must name the certificate by exactly one of \"file\" and \"setting\"";
        faults.push(fault("/credential", what));
    }
    faults
}

#[cfg(test)]
mod tests;
