//! The catalogue of rules: the one place where a rule's id, severity, scope, meaning and source
//! stand (`viva-import rules` prints it), and how strictly a connection wants files checked by them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strum::{AsRefStr, EnumString, IntoStaticStr, VariantNames};

use std::fmt;

use encoding_rs::Encoding;
use utoipa::ToSchema;

/// How much a finding matters.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, AsRefStr, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "camelCase")]
#[strum(serialize_all = "camelCase")]
pub enum Severity {
    /// The file is refused.
    Error,
    /// The file passes; a person should know.
    Warning,
    /// Probably not what was meant, or not worth importing.
    Hint,
}

/// One rule.
#[derive(Debug)]
pub struct Rule {
    /// Its id.
    pub id: Id,
    /// Its severity where nobody chose another.
    pub severity: Severity,
    /// Whether a lenient connection leaves the row out, with a warning, instead of refusing the
    /// file.
    pub by_row: bool,
    /// What it is about.
    pub scope: &'static str,
    /// What must hold.
    pub about: &'static str,
    /// What Microsoft's service says where it does not; empty where the rule is our own.
    pub message: &'static str,
    /// Where the rule is written.
    pub source: &'static str,
    /// What passes.
    pub accepted: &'static str,
    /// What does not.
    pub refused: &'static str,
}

impl Id {
    /// The id with this name, in any case.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        RULES.iter().map(|rule| rule.id).find(|id| id.name().eq_ignore_ascii_case(name.trim()))
    }

    /// Whether a connection may lower its severity: where the documentation contradicts itself, or
    /// where it is a matter of taste. What the file cannot be read without, and what guards
    /// against deleting, stays.
    #[must_use]
    pub(crate) fn is_adjustable(self) -> bool {
        let letter = self.name().as_bytes()[0];
        matches!(self, Self::H03 | Self::V07 | Self::V10 | Self::V11)
            || (b"CMQ".contains(&letter) && !matches!(self, Self::C01 | Self::C02))
    }

    /// The rule.
    #[must_use]
    pub fn rule(self) -> &'static Rule {
        &RULES[self as usize]
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The table of `rules`, or the explanation of one.
///
/// # Errors
/// No rule has this id.
pub(crate) fn explain(rules: &[Rule], id: Option<&str>) -> Result<String, String> {
    let Some(id) = id else {
        let rows = rules.iter().map(|rule| {
            format!(
                "{}  {:<8} {:<14} {}\n",
                rule.id,
                rule.severity.as_ref(),
                rule.scope,
                rule.about
            )
        });
        return Ok(rows.collect());
    };
    let Some(id) = Id::parse(id) else {
        return Err(format!("there is no rule {id}; `viva-import rules` lists them"));
    };
    let rule = id.rule();
    let mut text = format!("{id} ({}, {}): {}\n", rule.severity.as_ref(), rule.scope, rule.about);
    text.push_str(&format!("  accepted: {}\n  refused:  {}\n", rule.accepted, rule.refused));
    if !rule.message.is_empty() {
        text.push_str(&format!("  Microsoft says: {}\n", rule.message));
    }
    text.push_str(&format!("  source: {}\n", rule.source));
    if rule.by_row {
        text.push_str("  A lenient connection leaves such rows out and says so.\n");
    }
    if id.is_adjustable() {
        text.push_str(&format!(
            "  A connection can lower it: \"rules\": {{ \"{id}\": \"warning\" }} (or \"hint\", \
             \"off\").\n"
        ));
    }
    Ok(text)
}

const PAGE: &str =
    "https://learn.microsoft.com/viva/insights/advanced/admin/rules-validation-errors";
const PREPARE: &str = "https://learn.microsoft.com/viva/insights/advanced/admin/prepare-org-data";
const IMPORT: &str =
    "https://learn.microsoft.com/viva/insights/advanced/admin/import-org-data-first";
const SUBSEQUENT: &str =
    "https://learn.microsoft.com/viva/insights/advanced/admin/upload-org-data-subsequent";
