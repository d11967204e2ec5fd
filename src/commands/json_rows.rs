//! A JSON array of row objects, checked before it is sent as it is.

use std::{
    collections::HashSet,
    fmt,
    io::{self, BufReader, Read},
};

use serde::de::{Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

/// The field that every row must have.
const PERSON: &str = "PersonId";

/// Reads the rows and counts them.
///
/// # Errors
/// Reading failed. The inner `Err` says why the rows are invalid and quotes no value.
pub(super) fn count(input: impl Read) -> io::Result<Result<u64, String>> {
    let mut json = serde_json::Deserializer::from_reader(BufReader::new(input));
    let rows = json.deserialize_seq(Rows).and_then(|rows| json.end().map(|()| rows));
    match rows {
        Ok(0) => Ok(Err("it has no rows".to_owned())),
        Ok(rows) => Ok(Ok(rows)),
        Err(error) if error.is_io() => Err(error.into()),
        // An error of serde could quote the data; an error from here does not.
        Err(error) => {
            let text = error.to_string();
            let ours = text
                .strip_prefix(OURS)
                .map(|text| text.split(" at line ").next().unwrap_or_default().to_owned());
            let what = ours.unwrap_or_else(|| "it is not a JSON array of row objects".to_owned());
            Ok(Err(format!("{what} (line {}, column {})", error.line(), error.column())))
        }
    }
}

/// The beginning of errors from here.
const OURS: &str = "rows: ";

struct Rows;

impl<'de> Visitor<'de> for Rows {
    type Value = u64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of row objects")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<u64, A::Error> {
        let (mut rows, mut first) = (0, None);
        while let Some(Row(fields)) = items.next_element()? {
            rows += 1;
            if !fields.contains(PERSON) {
                return Err(A::Error::custom(format!("{OURS}row {rows} has no {PERSON}")));
            }
            if *first.get_or_insert_with(|| fields.clone()) != fields {
                let what = format!("{OURS}row {rows} has other fields than the first one");
                return Err(A::Error::custom(what));
            }
        }
        Ok(rows)
    }
}

/// The names of a row's fields.
struct Row(HashSet<String>);

impl<'de> serde::Deserialize<'de> for Row {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = Row;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a row object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Row, A::Error> {
                let mut fields = HashSet::new();
                while let Some(name) = members.next_key::<String>()? {
                    members.next_value::<Scalar>()?;
                    if !fields.insert(name) {
                        return Err(A::Error::custom(format!("{OURS}a row has a field twice")));
                    }
                }
                Ok(Row(fields))
            }
        }
        deserializer.deserialize_map(Fields)
    }
}

/// A value that a cell can hold.
struct Scalar;

impl<'de> serde::Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match serde_json::Value::deserialize(deserializer)? {
            serde_json::Value::Array(_) | serde_json::Value::Object(_) => {
                Err(D::Error::custom(format!("{OURS}a value is neither text nor a number")))
            }
            serde_json::Value::Null
            | serde_json::Value::Bool(_)
            | serde_json::Value::Number(_)
            | serde_json::Value::String(_) => Ok(Self),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_counted_and_an_error_quotes_no_value() {
        for (json, expected) in [
            (r#"[{"PersonId":"secret@x.yz","A":1},{"A":null,"PersonId":"b"}]"#, Ok(2)),
            (r#" [ {"PersonId":"a"} ] "#, Ok(1)),
            (
                r#"[{"PersonId":{"A":"secret"}}]"#,
                Err("a value is neither text nor a number (line 1, column 28)"),
            ),
            ("[]", Err("it has no rows")),
            ("", Err("it is not a JSON array of row objects (line 1, column 0)")),
            (
                r#"{"PersonId":"secret"}"#,
                Err("it is not a JSON array of row objects (line 1, column 1)"),
            ),
            (r#"["secret"]"#, Err("it is not a JSON array of row objects (line 1, column 9)")),
            (
                r#"[{"PersonId":"secret"}"#,
                Err("it is not a JSON array of row objects (line 1, column 22)"),
            ),
            (
                r#"[{"PersonId":"a"}] secret"#,
                Err("it is not a JSON array of row objects (line 1, column 20)"),
            ),
            (r#"[{"A":"secret"}]"#, Err("row 1 has no PersonId (line 1, column 16)")),
            (
                r#"[{"PersonId":"secret"},{"PersonId":"b","B":"c"}]"#,
                Err("row 2 has other fields than the first one (line 1, column 48)"),
            ),
            (
                r#"[{"PersonId":"secret","PersonId":"b"}]"#,
                Err("a row has a field twice (line 1, column 37)"),
            ),
        ] {
            let counted = count(json.as_bytes()).unwrap();
            assert_eq!(counted, expected.map_err(ToOwned::to_owned), "{json}");
        }
    }
}
