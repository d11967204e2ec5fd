//! A connection: whose files these are, what they replace, how their columns are mapped, and who
//! pushes them.
//!
//! One JSON document, `connections/<name>.json`. A blob `inbox/<name>/....csv` belongs to it.
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
//! `mapping` has exactly the shape of `Mapping` in Microsoft's metadata.json: the source column,
//! then Viva's field and its type. Type words pass through as they are written, unless the optional
//! member `dialect` says how the service spells them: see [`Dialect`].
//! A document that is not right is refused with every fault at once and a pointer to each.

use std::fmt;

use serde_json::{Map, Value};

use crate::{check::Checks, ingestion::wire, run::Refresh};

mod checks;
mod dialect;
pub(crate) mod json;

pub use dialect::{Dialect, IsBootstrap, is_file_name};

/// Largest connection document that is read.
pub const MAX_BYTES: usize = 1 << 20;

/// One stored connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    /// The name: of the document and of the folder in the inbox.
    pub name: String,
    /// The Microsoft Entra tenant, lower case.
    pub tenant: String,
    /// Which of the service's connectors takes the data.
    pub connector: Connector,
    /// What a file does to the data that is there.
    pub refresh: Refresh,
    /// Whether the incremental files behind one that was refused or is stuck wait for a person.
    pub stop_after_rejected: bool,
    /// Who pushes.
    pub credential: Credential,
    /// The service's address of the tenant, for when it cannot be discovered.
    pub scale_unit: Option<String>,
    /// The mapping, in the document's order.
    pub mapping: Vec<Field>,
    /// How its files are checked.
    pub checks: Checks,
    /// How metadata.json and the zip are written.
    pub dialect: Dialect,
}

/// A connector of the ingestion service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Connector {
    /// Organizational data.
    Hr,
}

impl Connector {
    /// The word of the document, of the service's paths and of `DatasetType`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Hr => "HR",
        }
    }
}

/// Who pushes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Credential {
    /// The app's managed identity.
    ManagedIdentity {
        /// Client id of a user-assigned one; `None` is the app's own.
        client_id: Option<String>,
    },
    /// A token somebody else obtained. Only a service on this machine is shown it.
    AccessToken {
        /// The setting that holds it.
        setting: String,
    },
}

/// One column of the mapping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// The column's header in the file.
    pub source: String,
    /// Viva's field, or the custom name.
    pub target: String,
    /// Microsoft's word for the type.
    pub kind: String,
}

/// One thing that is wrong with a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Where: a JSON pointer, or a line and column where it is not JSON.
    pub at: String,
    /// What, and what should be there.
    pub what: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.at, self.what)
    }
}

/// All faults in one line.
#[must_use]
pub fn sentence(faults: &[Fault]) -> String {
    let faults: Vec<String> = faults.iter().map(Fault::to_string).collect();
    // A key of the document could write a line of its own into the log.
    faults.join("; ").replace(char::is_control, "\u{fffd}")
}

