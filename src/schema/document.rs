//! Reading of JSON documents: faults with their positions, repeated members, and valid names.

use std::{cell::RefCell, fmt};

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// A fault of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The position: a JSON pointer, or line and column if the document is not JSON.
    pub at: String,
    /// What is wrong, and what is expected.
    pub what: String,
    /// Whether the fault is an unknown member.
    pub is_unknown: bool,
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
    // A key of the document could otherwise add a line to the log.
    faults.join("; ").replace(char::is_control, "\u{fffd}")
}

/// A document without its byte order mark, which some editors write.
pub(crate) fn unmarked(document: &[u8]) -> &[u8] {
    document.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(document)
}

/// The document, and the JSON pointers of repeated keys. JSON parsers silently keep the last of two equal keys,
/// which would drop a column from a mapping.
///
/// # Errors
/// The document is not valid JSON; the error has line and column.
pub(crate) fn parse(text: &str) -> Result<(Value, Vec<String>), serde_json::Error> {
    let repeated = RefCell::new(vec![]);
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let node = Node { pointer: String::new(), repeated: &repeated };
    let value = node.deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok((value, repeated.into_inner()))
}

/// A key, escaped for a JSON pointer.
pub(crate) fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

struct Node<'a> {
    pointer: String,
    repeated: &'a RefCell<Vec<String>>,
}

impl Node<'_> {
    fn child(&self, step: &str) -> Self {
        Self { pointer: format!("{}/{step}", self.pointer), repeated: self.repeated }
    }
}

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(key) = members.next_key::<String>()? {
            let child = self.child(&escaped(&key));
            let pointer = child.pointer.clone();
            if object.insert(key, members.next_value_seed(child)?).is_some() {
                self.repeated.borrow_mut().push(pointer);
            }
        }
        Ok(Value::Object(object))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut array = vec![];
        while let Some(item) = items.next_element_seed(self.child(&array.len().to_string()))? {
            array.push(item);
        }
        Ok(Value::Array(array))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
}

/// Whether a connection may have this name: 1 to 64 letters, digits, `-`, `_` and `.`, beginning with a letter
/// or digit.
#[must_use]
pub(crate) fn is_connection_name(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name.starts_with(|first: char| first.is_ascii_alphanumeric())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

/// Whether a scale unit or an id is valid: 1 to 64 letters, digits and hyphens. The one becomes part of a
/// header, the other of a path.
#[must_use]
pub(crate) fn is_plain_name(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// The GUID of zeros. Templates have it as a placeholder, and no tenant and no application has it as its id.
pub const NO_GUID: &str = "00000000-0000-0000-0000-000000000000";

/// Whether a text is a GUID.
#[must_use]
pub(crate) fn is_guid(text: &str) -> bool {
    text.len() == 36 && azure_core::Uuid::parse_str(text).is_ok()
}

/// The longest valid name of a setting.
const MAX_NAME_BYTES: usize = 64;

/// Whether a setting may have this name.
#[must_use]
pub(crate) fn is_setting_name(name: &str) -> bool {
    (1..=MAX_NAME_BYTES).contains(&name.len())
        && !name.starts_with(|first: char| first.is_ascii_digit())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
