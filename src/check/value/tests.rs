use super::*;

/// Asserts that every text of the first list is valid, and that the text of the finding for each of the
/// others contains the words.
fn judge(verdict: fn(&[u8]) -> Verdict, valid: &[&str], invalid: &[(&str, &[&str])]) {
    for text in valid {
        assert_eq!(verdict(text.as_bytes()), Ok(()), "{text:?}");
    }
    for (words, texts) in invalid {
        for text in *texts {
            let sentence = verdict(text.as_bytes()).expect_err(text);
            assert!(sentence.contains(words), "{text:?}: {sentence}");
        }
    }
}

fn answer(question: fn(&[u8]) -> bool, yes: &[&str], no: &[&str]) {
    for (texts, expected) in [(yes, true), (no, false)] {
        for text in texts {
            assert_eq!(question(text.as_bytes()), expected, "{text:?}");
        }
    }
}

#[test]
fn an_email_is_one_bare_address_with_a_full_domain() {
    judge(
        email,
        &[
            "employee@contoso.com",
            "EMPLOYEE@CONTOSO.COM",
            "a@b.c",
            "o'brien@contoso.com",
            "first.last+tag@mail.contoso.co.uk",
            "name_contoso.com#EXT#@tenant.onmicrosoft.com",
            "12345@contoso.com",
            "-a_b-@con-toso.com",
            "josé@contoso.com",
            "jose\u{301}@contoso.com",
            "山田@例え.jp",
            "ana@münchen.de",
            "ana@xn--mnchen-3ya.de",
            "mar?a@contoso.com",
            "mar\u{FFFD}a@contoso.com",
            "maria@cont?so.com",
            "maria@cont\u{FFFD}so.com",
        ],
        &[
            ("has no @", &["", "12345", "ana.contoso.com", "Ana Silva", "Silva, Ana", "CORP\\ana"]),
            ("a name and", &["Ana <ana@contoso.com>", "\"Silva, Ana\" <ana@contoso.com>"]),
            ("only one", &["a@contoso.com;b@contoso.com", "a@contoso.com, b@contoso.com"]),
            ("only one", &["a@contoso.com;", "a@contoso,com", "a@@contoso.com", "a@b@contoso.com"]),
            ("only one", &["a@contoso.com b@contoso.com", "a <a@contoso.com>; B <b@contoso.com>"]),
            ("a space", &[" a@contoso.com", "a@contoso.com ", "a b@contoso.com", "a@con toso.com"]),
            (
                "a space",
                &["a@contoso.com\t", "a@contoso.com\n", "a\u{7F}@contoso.com", "a @localhost"],
            ),
            ("a space", &["\u{A0}a@contoso.com", "a@contoso.com\u{200B}", "\u{FEFF}a@contoso.com"]),
            ("no dot", &["a@localhost", "a@", "@", "a..b@contoso"]),
            (
                "of the form",
                &["@contoso.com", ".a@contoso.com", "a.@contoso.com", "a..b@contoso.com"],
            ),
            ("of the form", &["a@.com", "a@contoso.", "a@contoso..com", "a@-contoso.com"]),
            (
                "of the form",
                &["a@contoso-.com", "a@con_toso.com", "a@con§toso.com", "a@contoso.com."],
            ),
            ("of the form", &["mailto:a@contoso.com", "(a)@contoso.com", "a\\b@contoso.com"]),
            ("of the form", &["\"a\"@contoso.com", "[a]@contoso.com", "a@[10.0.0.1]"]),
        ],
    );
}

#[test]
fn an_email_that_is_not_utf_8_is_left_to_the_rule_for_bytes() {
    assert_eq!(email(b"mar\xEDa@contoso.com"), Ok(()));
    assert!(email(b"mar\xEDa contoso.com").is_err());
}

#[test]
fn a_lost_character_marks_an_email_as_damaged() {
    answer(
        is_damaged_email,
        &[
            "mar?a@contoso.com",
            "mar\u{FFFD}a@contoso.com",
            "\u{FF21}\u{FFFD}@contoso.com",
            "a@b?.c",
        ],
        &["maria@contoso.com", "josé@contoso.com", "\u{FF21}na@contoso.com", ""],
    );
}

