//! The values of a document's members: texts, words, numbers and lists by name. Each is defined once, for
//! reading and for the JSON Schema.

use std::borrow::Cow;

use deserr::{Deserr, IntoValue, Map as _, Value, ValueKind, ValuePointerRef};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Map, json};
use strum::{EnumString, VariantNames};

use super::faults::{Faults, one_of};
use crate::schema::{
    Connector, Dialect, Field, Format, Id, IsBootstrap, Kind, NO_GUID, PayloadFormat, RULES,
    Refresh, Severity, Target, Unmapped, is_file_name, is_guid, is_plain_name, is_setting_name,
};

const BLANK: &str = "must be a text that is not empty";

const GUID: &str = "^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$";
const NOT_BLANK: &str = "\\S";
const SETTING: &str = "^[A-Za-z_][A-Za-z0-9_]{0,63}$";
const FILE_NAME: &str = "^[A-Za-z0-9][A-Za-z0-9._-]{0,59}";

/// The JSON Schema of a type, inlined into the member that has it.
macro_rules! described {
    ($name:ident, $generator:pat => $schema:expr) => {
        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema($generator: &mut SchemaGenerator) -> Schema {
                $schema
            }
        }
    };
}

/// Texts with one condition each: its JSON Schema, whether a text meets it, and the fault if it does not.
macro_rules! texts {
    ($($name:ident: $doc:literal, $schema:expr, $is_met:expr, $fault:expr;)*) => {$(
        #[doc = $doc]
        #[derive(Clone, Debug)]
        pub(super) struct $name(pub(super) String);

        impl Deserr<Faults> for $name {
            fn deserialize_from_value<V: IntoValue>(
                value: Value<V>,
                at: ValuePointerRef,
            ) -> Result<Self, Faults> {
                let is_met: fn(&str) -> bool = $is_met;
                let text = text(value, at)?;
                if is_met(&text) { Ok(Self(text)) } else { Err(Faults::at(at, $fault)) }
            }
        }

        described!($name, _ => $schema);
    )*};
}

texts! {
    Text: "Any text that is not blank.",
        of_pattern(NOT_BLANK), |text| !is_blank(text), BLANK;
    TenantId: "The id of a tenant. Only a draft may have the placeholder.",
        of_guid(), is_guid,
        "must be the tenant id, a GUID: run `az account show --query tenantId`";
    ClientId: "The client id of an app registration or of an identity.",
        of_guid(), |id| is_guid(id) && id != NO_GUID,
        "must be a client id, a GUID such as 11111111-2222-3333-4444-555555555555 that is not all zeros";
    ScaleUnit: "The scale unit of a tenant.",
        of_pattern("^[A-Za-z0-9-]{1,64}$"), is_plain_name,
        "must be a scale unit of letters, digits and hyphens, such as novaprdwus2-01";
    // The value may be the secret itself, so neither fault quotes it.
    SecretSetting: "The name of a setting that holds a secret.",
        of_pattern(SETTING), is_setting_name,
        "must be the name of a setting: at most 64 letters, digits and _. If it is the secret itself, replace \
         the secret: everybody who can read this document knows it";
    AddressSetting: "The name of a setting that holds an address, which is a secret.",
        of_pattern(SETTING), is_setting_name,
        "must be the name of the setting that holds the address: at most 64 letters, digits and _. If it is \
         the address itself, replace the address: it is a secret, and everybody who can read this document \
         knows it";
    Encoding: "The name of an encoding.",
        of_pattern(NOT_BLANK),
        |name| encoding_rs::Encoding::for_label_no_replacement(name.as_bytes()).is_some(),
        "must be the name of an encoding, such as \"utf-8\", \"utf-16\" or \"windows-1252\"";
    Delimiter: "The character between columns.",
        json_schema!({ "enum": DELIMITERS }), |text| DELIMITERS.contains(&text),
        one_of(&DELIMITERS[..4]);
    MappingKey: "The key of the mapping in metadata.json.",
        json_schema!({ "type": "string", "pattern": NOT_BLANK, "not": { "enum": Dialect::FIXED_KEYS } }),
        |key| !is_blank(key) && !Dialect::FIXED_KEYS.contains(&key),
        "must be a text that is not empty, and not the name of another member of metadata.json";
    DataFile: "The name of the data file in the zip.",
        file_of("[cC][sS][vV]"), |name| is_file_name(name, "csv"),
        "must be a file name without a path that ends with .csv";
    MetadataFile: "The name of the metadata file in the zip.",
        file_of("[jJ][sS][oO][nN]"), |name| is_file_name(name, "json"),
        "must be a file name without a path that ends with .json";
    FieldName: "A field of the service, or a custom name.",
        proposing(&Target::default().schema().fields().collect::<Vec<_>>()), |name| !is_blank(name), BLANK;
    TypeName: "A type as the service, the dialect or Microsoft's documentation spells it.",
        proposing(&Kind::ALL.map(Kind::word)), |name| !is_blank(name), BLANK;
}

