//! Fields and their types, every published spelling of a type, and the mapping of columns to fields.

/// The order of day and month in an all-number date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// `MM/DD/YYYY`, and `YYYY-MM-DD`.
    MonthFirst,
    /// `DD/MM/YYYY`, and `YYYY-DD-MM`.
    DayFirst,
}

/// The type of the values of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An email address.
    Email,
    /// Text.
    Text,
    /// A date, month first or day first.
    Date(Order),
    /// A number.
    Double,
    /// A whole number of 32 bits.
    Integer,
    /// TRUE or FALSE.
    Boolean,
}

/// The names of types, in lowercase and without underscores, slashes and a trailing "type".
///
/// Sources: the sample of metadata.json for business data (`EmailType`, `DateTime_MMDDYYYY`,
/// `int32`, `double`), the data types of the portal (`DateTime_MM/DD/YYYY`, `String`, `Double`,
/// `Integer`, `Email`, `Boolean`).
const WORDS: [(&str, Kind); 12] = [
    ("email", Kind::Email),
    ("string", Kind::Text),
    ("double", Kind::Double),
    ("integer", Kind::Integer),
    ("int32", Kind::Integer),
    ("int", Kind::Integer),
    ("boolean", Kind::Boolean),
    ("bool", Kind::Boolean),
    ("datetimemmddyyyy", Kind::Date(Order::MonthFirst)),
    ("datetimeddmmyyyy", Kind::Date(Order::DayFirst)),
    ("mmddyyyy", Kind::Date(Order::MonthFirst)),
    ("ddmmyyyy", Kind::Date(Order::DayFirst)),
];

impl Kind {
    /// Every type.
    pub const ALL: [Self; 7] = [
        Self::Email,
        Self::Text,
        Self::Date(Order::MonthFirst),
        Self::Date(Order::DayFirst),
        Self::Double,
        Self::Integer,
        Self::Boolean,
    ];

    /// The type with this name in metadata.json, in any published spelling.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        let plain: String = word
            .chars()
            .filter(|letter| !"_/ ".contains(*letter))
            .map(|letter| letter.to_ascii_lowercase())
            .collect();
        let plain = plain.strip_suffix("type").unwrap_or(&plain);
        WORDS.iter().find(|(known, _)| *known == plain).map(|(_, kind)| *kind)
    }

    /// The name that this program writes.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Email => "EmailType",
            Self::Text => "StringType",
            Self::Date(Order::MonthFirst) => "DateTime_MMDDYYYY",
            Self::Date(Order::DayFirst) => "DateTime_DDMMYYYY",
            Self::Double => "double",
            Self::Integer => "int32",
            Self::Boolean => "Boolean",
        }
    }

    /// Whether both are the same type, ignoring the order of dates, which depends on the file.
    pub(crate) fn is_like(self, other: Self) -> bool {
        self == other || matches!((self, other), (Self::Date(_), Self::Date(_)))
    }
}

/// A reserved field of a service.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Reserved {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) role: Role,
}

/// The role of a reserved field in the checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    PersonId,
    ManagerId,
    EffectiveDate,
    Organization,
    /// A name to group by.
    Label,
    /// Days per week, 0 to 7.
    OnsiteDays,
    /// IC, Mngr or Mngr+.
    Supervisor,
    Other,
}

/// One column of the mapping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// The column's header in the file.
    pub source: String,
    /// The name of Viva's field, or of the custom field.
    pub target: String,
    /// Microsoft's name of the type.
    pub kind: String,
}

/// The mapping of a file's columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mapping {
    /// The mapping of a connection: the file may have fewer or other columns.
    Fields(Vec<Field>),
    /// The mapping of Microsoft's metadata.json: the file must have exactly these columns.
    Literal(Vec<Field>),
    /// No mapping: columns named like Viva's fields are those fields, all others are custom text.
    Names,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_published_spelling_of_a_type_is_read() {
        for (words, kind) in [
            (&["EmailType", "Email", "email"][..], Kind::Email),
            (&["String", "StringType", "string"], Kind::Text),
            (&["Double", "double", "DOUBLE"], Kind::Double),
            (&["Integer", "int32", "Int32"], Kind::Integer),
            (&["Boolean", "boolean"], Kind::Boolean),
            (
                &["DateTime_MMDDYYYY", "DateTime_MM/DD/YYYY", "datetime_mmddyyyy"],
                Kind::Date(Order::MonthFirst),
            ),
            (&["DateTime_DDMMYYYY", "DateTime_DD/MM/YYYY"], Kind::Date(Order::DayFirst)),
        ] {
            for word in words {
                assert_eq!(Kind::parse(word), Some(kind), "{word}");
            }
            assert_eq!(Kind::parse(kind.word()), Some(kind));
        }
        for word in ["", "DateTime", "Number", "DateTime_YYYYMMDD", "EmailTypeX", "type"] {
            assert_eq!(Kind::parse(word), None, "{word}");
        }
    }
}