const WPA: &str = "Workplace Analytics documentation, the predecessor of Viva Insights";
const EARLIER: &str = "the page on validation errors as it was in 2023";
const OWN: &str = "this program's own";

macro_rules! severity {
    (E) => {
        (Severity::Error, false)
    };
    (EW) => {
        (Severity::Error, true)
    };
    (W) => {
        (Severity::Warning, false)
    };
    (L) => {
        (Severity::Hint, false)
    };
}

/// `id severity scope "about" "Microsoft's message" source accepted refused`; `EW` is an error
/// that a lenient connection answers by leaving the row out.
macro_rules! rules {
    ($($id:ident $severity:ident $scope:literal $about:literal $message:literal $source:ident
       $accepted:literal $refused:literal)*) => {
        /// The id of a rule.
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, IntoStaticStr, Serialize, Deserialize,
        )]
        pub enum Id {
            $(#[doc = concat!("Rule ", stringify!($id), ".")] $id,)*
        }

        impl Id {
            /// The id as reports print it.
            #[must_use]
            pub fn name(self) -> &'static str {
                self.into()
            }
        }

        /// Every rule, in the order of the ids.
        pub const RULES: &[Rule] = &[
            $(Rule {
                id: Id::$id,
                severity: severity!($severity).0,
                by_row: severity!($severity).1,
                scope: $scope,
                about: $about,
                message: $message,
                source: $source,
                accepted: $accepted,
                refused: $refused,
            },)*
        ];
    };
}