/// The last one is a tab as JSON reads `"\t"`.
const DELIMITERS: [&str; 5] = [",", ";", "|", "tab", "\t"];

fn text<V: IntoValue>(value: Value<V>, at: ValuePointerRef) -> Result<String, Faults> {
    let Value::String(text) = value else {
        return Err(Faults::kind(at, value.kind(), &[ValueKind::String]));
    };
    Ok(text)
}

/// Whether a text has only blanks; a byte order mark counts as one.
fn is_blank(text: &str) -> bool {
    text.chars().all(|letter| letter.is_whitespace() || letter == '\u{feff}')
}

fn of_pattern(pattern: &str) -> Schema {
    json_schema!({ "type": "string", "pattern": pattern })
}

fn of_guid() -> Schema {
    json_schema!({ "type": "string", "pattern": GUID, "not": { "const": NO_GUID } })
}

fn file_of(ending: &str) -> Schema {
    json_schema!({ "type": "string", "maxLength": 64, "pattern": format!("{FILE_NAME}\\.{ending}$") })
}

/// The schema of a text that is not blank, for which editors propose the `known` ones.
fn proposing(known: &[&str]) -> Schema {
    json_schema!({ "anyOf": [{ "enum": known }, { "type": "string", "pattern": NOT_BLANK }] })
}

/// Enums that a document writes as their words.
macro_rules! words {
    ($($name:ident),*) => {$(
        impl Deserr<Faults> for $name {
            fn deserialize_from_value<V: IntoValue>(
                value: Value<V>,
                at: ValuePointerRef,
            ) -> Result<Self, Faults> {
                let word = if let Value::String(word) = value { word.parse().ok() } else { None };
                word.ok_or_else(|| Faults::at(at, one_of(<Self as VariantNames>::VARIANTS)))
            }
        }
    )*};
}

words!(Connector, Format, IsBootstrap, Level, PayloadFormat, Refresh, Unmapped);

/// The lowered severity of a rule.
#[derive(Clone, Copy, Debug, EnumString, VariantNames)]
#[strum(serialize_all = "camelCase")]
pub(super) enum Level {
    Warning,
    Hint,
    Off,
}

/// The most days between two expected files.
#[derive(Clone, Copy, Debug)]
pub(super) struct Days(pub(super) u32);

impl Days {
    /// Once a year, also in a leap year.
    const MAX: u32 = 366;
}

impl Deserr<Faults> for Days {
    fn deserialize_from_value<V: IntoValue>(
        value: Value<V>,
        at: ValuePointerRef,
    ) -> Result<Self, Faults> {
        if let Value::Integer(days) = value
            && let Ok(days) = u32::try_from(days)
            && (1..=Self::MAX).contains(&days)
        {
            return Ok(Self(days));
        }
        Err(Faults::at(at, format!("must be a whole number from 1 to {}", Self::MAX)))
    }
}

described!(Days, _ => json_schema!({ "type": "integer", "minimum": 1, "maximum": Self::MAX }));

/// A list by name, in the document's order.
fn list<V: IntoValue, T>(
    value: Value<V>,
    at: ValuePointerRef,
    read: fn(&str, Value<V>, ValuePointerRef) -> Result<T, Faults>,
) -> Result<Vec<T>, Faults> {
    let Value::Map(members) = value else {
        return Err(Faults::kind(at, value.kind(), &[ValueKind::Map]));
    };
    let (mut items, mut faults) = (vec![], Faults::default());
    for (name, value) in members.into_iter() {
        match read(&name, value.into_value(), at.push_key(&name)) {
            Ok(item) => items.push(item),
            Err(more) => faults.0.extend(more.0),
        }
    }
    faults.or(items)
}

