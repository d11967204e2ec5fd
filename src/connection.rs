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

use serde_json::{Map, Value};

use crate::schema::{
    Checks, Dialect, Fault, Field, PayloadFormat, Refresh, ServiceIdentity, document,
};

pub use self::{
    checks::check_options,
    notify::{Format, Notify},
    types::{ConnectionDocument, CredentialDocument, DialectDocument, NotifyDocument, schema},
};

mod checks;
mod credential;
mod dialect;
mod notify;
mod types;

/// Largest connection document that is read.
pub(crate) const MAX_BYTES: usize = 1 << 20;

/// One stored connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    /// The name: of the document and of the folder in the inbox.
    pub name: String,
    /// Who calls the service, and for whom.
    pub caller: ServiceIdentity,
    /// What a file does to the data that is there.
    pub refresh: Refresh,
    /// Whether the incremental files behind one that was refused or is stuck wait for a person.
    pub stop_after_rejected: bool,
    /// What is made of a file for the push.
    pub upload: PayloadFormat,
    /// Where somebody is told when a person is needed.
    pub notify: Option<Notify>,
    /// A file is expected at least so often, in days.
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
    let fault = |at: &str, what: String| vec![Fault { at: at.to_owned(), what, is_unknown: false }];
    if document.len() > MAX_BYTES {
        return Err(fault("/", format!("larger than {MAX_BYTES} bytes")));
    }
    let text = document::unmarked(document);
    let text = std::str::from_utf8(text)
        .map_err(|error| fault(&format!("byte {}", error.valid_up_to()), "not UTF-8".to_owned()))?;
    let (value, repeated) = document::parse(text).map_err(|error| {
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
        self.faults.push(Fault { at: at.to_owned(), what: what.into(), is_unknown: false });
    }

    fn unknown(&mut self, at: &str, known: &[&str]) {
        let what = format!("unknown; known here: {}", known.join(", "));
        self.faults.push(Fault { at: at.to_owned(), what, is_unknown: true });
    }

    fn connection(&mut self, name: &str, members: &Map<String, Value>) -> Option<Connection> {
        const KNOWN: [&str; 6] =
            ["refresh", "stopAfterRejected", "upload", "mapping", "dialect", "$schema"];
        let known = [&credential::KNOWN[..], &KNOWN, &checks::KNOWN, &notify::KNOWN].concat();
        self.refuse_unknown("", members, &known);
        self.optional_text("", members, "$schema");
        let caller = self.caller(members);
        let refresh = self.text("", members, "refresh").and_then(|word| {
            let refresh = word.parse().ok();
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
        let upload = self.optional_text("", members, "upload").map(|word| {
            let upload = word.parse().ok();
            if upload.is_none() {
                self.fault("/upload", "must be \"zip\", \"csv\" or \"json\"");
            }
            upload
        });
        let mut mapping =
            self.object("", members, "mapping").map(|members| self.mapping("/mapping", members));
        let notify = self.notify(members);
        let expected_every_days = self.expected_every_days(members);
        let dialect = self.dialect(members);
        self.translate(&dialect, mapping.as_deref_mut().unwrap_or_default());
        let checks = self.checks(members);
        Some(Connection {
            name: name.to_owned(),
            caller: caller?,
            refresh: refresh?,
            stop_after_rejected,
            upload: upload.unwrap_or(Some(PayloadFormat::Zip))?,
            notify,
            expected_every_days,
            mapping: mapping?,
            checks,
            dialect,
        })
    }

    fn mapping(&mut self, at: &str, members: &Map<String, Value>) -> Vec<Field> {
        if members.contains_key(Dialect::CONNECTOR_KEY) {
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
            let pointer = format!("{at}/{}", document::escaped(source));
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
            let pointer = format!("{at}/{}", document::escaped(key));
            self.unknown(&pointer, known);
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
        let pointer = format!("{at}/{}", document::escaped(key));
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

#[cfg(test)]
mod tests;