rules! {
    F01 E "file" "the file is not empty" "Your file is empty. Select another file and upload again." PAGE
        "a header and rows" "no bytes, or nothing but blank lines"
    F02 E "file" "the file is a CSV" "This file has an invalid extension of '{0}'. Select a .csv file and upload again." PAGE
        "export.csv, EXPORT.CSV" "an Excel workbook, a gzip"
    F03 EW "row" "every row has as many columns as the header, and its quotation marks are right" "Invalid .csv format. Number of columns in row does not match number of columns in header. Please check for missing or misplaced commas and upload again." PAGE
        "ana@contoso.com,\"Sales, East\"" "ana@contoso.com,Sales, East"
    F04 EW "byte" "the file is UTF-8" "Non-UTF-8 character found. Make sure your .csv file uses UTF-8 encoding and upload it again." PAGE
        "UTF-8, with or without byte order mark" "UTF-16, Windows-1252"
    F05 E "zip" "the zip holds one .json and one .csv and can be read" "There is a problem with the files in the .zip file. Make sure the .zip file contains only one .json file and one .csv file and upload it again." PAGE
        "data.csv and metadata.json" "a folder, a third file, a damaged entry"
    F06 E "zip" "the .csv in the zip is not empty" "The .csv file in your .zip file is empty. Add a non-empty .csv file and upload the .zip file again." PAGE
        "data.csv with rows" "data.csv of 0 bytes"
    F07 E "zip" "the .json in the zip is not empty" "The .json file in your .zip file is empty. Add a non-empty .json file and upload the .zip file again." PAGE
        "{ \"DatasetType\": ... }" "metadata.json of 0 bytes"
    F08 E "zip" "the .json is what metadata.json should be" "The .json file is invalid. Use a valid .json file and upload the .zip file again." PAGE
        "{ \"DatasetType\": \"HR\", \"IsBootstrap\": \"true\", \"Mapping\": { ... } }" "{ \"DatasetType\": \"HR\", }"
    F09 E "file" "the file is not larger than can be taken" "" IMPORT
        "1 GiB" "1 GiB and a byte"
    F10 E "value" "no value has a line break in it" "\u{201c}New line\u{201d} (\\n) characters aren't permitted in field values." PAGE
        "\"Main Street 1, Springfield\"" "\"Main Street 1<line break>Springfield\""
    F11 E "value" "no value is longer than 128 KB" "The character length of field values in rows can't exceed 128 KB." PAGE
        "131072 bytes" "131073 bytes"
    F12 E "file" "there are rows of data under the header" "" OWN
        "a header and one row" "a header alone; a whole file printed on one line"
    F13 EW "row" "no row is blank" "" OWN
        "blank lines at the end of the file" ",,,,"

    H01 E "header" "no two columns have the same name, capitals and blanks aside" "Two or more column headers in your file are the same. Include unique headers for each column." PAGE
        "Level,Level2" "Level,level"
    H02 E "header" "every column has a name" "Header is missing in column(s) {J}. Include the header name in your selected file and upload again." PAGE
        "PersonId,Organization" "PersonId,"
    H03 E "header" "names have only the letters A to Z, digits and _" "{Header name} contains unsupported special characters. Remove the special characters and upload again." PAGE
        "Cost_Center2" "Cost-Center, Cost Center, Größe"
    H04 E "custom target" "no custom field is called as a system field" "{header name} is a system field. Please rename {header name} so that it doesn't use a system field and upload the file again." PAGE
        "ContractStart" "StartDate, Microsoft_Team"
    H05 E "map" "every field is mapped from one column" "Your file has more than one source column mapped to a data field. Make sure each source column is mapped to a unique field." PAGE
        "Mail to PersonId" "Mail and Login to PersonId"
    H06 E "map" "the header has the mapped columns" "The header names in the .csv file don't match the fields you mapped in the .json file. Make sure the .json file contains the same fields as the .csv file, and upload the .zip file again." PAGE
        "the same names" "other names, or other capitals"
    H07 E "map" "metadata.json has as many fields as the header has columns" "The number of headers in the .csv file doesn't match the fields you mapped in the .json file. Make sure the .json file contains the same fields as the .csv file, and upload the .zip file again." PAGE
        "4 columns, 4 fields" "4 columns, 5 fields"
    H08 E "map" "every column is mapped to a field with a name" "Your .csv file is mapped to a null or empty field in your .json file. Map it to a non-empty field and upload the .zip file again." PAGE
        "\"name\": \"PersonId\"" "\"name\": \"\", \"name\": null"
    H09 E "map" "every type is one the service has, and a reserved field has its own" "The source column isn't mapped to a supported data type. Map to a supported data type and upload the file again." PAGE
        "PersonId as EmailType" "PersonId as StringType; Layer as Number"
    H10 E "json" "DatasetType is HR or Survey" "The .json file specifies a \"DatasetType\" that's not expected. Specify the correct value and upload the .zip file again." PAGE
        "\"DatasetType\": \"HR\"" "\"DatasetType\": \"SalesData\""
    H11 E "custom target" "no custom field's name has blanks" "All custom target field headers need to have no leading, middle, or trailing blank spaces." PAGE
        "CostCenter" "\" CostCenter\", \"Cost Center\""
    H12 E "map" "there are at most 105 fields" "The maximum number of total attributes allowed in the system is 105." PREPARE
        "105 fields" "106 fields"
    H13 E "map" "the fields that the import needs are there (a warning for EffectiveDate)" "Missing {header name} column or {header name} value. {Header name} is a required field." PAGE
        "PersonId, ManagerId, Organization and EffectiveDate" "no ManagerId in a full refresh"
    H14 E "map" "required and reserved fields are spelt exactly" "" PREPARE
        "PersonId" "personid, PersonID"

    V01 EW "value" "an email address" "Invalid {header name} value. {Header name} should be an email address following the form employee@contoso.com." PAGE
        "o'brien@contoso.com" "contoso\\obrien, Ana <ana@contoso.com>"
    V02 EW "value" "text; every value that is UTF-8 is" "Invalid {header name} value. {Header name} should be a string." PAGE
        "anything" "nothing that F04 would not refuse"
    V03 EW "value" "a date, month first (DateTime_MMDDYYYY)" "{Header name} should be a date following the form MM/DD/YYYY, MM/DD/YYYY followed by more text (such as time), MM-DD-YYYY, MM-DD-YY, YYYY-MM-DD, Wednesday, March 14, 2012, March 14, 2012, 14-Mar-2012, or 14-Mar-12." PAGE
        "12/31/2026, 2026-12-31, 31-Dec-26" "31/12/2026, 42067, 2026-12-31T00:00:00Z"
    V04 EW "value" "a date, day first (DateTime_DDMMYYYY)" "{Header name} should be a date following the form DD/MM/YYYY, DD/MM/YYYY followed by more text (such as time), D/MM/YYYY, D/MM/YY, DD-MM-YYYY, DD-MM-YY, YYYY-DD-MM, Wednesday, March 14, 2012, March 14, 2012, 14-Mar-2012, or 14-Mar-12." PAGE
        "31/12/2026, 31/12/26, 31-Dec-26" "12/31/2026, 2026-12-31"
    V05 EW "value" "a number" "Invalid {header name} value. {Header name} should be a double following the form 23.75." PAGE
        "23.75, -1, 1e3" "$23.75, 1,200.00, 23,75"
    V06 EW "value" "a whole number" "Invalid {header name} value. {Header name} should be an integer." PAGE
        "8" "8.0, eight"
    V07 E "value" "required fields have a value in every row" "Missing {header name} column or {header name} value. {Header name} is a required field and needs a value for every row. Add {header name} value and upload the file again." PAGE
        "a PersonId" "no PersonId"
    V08 W "value" "a new person has a ManagerId (incremental). Who is new is not known here, so it is a warning; to the service it is an error" "Missing ManagerId value for new PersonId field. ManagerId is a required field. Add the corresponding ManagerId field and upload again." PAGE
        "one blank ManagerId per EffectiveDate: the top of the organization" "several blank ones"
    V09 EW "value" "TRUE or FALSE" "" WPA
        "TRUE, false" "yes, 1"
    V10 W "value" "WeeklyBadgeOnsiteDays is a number from 0 to 7" "" PREPARE
        "2.5" "8"
    V11 W "value" "SupervisorIndicator is IC, Mngr or Mngr+" "" PREPARE
        "Mngr+" "Manager"

    C01 E "coverage" "PersonId has a value in all rows" "" WPA
        "all rows" "all but one"
    C02 E "coverage" "EffectiveDate has a value in all rows" "Make sure the EffectiveDate column has values in all rows." PREPARE
        "all rows, or no such column" "all but one"
    C03 E "coverage" "ManagerId has a value in 95 % of the rows (a warning where only one person per date has none)" "" WPA
        "the head of a company of 20" "two heads of a company of 20"
    C04 E "coverage" "Organization has a value in 95 % of the rows" "" WPA
        "19 of 20" "18 of 20"
    C05 W "coverage" "the other reserved fields have a value in 95 % of the rows" "" WPA
        "19 of 20" "18 of 20"

    M01 E "hierarchy" "one manager per person and EffectiveDate" "Multiple ManagerIds detected for PersonId in row {row}." EARLIER
        "another manager on another date" "two managers on one date"
    M02 W "hierarchy" "one row per person and EffectiveDate" "" WPA
        "a row per month" "the same row twice"
    M03 W "hierarchy" "nobody reports to themselves" "PersonId in row {} reports to themselves." EARLIER
        "no ManagerId at the top" "ana reports to ana"
    M04 E "hierarchy" "no two people report to each other on one EffectiveDate" "There is a loop in the manager hierarchy." EARLIER
        "ana to bo in May, bo to ana in June" "ana to bo, bo to ana"
    M05 E "hierarchy" "no longer loop either" "There is a loop in the manager hierarchy that contains {X} people and starts with the PersonId in row {}." EARLIER
        "ana to bo to cy" "ana to bo to cy to ana"
    M06 W "hierarchy" "every manager is a person of the file (full refresh)" "" OWN
        "managers with rows of their own" "a manager without a row"
    M07 W "hierarchy" "one person per EffectiveDate has no manager" "" OWN
        "one head" "three heads"
    M08 W "hierarchy" "somebody is at the top on every EffectiveDate" "" OWN
        "one head" "nobody without a manager"

    I01 W "incremental" "whoever changes the past brings the later rows too" "" SUBSEQUENT
        "rows for May and every later date" "a row for May alone, when June is stored"
    I02 W "incremental" "no new column" "You can't perform incremental uploads with new columns." IMPORT
        "the columns of last time" "one more; import it with a full refresh"
    I03 E "full" "no column of the last accepted import is missing: it would be deleted (a warning where its type is another)" "" SUBSEQUENT
        "the columns of last time" "Layer is gone"
    I04 E "full" "rows and people have not fallen by more than MAX_SHRINK_PERCENT since the last accepted import: whoever is missing is deactivated" "" SUBSEQUENT
        "9 % fewer people" "38 % fewer people"

    Q00 L "column" "a column has values" "" PREPARE
        "some values" "none at all"
    Q01 L "column" "dates can be read in one way only (a warning where they are year first under day first)" "" OWN
        "12/31/2026" "nothing but 11/01/2026; 2026-05-04 read as 5 April"
    Q02 L "value" "values, no placeholders" "" OWN
        "an empty value" "#N/A, NULL, TBD"
    Q03 L "value" "real dates" "" OWN
        "03/01/2012" "01/01/1900, 12/31/9999"
    Q04 L "column" "no personal data that the analysis does not need" "" OWN
        "Organization" "BirthDate, HomeAddress, Bonus"
    Q05 L "column" "names in a column of names" "" OWN
        "Sales" "10045"
    Q06 L "column" "not too many different values to group by" "" PREPARE
        "30 organizations" "1001 in the first 65536 rows"
    Q07 L "column" "more than one value to group by" "" PREPARE
        "two countries" "one country in 20 rows or more"
    Q08 W "value" "EffectiveDate is before the day of the upload" "" PREPARE
        "yesterday" "today, tomorrow"
    Q09 L "file" "the columns are separated by commas and no character was lost (an error where the file cannot be read otherwise)" "" OWN
        "commas; jos\u{e9}@contoso.com" "semicolons; jos?@contoso.com"
}

