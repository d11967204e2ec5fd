//! The columns of a row in the types of the table service, written and read.

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use strum::{AsRefStr, IntoStaticStr};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::{import::moment, storage::table::Properties};

/// A column of the table, for its documentation.
#[derive(Clone, Copy, Debug)]
pub struct ColumnInfo {
    /// The name.
    pub name: &'static str,
    /// The type of its values.
    pub kind: ColumnType,
    /// Its meaning.
    pub about: &'static str,
}

/// The type of a column's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, AsRefStr, IntoStaticStr)]
#[strum(serialize_all = "camelCase")]
pub enum ColumnType {
    /// A word or a sentence.
    Text,
    /// A number of 32 bits.
    Int32,
    /// A number of 64 bits.
    Int64,
    /// `true` or `false`.
    Boolean,
    /// A date-time in UTC.
    DateTime,
    /// A list or an object, as JSON.
    Json,
}

pub(super) const fn column(
    name: &'static str,
    kind: ColumnType,
    about: &'static str,
) -> ColumnInfo {
    ColumnInfo { name, kind, about }
}

/// The most characters of a column. A column holds 32 Ki units of UTF-16, and a character has one or two.
pub(super) const LONGEST_COLUMN: usize = 16_000;

/// A row that is being written.
pub(super) struct Columns(pub(super) Properties);

impl Columns {
    pub(super) fn new(partition: &str, key: &str) -> Self {
        let mut row = Self(Properties::new());
        row.text("PartitionKey", partition);
        row.text("RowKey", key);
        row
    }

    pub(super) fn text(&mut self, column: &str, value: &str) {
        self.0.insert(column.to_owned(), Value::from(value));
    }

    pub(super) fn maybe(&mut self, column: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.text(column, &value.chars().take(LONGEST_COLUMN).collect::<String>());
        }
    }

    /// A list as JSON; nothing if it is empty.
    pub(super) fn list<T: Serialize>(&mut self, column: &str, list: &[T]) {
        let list = serde_json::to_string(list).ok().filter(|_| !list.is_empty());
        self.maybe(column, list.as_deref());
    }

    /// A value as JSON; nothing if there is none.
    pub(super) fn json<T: Serialize>(&mut self, column: &str, value: Option<&T>) {
        let value = value.and_then(|value| serde_json::to_string(value).ok());
        self.maybe(column, value.as_deref());
    }

    pub(super) fn boolean(&mut self, column: &str, value: bool) {
        self.0.insert(column.to_owned(), Value::from(value));
    }

    pub(super) fn number(&mut self, column: &str, value: u32) {
        self.0.insert(column.to_owned(), Value::from(value));
    }

    /// An Int64 is sent as a string with a type; otherwise the service would store an Int32 or a Double.
    pub(super) fn long(&mut self, column: &str, value: u64) {
        self.typed(column, &value.to_string(), "Edm.Int64");
    }

    pub(super) fn time(&mut self, column: &str, at: Option<OffsetDateTime>) {
        if let Some(at) = at {
            self.typed(column, &moment::exact(at), "Edm.DateTime");
        }
    }

    fn typed(&mut self, column: &str, value: &str, edm: &str) {
        self.0.insert(column.to_owned(), Value::from(value));
        self.0.insert(format!("{column}@odata.type"), Value::from(edm));
    }
}

pub(super) fn text(row: &Properties, column: &str) -> Option<String> {
    row.get(column).and_then(Value::as_str).map(str::to_owned)
}

/// A value that was written as JSON; `None` if it is unreadable.
pub(super) fn json<T: DeserializeOwned>(row: &Properties, column: &str) -> Option<T> {
    serde_json::from_str(&text(row, column)?).ok()
}

/// A list that was written as JSON; empty if it is unreadable.
pub(super) fn list<T: DeserializeOwned>(row: &Properties, column: &str) -> Vec<T> {
    json(row, column).unwrap_or_default()
}

pub(super) fn number(row: &Properties, column: &str) -> Option<u64> {
    let value = row.get(column)?;
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

pub(super) fn count(row: &Properties, column: &str) -> u32 {
    number(row, column).and_then(|value| value.try_into().ok()).unwrap_or_default()
}

pub(super) fn boolean(row: &Properties, column: &str) -> bool {
    row.get(column).and_then(Value::as_bool).unwrap_or_default()
}

pub(super) fn time(row: &Properties, column: &str) -> Option<OffsetDateTime> {
    OffsetDateTime::parse(row.get(column)?.as_str()?, &Rfc3339).ok()
}
