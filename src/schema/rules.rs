//! The catalogue of rules with id, severity, scope, meaning, remedy and source. `viva-import rules` prints it.

use std::fmt;

use serde::{Deserialize, Serialize};
use strum::{AsRefStr, IntoStaticStr};
use utoipa::ToSchema;

/// How much a finding matters.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, AsRefStr, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "camelCase")]
#[strum(serialize_all = "camelCase")]
pub enum Severity {
    /// The file is rejected.
    Error,
    /// The file is accepted, but a person should know.
    Warning,
    /// Probably a mistake, or not worth importing.
    Hint,
}

/// One rule.
#[derive(Debug)]
pub struct Rule {
    /// Its id.
    pub id: Id,
    /// Its default severity.
    pub severity: Severity,
    /// Whether a lenient connection skips the row, with a warning, instead of rejecting the file.
    pub by_row: bool,
    /// What it applies to.
    pub scope: &'static str,
    /// What it requires, as a sentence without a final period.
    pub about: &'static str,
    /// Microsoft's own message; empty if the rule is our own.
    pub message: &'static str,
    /// Where the rule is documented.
    pub source: &'static str,
    /// Examples that pass.
    pub accepted: &'static str,
    /// Examples that do not pass.
    pub refused: &'static str,
    /// What to do if a file breaks it.
    pub remedy: &'static str,
}

impl Id {
    /// The id with this name, in any case.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        RULES.iter().map(|rule| rule.id).find(|id| id.name().eq_ignore_ascii_case(name.trim()))
    }

    /// Whether a connection may lower its severity: yes if the documentation contradicts itself, or if
    /// the rule is a matter of preference; no if the file is unreadable otherwise, or if the rule guards
    /// against deletion.
    #[must_use]
    pub(crate) fn is_adjustable(self) -> bool {
        let letter = self.name().as_bytes()[0];
        matches!(self, Self::H03 | Self::V07 | Self::V10 | Self::V11)
            || (b"CMQ".contains(&letter) && !matches!(self, Self::C01 | Self::C02))
    }

    /// Whether a person can approve a file that breaks it.
    #[must_use]
    pub(crate) fn is_guard(self) -> bool {
        matches!(self, Self::I03 | Self::I04 | Self::I05)
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

/// The output of `viva-import rules`: a line for each rule, or the explanation of one.
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
        return Err(format!("there is no rule {id}\nRun `viva-import rules` to list all rules."));
    };
    let rule = id.rule();
    let mut text = format!("{id} ({}, {}): {}\n", rule.severity.as_ref(), rule.scope, rule.about);
    text.push_str(&format!(
        "  Passes:         {}\n  Does not pass:  {}\n  What to do:     {}\n",
        rule.accepted, rule.refused, rule.remedy
    ));
    if !rule.message.is_empty() {
        text.push_str(&format!("  Microsoft says: {}\n", rule.message));
    }
    text.push_str(&format!("  Source:         {}\n", rule.source));
    if rule.by_row {
        text.push_str(
            "  With \"lenient\": true in the connection, such rows are skipped with a warning.\n",
        );
    }
    if id.is_adjustable() {
        let (lower, more) = match rule.severity {
            Severity::Error => ("warning", " (or \"hint\", \"off\")"),
            Severity::Warning => ("hint", " (or \"off\")"),
            Severity::Hint => ("off", ""),
        };
        text.push_str(&format!(
            "  To lower the severity, add to the connection: \"rules\": {{ \"{id}\": \"{lower}\" }}{more}\n"
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
const WPA: &str = "documentation of Workplace Analytics, the predecessor of Viva Insights";
const EARLIER: &str = "Microsoft's page on validation errors, as of 2023";
const OWN: &str = "a rule of viva-import, not of Microsoft";

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

/// `id severity scope about message source accepted refused remedy`, where `EW` is an error for which
/// a lenient connection skips the row.
macro_rules! rules {
    ($($id:ident $severity:ident $scope:literal $about:literal $message:literal $source:ident
       $accepted:literal $refused:literal $remedy:literal)*) => {
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
                remedy: $remedy,
            },)*
        ];
    };
}