#[test]
fn a_double_is_digits_point_sign_and_exponent() {
    judge(
        double,
        &[
            "23.75", "0", "5.", ".5", "-3", "+3", "-0.5", "1e5", "1E5", "1.5e-3", "1.e2", "007",
            "1e308", "-.5e+1",
        ],
        &[
            ("currency", &["$23.75", "23.75 $", "€5", "5 €", "£1,000.00", "₹5", "-$3"]),
            ("percent", &["5%", "5 %", "1,5%"]),
            ("commas", &["23,75", "1,000", "1,000.00", "1.000,00", "1 000,5", ","]),
            ("a space", &[" 23.75", "23.75 ", "1 000", "1\u{A0}000", "- 3", " ", "5\t"]),
            ("not a number", &["", ".", "-", "+", "e5", "1e", "1e+", "1.2.3", "--3", "+-3", "3-"]),
            ("not a number", &["NaN", "nan", "inf", "-inf", "Infinity", "1e999", "-1e999"]),
            ("not a number", &["(5)", "0x10", "1_000", "5d", "twelve", "USD5", "−3", "٣", "23'5"]),
        ],
    );
    assert!(double(b"5\xFF").is_err());
}

#[test]
fn an_integer_is_a_whole_number_of_32_bits() {
    judge(
        integer,
        &["0", "-0", "5", "+5", "-5", "007", "2147483647", "-2147483648"],
        &[
            ("has a decimal point", &["5.0", "5.", ".5", "1e3", "99999999999.5", "-1E2"]),
            ("outside", &["2147483648", "-2147483649", "99999999999999999999"]),
            ("commas", &["1,000", "5,0"]),
            ("currency", &["$5"]),
            ("percent", &["5%"]),
            ("a space", &[" 5", "5 ", "1 000"]),
            ("not a number", &["", "-", "+", "five", "5a", "99999999999a", "0x5", "NaN"]),
        ],
    );
    assert!(integer(b"5\xFF").is_err());
}

#[test]
fn a_boolean_is_true_or_false_in_any_case() {
    judge(
        boolean,
        &["TRUE", "FALSE", "true", "false", "True", "fAlSe"],
        &[(
            "TRUE or FALSE",
            &["", "yes", "no", "1", "0", "Y", "N", "T", "F", " TRUE", "TRUE ", "TRUES"],
        )],
    );
}

#[test]
fn onsite_days_are_at_most_a_week() {
    judge(
        onsite_days,
        &["0", "7", "7.0", "2.5", ".5", "-0", "3e0"],
        &[
            ("from 0 to 7", &["7.01", "8", "-1", "-0.5", "1e2"]),
            ("not a number", &["", "three", "NaN", "inf"]),
            ("commas", &["2,5"]),
        ],
    );
}

#[test]
fn a_supervisor_indicator_is_one_of_three() {
    judge(
        supervisor_indicator,
        &["IC", "Mngr", "Mngr+"],
        &[("IC, Mngr or Mngr+", &["", "ic", "MNGR", "Manager", "Mngr +", "Mngr++", " IC", "IC "])],
    );
}

#[test]
fn a_value_of_128_kb_is_the_longest() {
    assert_eq!(length(&vec![b'a'; 131_072]), Ok(()));
    assert!(length(&vec![b'a'; 131_073]).is_err());
}

#[test]
fn a_line_break_inside_is_invalid() {
    judge(
        single_line,
        &["", "Sales and Marketing", "a\tb", "a\\nb", "a\u{85}b"],
        &[("line break", &["a\nb", "a\rb", "a\r\nb", "\n", "a\n"])],
    );
}

#[test]
fn a_blank_value_is_only_whitespace() {
    answer(
        is_blank,
        &["", " ", "   ", "\t", "\r\n", "\u{A0}", " \u{A0} ", "\u{3000}"],
        &["a", " a ", "0", "-", "é", "\u{A0}é", " \u{A0}a", "\u{FFFD}", "山"],
    );
    assert!(!is_blank(b"\xFF"));
}

