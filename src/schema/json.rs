//! A JSON document with the pointer of every key that stands twice.
//!
//! JSON parsers keep the last of two equal keys and say nothing. In a mapping that would drop a
//! column silently.

use std::{cell::RefCell, fmt};

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// A document without the byte order mark that some editors write before it.
pub(crate) fn unmarked(document: &[u8]) -> &[u8] {
    document.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(document)
}

/// The document, and the JSON pointers of the keys that repeat an earlier one.
///
/// # Errors
/// Where it is not JSON: what is wrong, at which line and column.
pub(crate) fn parse(text: &str) -> Result<(Value, Vec<String>), serde_json::Error> {
    let repeated = RefCell::new(vec![]);
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let node = Node { pointer: String::new(), repeated: &repeated };
    let value = node.deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok((value, repeated.into_inner()))
}

/// A key as a JSON pointer spells it.
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