rules! {
    F01 E "file" "The file must not be empty"
        "Your file is empty. Select another file and upload again." PAGE
        "a header and rows" "0 bytes; only blank lines"
        "Export the file again."
    F02 E "file" "The file must be a CSV"
        "This file has an invalid extension of '{0}'. Select a .csv file and upload again." PAGE
        "export.csv, EXPORT.CSV" "an Excel workbook, a gzip file"
        "Export the data as \"CSV UTF-8\"."
    F03 EW "row" "Every row must have as many columns as the header, and correct quotation marks"
        "Invalid .csv format. Number of columns in row does not match number of columns in header. Please check for missing or misplaced commas and upload again." PAGE
        "ana@contoso.com,\"Sales, East\"" "ana@contoso.com,Sales, East"
        "Put a value that contains a comma in quotation marks. Double (\"\") a quotation mark inside such a value."
    F04 EW "byte" "The file must be UTF-8"
        "Non-UTF-8 character found. Make sure your .csv file uses UTF-8 encoding and upload it again." PAGE
        "UTF-8, with or without a byte order mark" "UTF-16, Windows-1252"
        "Export the file as \"CSV UTF-8\", or name its encoding in the connection: \"encoding\": \"windows-1252\"."
    F05 E "zip" "The zip must be readable and contain exactly one .csv file and one .json file"
        "There is a problem with the files in the .zip file. Make sure the .zip file contains only one .json file and one .csv file and upload it again." PAGE
        "data.csv and metadata.json" "a folder, a third file, a damaged entry"
        "Create a new zip: `zip -X info.zip data.csv metadata.json`."
    F06 E "zip" "The .csv file in the zip must not be empty"
        "The .csv file in your .zip file is empty. Add a non-empty .csv file and upload the .zip file again." PAGE
        "data.csv with rows" "data.csv of 0 bytes"
        "Export the .csv file again, and create a new zip."
    F07 E "zip" "The .json file in the zip must not be empty"
        "The .json file in your .zip file is empty. Add a non-empty .json file and upload the .zip file again." PAGE
        "{ \"DatasetType\": ... }" "metadata.json of 0 bytes"
        "Write the mapping into metadata.json, and create a new zip."
    F08 E "zip" "The .json file must be a valid metadata.json"
        "The .json file is invalid. Use a valid .json file and upload the .zip file again." PAGE
        "{ \"DatasetType\": \"HR\", \"IsBootstrap\": \"true\", \"Mapping\": { ... } }" "{ \"DatasetType\": \"HR\", }; with a warning: a byte order mark before it, \"IsBootstrap\": true, ColumnMap; with a hint: other members"
        "Correct metadata.json, and save it as UTF-8 without a byte order mark. The template in the Viva Insights portal shows its form."
    F09 E "file" "The file must not be larger than MAX_FILE_BYTES (default: 1 GiB)"
        "" IMPORT
        "1 GiB" "1 GiB and a byte"
        "Split the file. Raise MAX_FILE_BYTES only if the service accepts more."
    F10 E "value" "A value must not contain a line break"
        "\u{201c}New line\u{201d} (\\n) characters aren't permitted in field values." PAGE
        "\"Main Street 1, Springfield\"" "\"Main Street 1<line break>Springfield\""
        "Replace the line break with a space in the export."
    F11 E "value" "A value must not be longer than 128 KB"
        "The character length of field values in rows can't exceed 128 KB." PAGE
        "131072 bytes" "131073 bytes"
        "Shorten the value. If it is short in the source system, look for a quotation mark that is never closed."
    F12 E "file" "The file must have data rows"
        "" OWN
        "a header and one row" "a header alone; a whole file on one line"
        "Export the data again, with each row on its own line."
    F13 EW "row" "A row must not be blank"
        "" OWN
        "blank lines at the end of the file" ",,,,"
        "Remove the blank row."

    H01 E "header" "Two columns must not have the same name (case and surrounding spaces are ignored)"
        "Two or more column headers in your file are the same. Include unique headers for each column." PAGE
        "Level,Level2" "Level,level"
        "Rename one of the columns."
    H02 E "header" "Every column must have a name"
        "Header is missing in column(s) {J}. Include the header name in your selected file and upload again." PAGE
        "PersonId,Organization" "PersonId,"
        "Name the column, or remove it."
    H03 E "header" "Names of columns and fields must contain only A to Z, a to z, 0 to 9 and _"
        "{Header name} contains unsupported special characters. Remove the special characters and upload again." PAGE
        "Cost_Center2" "Cost-Center, Cost Center, Größe"
        "Rename the column."
    H04 E "custom target" "A custom field must not have the name of a system field"
        "{header name} is a system field. Please rename {header name} so that it doesn't use a system field and upload the file again." PAGE
        "ContractStart" "StartDate, Microsoft_Team"
        "Map the column to another field name."
    H05 E "map" "Only one column may be mapped to a field"
        "Your file has more than one source column mapped to a data field. Make sure each source column is mapped to a unique field." PAGE
        "Mail to PersonId" "Mail and Login to PersonId"
        "Map one of the columns to another field."
    H06 E "map" "The header must have the mapped columns"
        "The header names in the .csv file don't match the fields you mapped in the .json file. Make sure the .json file contains the same fields as the .csv file, and upload the .zip file again." PAGE
        "the same names" "other names; the same names in another case"
        "Use the same names in the header and in the mapping."
    H07 E "map" "metadata.json must have as many fields as the header has columns"
        "The number of headers in the .csv file doesn't match the fields you mapped in the .json file. Make sure the .json file contains the same fields as the .csv file, and upload the .zip file again." PAGE
        "4 columns, 4 fields" "4 columns, 5 fields"
        "Map every column of the file in metadata.json, and no other."
    H08 E "map" "Every column must be mapped to a field with a name"
        "Your .csv file is mapped to a null or empty field in your .json file. Map it to a non-empty field and upload the .zip file again." PAGE
        "\"name\": \"PersonId\"" "\"name\": \"\", \"name\": null"
        "Enter the name of the field, or remove the column from the mapping."
    H09 E "map" "The service must support the type of a field, and a reserved field must have its own type"
        "The source column isn't mapped to a supported data type. Map to a supported data type and upload the file again." PAGE
        "PersonId as EmailType" "PersonId as StringType; Layer as Number"
        "Change the type in the mapping."
    H10 E "json" "DatasetType must be HR or Survey"
        "The .json file specifies a \"DatasetType\" that's not expected. Specify the correct value and upload the .zip file again." PAGE
        "\"DatasetType\": \"HR\"" "\"DatasetType\": \"SalesData\""
        "Correct DatasetType in metadata.json."
    H11 E "custom target" "The name of a custom field must not contain spaces"
        "All custom target field headers need to have no leading, middle, or trailing blank spaces." PAGE
        "CostCenter" "\" CostCenter\", \"Cost Center\""
        "Remove the spaces from the name of the field in the mapping."
    H12 E "map" "The file must not have more than 105 fields"
        "The maximum number of total attributes allowed in the system is 105." PREPARE
        "105 fields" "106 fields"
        "Map fewer columns."
    H13 E "map" "The file must have the required fields"
        "Missing {header name} column or {header name} value. {Header name} is a required field." PAGE
        "PersonId, ManagerId, Organization and EffectiveDate" "no ManagerId in a full refresh"
        "Add the column to the export, and map it to the field. A missing EffectiveDate is a warning."
    H14 E "map" "Required and reserved fields must be spelled exactly"
        "" PREPARE
        "PersonId" "personid, PersonID"
        "Correct the name of the field in the mapping."

    V01 EW "value" "The value must be an email address"
        "Invalid {header name} value. {Header name} should be an email address following the form employee@contoso.com." PAGE
        "o'brien@contoso.com" "contoso\\obrien, Ana <ana@contoso.com>"
        "Export the full address alone, like employee@contoso.com."
    V02 EW "value" "The value must be text (any UTF-8 value is)"
        "Invalid {header name} value. {Header name} should be a string." PAGE
        "any text" "no text; F04 finds bytes that are not UTF-8"
        "Nothing: no value breaks this rule."
    V03 EW "value" "The value must be a date, month first (DateTime_MMDDYYYY)"
        "{Header name} should be a date following the form MM/DD/YYYY, MM/DD/YYYY followed by more text (such as time), MM-DD-YYYY, MM-DD-YY, YYYY-MM-DD, Wednesday, March 14, 2012, March 14, 2012, 14-Mar-2012, or 14-Mar-12." PAGE
        "12/31/2026, 2026-12-31, 31-Dec-26" "31/12/2026, 42067, 2026-12-31T00:00:00Z"
        "Export dates as MM/DD/YYYY. If the dates are day first, map the column as DateTime_DDMMYYYY."
    V04 EW "value" "The value must be a date, day first (DateTime_DDMMYYYY)"
        "{Header name} should be a date following the form DD/MM/YYYY, DD/MM/YYYY followed by more text (such as time), D/MM/YYYY, D/MM/YY, DD-MM-YYYY, DD-MM-YY, YYYY-DD-MM, Wednesday, March 14, 2012, March 14, 2012, 14-Mar-2012, or 14-Mar-12." PAGE
        "31/12/2026, 31/12/26, 31-Dec-26" "12/31/2026, 2026-12-31"
        "Export dates as DD/MM/YYYY. If the dates are month first or year first (YYYY-MM-DD), map the column as DateTime_MMDDYYYY."
    V05 EW "value" "The value must be a number"
        "Invalid {header name} value. {Header name} should be a double following the form 23.75." PAGE
        "23.75, -1, 1e3" "$23.75, 1,200.00, 23,75"
        "Export the number alone, with a decimal point and without thousands separators."
    V06 EW "value" "The value must be an integer"
        "Invalid {header name} value. {Header name} should be an integer." PAGE
        "8" "8.0, eight"
        "Export a whole number. A custom field can also be mapped as double."
    V07 E "value" "A required field must have a value in every row"
        "Missing {header name} column or {header name} value. {Header name} is a required field and needs a value for every row. Add {header name} value and upload the file again." PAGE
        "a PersonId" "no PersonId"
        "Add the value in the source system."
    V08 W "value" "A new person should have a ManagerId (incremental)"
        "Missing ManagerId value for new PersonId field. ManagerId is a required field. Add the corresponding ManagerId field and upload again." PAGE
        "one empty ManagerId per EffectiveDate: the head of the organization" "several empty ManagerIds"
        "Add the ManagerId of each new person. The check does not know who is new, so this is a warning; for the service it is an error."
    V09 EW "value" "The value must be TRUE or FALSE"
        "" WPA
        "TRUE, false" "yes, 1"
        "Export TRUE or FALSE."
    V10 W "value" "WeeklyBadgeOnsiteDays should be a number from 0 to 7"
        "" PREPARE
        "2.5" "8"
        "Correct the value in the source system."
    V11 W "value" "SupervisorIndicator should be IC, Mngr or Mngr+"
        "" PREPARE
        "Mngr+" "Manager"
        "Export IC (individual contributor), Mngr (manager) or Mngr+ (manager of managers), in exactly this spelling."

    C01 E "coverage" "PersonId must have a value in all rows"
        "" WPA
        "all rows" "all rows but one"
        "Add the missing values in the source system."
    C02 E "coverage" "EffectiveDate must have a value in all rows"
        "Make sure the EffectiveDate column has values in all rows." PREPARE
        "all rows; no such column" "all rows but one"
        "Add the missing values in the source system."
    C03 E "coverage" "ManagerId must have a value in 95 % of the rows"
        "" WPA
        "the head of a company of 20" "two heads of a company of 20"
        "Add the missing ManagerIds. Only the head of the organization should have none. If only one person per date has none, or in an incremental import, this is a warning."
    C04 E "coverage" "Organization must have a value in 95 % of the rows"
        "" WPA
        "19 of 20" "18 of 20"
        "Add the missing values in the source system. In an incremental import, this is a warning."
    C05 W "coverage" "The other reserved fields should have a value in 95 % of the rows"
        "" WPA
        "19 of 20" "18 of 20"
        "Add the missing values in the source system, or do not map the column."

    M01 E "hierarchy" "A person must have only one manager per EffectiveDate"
        "Multiple ManagerIds detected for PersonId in row {row}." EARLIER
        "another manager on another date" "two managers on one date"
        "Keep only the row with the right manager."
    M02 W "hierarchy" "A person should have only one row per EffectiveDate"
        "" WPA
        "a row per month" "the same row twice"
        "Remove the duplicate row."
    M03 W "hierarchy" "A person should not be their own manager"
        "PersonId in row {} reports to themselves." EARLIER
        "an empty ManagerId at the top" "ana reports to ana"
        "Leave ManagerId empty for the head of the organization. Enter the manager of anybody else."
    M04 E "hierarchy" "Two people must not report to each other on the same EffectiveDate"
        "There is a loop in the manager hierarchy." EARLIER
        "ana to bo in May, bo to ana in June" "ana to bo, bo to ana"
        "Correct the ManagerId in one of the rows."
    M05 E "hierarchy" "The hierarchy must not have a loop of more than two people"
        "There is a loop in the manager hierarchy that contains {X} people and starts with the PersonId in row {}." EARLIER
        "ana to bo to cy" "ana to bo to cy to ana"
        "Correct the ManagerId in one of the rows."
    M06 W "hierarchy" "Every manager should have a row in the file (full refresh)"
        "" OWN
        "managers with rows of their own" "a manager without a row"
        "Add a row for the manager."
    M07 W "hierarchy" "Only one person per EffectiveDate should have no manager (full refresh)"
        "" OWN
        "one head" "three heads"
        "Add the missing ManagerIds."
    M08 W "hierarchy" "One person per EffectiveDate should have no manager (full refresh)"
        "" OWN
        "one head" "nobody without a manager"
        "Leave ManagerId empty for the head of the organization."

    I01 W "incremental" "A change in the past should come with the later rows of the person"
        "" SUBSEQUENT
        "rows for May and every later date" "a row for May alone, when June is stored"
        "Add the rows of the person for all later dates."
    I02 W "incremental" "An incremental import should not have a new column"
        "You can't perform incremental uploads with new columns." IMPORT
        "the columns of the last accepted import" "one more column"
        "Import the new column with a full refresh."
    I03 E "full" "The file must have all columns of the last accepted import"
        "" SUBSEQUENT
        "the columns of the last accepted import" "Layer is missing"
        "Add the column, because a full refresh deletes it. If this is intended, approve the import: `viva-import approve IMPORT`. Another type is a warning."
    I04 E "full" "Rows and people must not decrease by more than MAX_SHRINK_PERCENT since the last accepted import"
        "" SUBSEQUENT
        "9 % fewer people" "38 % fewer people"
        "Export everybody, because a full refresh deactivates people who are missing. If this is intended, approve the import: `viva-import approve IMPORT`."
    I05 E "file" "A file must not be older than what was accepted"
        "" OWN
        "a snapshot of next week; a planned hire of next year in the last accepted import that is gone; a change that is dated back in an incremental import" "a full refresh whose latest EffectiveDate is more than MAX_DAYS_BACK days before that of the last accepted import; an incremental file written before the last accepted one of its connection; a full refresh written before an incremental import that was accepted"
        "Upload the current export. If this is intended, approve the import: `viva-import approve IMPORT`. A new upload of the same file is newer."

    Q00 L "column" "A column should have values"
        "" PREPARE
        "some values" "none at all"
        "Fill the column, or do not map it."
    Q01 L "column" "Dates should have only one meaning"
        "" OWN
        "12/31/2026" "only dates like 11/01/2026; 2026-05-04 in a day-first column (5 April)"
        "Compare a date with the source system, and map the column as DateTime_MMDDYYYY or DateTime_DDMMYYYY. Year-first dates in a day-first column are a warning."
    Q02 L "value" "A value should not be a placeholder"
        "" OWN
        "an empty value" "#N/A, NULL, TBD"
        "Leave the value empty."
    Q03 L "value" "A date should not be a placeholder"
        "" OWN
        "03/01/2012" "01/01/1900, 12/31/9999"
        "Leave the value empty."
    Q04 L "column" "The file should have no personal data that the analysis does not need"
        "" OWN
        "Organization" "BirthDate, HomeAddress, Bonus"
        "Do not map the column."
    Q05 L "column" "A column of names should not contain codes"
        "" OWN
        "Sales" "10045"
        "Export the names instead of the codes."
    Q06 L "column" "A column should not have too many different values to group by"
        "" PREPARE
        "30 organizations" "1001 in the first 65536 rows"
        "To group by this column, export broader groups."
    Q07 L "column" "A column should have more than one value to group by"
        "" PREPARE
        "two countries" "one country in 20 rows or more"
        "Do not map the column if you do not need it."
    Q08 W "value" "EffectiveDate should be before the day of the upload"
        "" PREPARE
        "yesterday" "today, tomorrow"
        "Export the row with an earlier EffectiveDate."
    Q09 L "file" "Commas should separate the columns, and no character should be lost"
        "" OWN
        "commas; josé@contoso.com" "semicolons; jos?@contoso.com"
        "Export the file with commas as \"CSV UTF-8\". If the file cannot be read with its delimiter or encoding, this is an error."
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_the_index_of_its_rule() {
        for (index, rule) in RULES.iter().enumerate() {
            assert_eq!((rule.id as usize, Id::parse(rule.id.name())), (index, Some(rule.id)));
        }
        assert_eq!(Id::parse(" v01"), Some(Id::V01));
        assert_eq!(Id::parse("V1"), None);
    }

    #[test]
    fn only_errors_skip_rows() {
        assert!(RULES.iter().all(|rule| !rule.by_row || rule.severity == Severity::Error));
    }
}