#[test]
fn a_placeholder_stands_alone() {
    answer(
        is_placeholder,
        &[
            "#N/A", "#n/a", "#REF!", "#VALUE!", "#NAME?", "#DIV/0!", "#NUM!", "#NULL!", "N/A",
            "n/a", "NULL", "null", "None", "nil", "TBD", "tba", "Unknown", "-", "--", "?", "...",
            " N/A ",
        ],
        &[
            "",
            " ",
            "NA",
            "na",
            "Na",
            "Nan",
            "Nilsson",
            "Nonesuch",
            "Unknown Soldier",
            "TBDs",
            "a-b",
            "---",
            "??",
            ".",
            "N/A 2",
            "#1",
            "0",
            "null@contoso.com",
            "Sales",
        ],
    );
}

#[test]
fn a_code_has_no_letters() {
    answer(
        is_code,
        &["1", "0042", "100-200-30", "10.20", "1/2", "10 20", "1_2", "-5", "12:30"],
        &["", "-", " ", "A1", "1A", "CC-100", "3M", "Sales", "10+", "№1", "1,2", "٣"],
    );
}

#[test]
fn a_column_of_personal_data_is_known_by_the_words_of_its_name() {
    let cases: [(&str, &[&str]); 14] = [
        (
            "a national identity number",
            &[
                "SSN",
                "ssn",
                "Last4SSN",
                "SocialSecurityNumber",
                "National_ID",
                "PassportNo",
                "TaxId",
            ],
        ),
        (
            "a date of birth",
            &[
                "DOB",
                "DoB",
                "dob",
                "DateOfBirth",
                "Date of Birth",
                "birthdate",
                "BIRTH_DATE",
                "Birthday",
            ],
        ),
        ("an age", &["Age", "AGE", "age", "AgeGroup", "age_band", "EmployeeAge", "Age2", "HRAge"]),
        ("a private address", &["HomeAddress", "home_address_1", "HOMEADDRESS", "Home Address"]),
        ("a private phone number", &["HomePhone", "home phone number", "Personal-Mobile"]),
        ("pay", &["Bonus", "AnnualBonus", "BaseSalary", "salary", "TotalCompensation", "Wage"]),
        ("bank details", &["BankAccount", "IBAN", "iban_number", "bank"]),
        ("a gender", &["Gender", "SEX", "sex", "GenderIdentity", "gender_code"]),
        ("a race or ethnic origin", &["Race", "Ethnicity", "race_ethnicity", "EthnicGroup"]),
        ("a religion", &["Religion", "ReligiousAffiliation"]),
        ("a trade union membership", &["Union", "UnionMember", "TRADE_UNION", "unionmember"]),
        ("a disability or state of health", &["Disability", "HealthStatus", "medical_leave"]),
        ("a marital status", &["MaritalStatus", "maritalstatus", "Married"]),
        (
            "a sexual orientation or political opinion",
            &["SexualOrientation", "sexual orientation", "PoliticalParty", "political_view"],
        ),
    ];
    for (kind, headers) in cases {
        for header in headers {
            assert_eq!(personal(header), Some(kind), "{header}");
        }
    }
    for header in [
        "",
        "PersonId",
        "ManagerId",
        "EffectiveDate",
        "Organization",
        "HourlyRate",
        "HireDate",
        "LevelDesignation",
        "FunctionType",
        "Layer",
        "SupervisorIndicator",
        "WeeklyBadgeOnsiteDays",
        "Location",
        "CountryOrRegion",
        "Message",
        "MANAGER",
        "Manager",
        "Language",
        "Percentage",
        "Sexton",
        "Stage",
        "Usage",
        "Page",
        "Average",
        "Essex",
        "Middlesex",
        "Sussex",
        "Trace",
        "Grace",
        "Terrace",
        "Embankment",
        "Reunion",
        "Nationality",
        "OfficeAddress",
        "EmailAddress",
        "WorkPhone",
        "Healthcare",
        "Birthplaces",
        "BusinessUnit",
        "Geopolitical",
        "HomeOffice",
        "ISSN",
        "Agency",
        "AgeraTeam",
        "Älter",
        "__",
        "42",
    ] {
        assert_eq!(personal(header), None, "{header}");
    }
}