macro_rules! lists {
    ($($name:ident: $doc:literal, $item:ty, $read:expr, $members:expr;)*) => {$(
        #[doc = $doc]
        #[derive(Clone, Debug, Default)]
        pub(super) struct $name(pub(super) Vec<$item>);

        impl Deserr<Faults> for $name {
            fn deserialize_from_value<V: IntoValue>(
                value: Value<V>,
                at: ValuePointerRef,
            ) -> Result<Self, Faults> {
                list(value, at, $read).map(Self)
            }
        }

        described!($name, _ => {
let members: fn() -> Map<String, serde_json::Value> = $members;
                json_schema!({
                    "type": "object",
                    "properties": members(),
                    "additionalProperties": false
                })
});
    )*};
}

lists! {
    Rules: "Rules whose severity is lowered, or that are off.", (Id, Option<Severity>), rule, || {
        let adjustable = RULES.iter().filter(|rule| rule.id.is_adjustable()).map(|rule| {
            let levels = json!({ "description": rule.about, "enum": Level::VARIANTS });
            (rule.id.name().to_owned(), levels)
        });
        adjustable.collect()
    };
    Types: "How the service spells types.", (Kind, String), spelling, || {
        let word = json!({ "type": "string", "pattern": NOT_BLANK });
        Kind::ALL.iter().map(|kind| (kind.word().to_owned(), word.clone())).collect()
    };
}

/// The columns of the file, each with its field: the value of `Mapping` in Microsoft's metadata.json.
#[derive(Clone, Debug)]
pub(super) struct Mapping(pub(super) Vec<Field>);

impl Deserr<Faults> for Mapping {
    fn deserialize_from_value<V: IntoValue>(
        value: Value<V>,
        at: ValuePointerRef,
    ) -> Result<Self, Faults> {
        if let Value::Map(mut members) = value {
            if members.is_empty() {
                return Err(Faults::at(at, "must map at least one column"));
            }
            if members.remove(Dialect::CONNECTOR_KEY).is_some() {
                let what = "is a whole metadata.json; write only the value of its \"Mapping\"";
                return Err(Faults::at(at, what));
            }
            return list(Value::<V>::Map(members), at, column).map(Self);
        }
        list(value, at, column).map(Self)
    }
}

described!(Mapping, generator => {
json_schema!({
            "type": "object",
            "minProperties": 1,
            "propertyNames": { "pattern": NOT_BLANK, "not": { "const": Dialect::CONNECTOR_KEY } },
            "additionalProperties": generator.subschema_for::<ColumnDocument>()
        })
});

/// The field and the type of a column.
#[derive(Clone, Debug, Deserr, JsonSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
#[schemars(deny_unknown_fields)]
struct ColumnDocument {
    name: FieldName,
    #[deserr(rename = "type")]
    #[schemars(rename = "type")]
    kind: TypeName,
}

fn rule<V: IntoValue>(
    name: &str,
    level: Value<V>,
    at: ValuePointerRef,
) -> Result<(Id, Option<Severity>), Faults> {
    let Some(rule) = Id::parse(name) else {
        return Err(Faults::at(at, "is not a rule. To list the rules, run `viva-import rules`"));
    };
    if rule.name() != name {
        return Err(Faults::at(at, format!("must be written {rule}")));
    }
    if !rule.is_adjustable() {
        let what = "cannot be lowered, because the import would fail or delete data";
        return Err(Faults::at(at, what));
    }
    Ok(match Level::deserialize_from_value(level, at)? {
        Level::Warning => (rule, Some(Severity::Warning)),
        Level::Hint => (rule, Some(Severity::Hint)),
        Level::Off => (rule, None),
    })
}

fn spelling<V: IntoValue>(
    name: &str,
    word: Value<V>,
    at: ValuePointerRef,
) -> Result<(Kind, String), Faults> {
    let Some(kind) = Kind::ALL.into_iter().find(|kind| kind.word() == name) else {
        let known = Kind::ALL.map(Kind::word).join(", ");
        return Err(Faults::at(at, format!("unknown; expected one of: {known}")));
    };
    Ok((kind, Text::deserialize_from_value(word, at)?.0))
}

fn column<V: IntoValue>(
    source: &str,
    column: Value<V>,
    at: ValuePointerRef,
) -> Result<Field, Faults> {
    let mut faults = Faults::default();
    if is_blank(source) {
        faults = Faults::at(at, "must be the header of a column, which is not empty");
    }
    match ColumnDocument::deserialize_from_value(column, at) {
        Ok(ColumnDocument { name: FieldName(target), kind: TypeName(kind) }) => {
            faults.or(Field { source: source.to_owned(), target, kind })
        }
        Err(more) => {
            faults.0.extend(more.0);
            Err(faults)
        }
    }
}