/// Whether a connection may be called so: letters, digits, `-`, `_` and `.`, 1 to 64.
#[must_use]
pub fn is_name(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name.starts_with(|first: char| first.is_ascii_alphanumeric())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

impl Connection {
    /// Reads a document.
    ///
    /// # Errors
    /// Every fault of it.
    pub fn parse(name: &str, document: &[u8]) -> Result<Self, Vec<Fault>> {
        let (members, mut reader) = read(document)?;
        let connection = reader.connection(name, &members);
        match connection {
            Some(connection) if reader.faults.is_empty() => Ok(connection),
            _ => Err(reader.faults),
        }
    }
}

/// Reads a document that is a mapping alone.
///
/// # Errors
/// Every fault of it.
pub fn mapping(document: &[u8]) -> Result<Vec<Field>, Vec<Fault>> {
    let (members, mut reader) = read(document)?;
    let fields = reader.mapping("", &members);
    if reader.faults.is_empty() { Ok(fields) } else { Err(reader.faults) }
}

/// The members at a document's top, and a reader that has noted what stands twice.
fn read(document: &[u8]) -> Result<(Map<String, Value>, Reader), Vec<Fault>> {
    let fault = |at: &str, what: String| vec![Fault { at: at.to_owned(), what }];
    if document.len() > MAX_BYTES {
        return Err(fault("/", format!("larger than {MAX_BYTES} bytes")));
    }
    let text = json::unmarked(document);
    let text = std::str::from_utf8(text)
        .map_err(|error| fault(&format!("byte {}", error.valid_up_to()), "not UTF-8".to_owned()))?;
    let (value, repeated) = json::parse(text).map_err(|error| {
        let at = format!("line {}, column {}", error.line(), error.column());
        fault(&at, format!("not JSON ({})", category(&error)))
    })?;
    let Value::Object(members) = value else {
        return Err(fault("/", "must be an object".to_owned()));
    };
    let mut reader = Reader { faults: vec![] };
    for pointer in repeated {
        reader.fault(&pointer, "stands twice");
    }
    Ok((members, reader))
}

/// The kind of a syntax error; its text could quote the document.
fn category(error: &serde_json::Error) -> &'static str {
    if error.is_eof() { "it ends too early" } else { "a syntax error" }
}

/// Walks a document and notes what is wrong; each reading gives `None` once it has noted a fault.
struct Reader {
    faults: Vec<Fault>,
}

impl Reader {
    fn fault(&mut self, at: &str, what: impl Into<String>) {
        self.faults.push(Fault { at: at.to_owned(), what: what.into() });
    }

    fn connection(&mut self, name: &str, members: &Map<String, Value>) -> Option<Connection> {
        const KNOWN: [&str; 8] = [
            "tenantId",
            "connector",
            "refresh",
            "stopAfterRejected",
            "credential",
            "scaleUnit",
            "mapping",
            "dialect",
        ];
        self.refuse_unknown("", members, &[&KNOWN[..], &checks::KNOWN].concat());
        let tenant = self.text("", members, "tenantId").and_then(|id| {
            let good = is_guid(id);
            if !good {
                self.fault("/tenantId", "must be the tenant's id, a GUID");
            }
            good.then(|| id.to_ascii_lowercase())
        });
        let connector = self.text("", members, "connector").and_then(|word| {
            let connector = (word == Connector::Hr.word()).then_some(Connector::Hr);
            if connector.is_none() {
                self.fault("/connector", "must be \"HR\"");
            }
            connector
        });
        let refresh = self.text("", members, "refresh").and_then(|word| {
            let refresh = Refresh::parse(word);
            if refresh.is_none() {
                self.fault("/refresh", "must be \"full\" or \"incremental\"");
            }
            refresh
        });
        let stop_after_rejected = self.boolean(members, "stopAfterRejected");
        if stop_after_rejected && refresh == Some(Refresh::Full) {
            let what = "is for incremental files, which build on each other; a full one replaces \
                        everything and does not wait";
            self.fault("/stopAfterRejected", what);
        }
        let scale_unit = self.optional_text("", members, "scaleUnit").map(str::to_owned);
        if scale_unit.as_deref().is_some_and(|unit| !wire::is_name(unit)) {
            self.fault("/scaleUnit", "must be letters, digits and hyphens, like novaprdwus2-01");
        }
        let credential =
            self.object("", members, "credential").and_then(|members| self.credential(members));
        let mut mapping =
            self.object("", members, "mapping").map(|members| self.mapping("/mapping", members));
        let dialect = self.dialect(members);
        self.translate(&dialect, mapping.as_deref_mut().unwrap_or_default());
        let checks = self.checks(members);
        Some(Connection {
            name: name.to_owned(),
            tenant: tenant?,
            connector: connector?,
            refresh: refresh?,
            stop_after_rejected,
            credential: credential?,
            scale_unit,
            mapping: mapping?,
            checks,
            dialect,
        })
    }