/// What becomes of columns that the mapping does not name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumString, VariantNames, JsonSchema)]
#[strum(serialize_all = "camelCase")]
#[schemars(rename_all = "camelCase")]
pub enum Unmapped {
    /// They are cut and never leave.
    Drop,
    /// The file is refused.
    Refuse,
}

/// Limits that are settings, because nobody has seen the service's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Largest file, in bytes.
    pub max_file_bytes: u64,
    /// Most memory for people and their managers, in bytes.
    pub max_people_bytes: u64,
    /// By how many per cent rows or people may fall from one full refresh to the next.
    pub max_shrink_percent: u64,
    /// Columns that are not mapped, where the connection does not say.
    pub unmapped: Unmapped,
}

/// How a connection wants its files checked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checks {
    /// "Upload valid rows and exclude rows with invalid data".
    pub lenient: bool,
    /// Columns that are not mapped; the setting's word where it is `None`.
    pub unmapped: Option<Unmapped>,
    /// The file's encoding where it is not UTF-8; it is converted.
    pub encoding: Option<&'static Encoding>,
    /// What separates the columns where it is no comma; it is converted.
    pub delimiter: Option<u8>,
    /// Rules with a lower severity, or none.
    pub rules: Vec<(Id, Option<Severity>)>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_the_place_of_its_rule() {
        for (place, rule) in RULES.iter().enumerate() {
            assert_eq!((rule.id as usize, Id::parse(rule.id.name())), (place, Some(rule.id)));
        }
        assert_eq!(Id::parse(" v01"), Some(Id::V01));
        assert_eq!(Id::parse("V1"), None);
    }

    #[test]
    fn what_is_dropped_by_row_would_refuse_the_file_otherwise() {
        assert!(RULES.iter().all(|rule| !rule.by_row || rule.severity == Severity::Error));
    }
}