    fn credential(&mut self, members: &Map<String, Value>) -> Option<Credential> {
        let at = "/credential";
        match self.text(at, members, "kind").unwrap_or_default() {
            "managedIdentity" => {
                self.refuse_unknown(at, members, &["kind", "clientId"]);
                let client_id = self.optional_text(at, members, "clientId").map(str::to_owned);
                if client_id.as_deref().is_some_and(|id| !is_guid(id)) {
                    self.fault("/credential/clientId", "must be a client id, a GUID");
                }
                Some(Credential::ManagedIdentity { client_id })
            }
            "accessToken" => {
                self.refuse_unknown(at, members, &["kind", "setting"]);
                let setting = self.text(at, members, "setting")?.to_owned();
                Some(Credential::AccessToken { setting })
            }
            kind => {
                self.refuse_unknown(at, members, &["kind", "clientId", "setting"]);
                if !kind.is_empty() {
                    let known = "must be \"managedIdentity\" or \"accessToken\"";
                    self.fault("/credential/kind", known);
                }
                None
            }
        }
    }

    fn mapping(&mut self, at: &str, members: &Map<String, Value>) -> Vec<Field> {
        if members.contains_key("DatasetType") {
            self.fault(
                at,
                "holds a whole metadata.json; it must hold only the value of its \"Mapping\"",
            );
            return vec![];
        }
        if members.is_empty() {
            self.fault(at, "must map at least one column");
        }
        let mut fields = vec![];
        for source in members.keys() {
            let pointer = format!("{at}/{}", json::escaped(source));
            if source.trim().is_empty() {
                self.fault(&pointer, "must be the header of a column, not empty");
            }
            let Some(entry) = self.object(at, members, source) else { continue };
            self.refuse_unknown(&pointer, entry, &["name", "type"]);
            let target = self.text(&pointer, entry, "name");
            let (Some(target), Some(kind)) = (target, self.text(&pointer, entry, "type")) else {
                continue;
            };
            fields.push(Field {
                source: source.clone(),
                target: target.to_owned(),
                kind: kind.to_owned(),
            });
        }
        fields
    }

    fn refuse_unknown(&mut self, at: &str, members: &Map<String, Value>, known: &[&str]) {
        for key in members.keys().filter(|key| !known.contains(&key.as_str())) {
            let pointer = format!("{at}/{}", json::escaped(key));
            self.fault(&pointer, format!("unknown; known here: {}", known.join(", ")));
        }
    }

    fn text<'a>(
        &mut self,
        at: &str,
        members: &'a Map<String, Value>,
        key: &str,
    ) -> Option<&'a str> {
        if !members.contains_key(key) {
            self.fault(&format!("{at}/{key}"), "missing");
        }
        self.optional_text(at, members, key)
    }

    fn optional_text<'a>(
        &mut self,
        at: &str,
        members: &'a Map<String, Value>,
        key: &str,
    ) -> Option<&'a str> {
        let value = members.get(key)?;
        let text = value.as_str().filter(|text| !text.trim().is_empty());
        if text.is_none() {
            let what = format!("must be a text that is not empty, not {}", kind_of(value));
            self.fault(&format!("{at}/{key}"), what);
        }
        text
    }

    /// A member that is `false` where it is missing.
    fn boolean(&mut self, members: &Map<String, Value>, key: &str) -> bool {
        let value = members.get(key).map(Value::as_bool);
        if value == Some(None) {
            self.fault(&format!("/{key}"), "must be true or false");
        }
        value.flatten().unwrap_or_default()
    }

    fn object<'a>(
        &mut self,
        at: &str,
        members: &'a Map<String, Value>,
        key: &str,
    ) -> Option<&'a Map<String, Value>> {
        let pointer = format!("{at}/{}", json::escaped(key));
        let Some(value) = members.get(key) else {
            self.fault(&pointer, "missing");
            return None;
        };
        let object = value.as_object();
        if object.is_none() {
            self.fault(&pointer, format!("must be an object, not {}", kind_of(value)));
        }
        object
    }
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "an empty text",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

fn is_guid(text: &str) -> bool {
    text.len() == 36 && azure_core::Uuid::parse_str(text).is_ok()
}

#[cfg(test)]
mod tests;
