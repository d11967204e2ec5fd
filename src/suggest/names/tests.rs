//! The keys by which names are compared, and their meanings.

use super::*;

#[test]
fn a_key_is_letters_and_digits_without_case_and_accents() {
    for (header, expected) in [
        ("Work Email", "workemail"),
        ("work_email", "workemail"),
        ("Work E-Mail:", "workemail"),
        ("E-Mail geschäftlich", "emailgeschaeftlich"),
        ("Date d'effet", "datedeffet"),
        ("País", "pais"),
        ("国・地域", "国地域"),
    ] {
        assert_eq!(key(header), expected);
    }
}

#[test]
fn a_plain_name_keeps_what_the_service_accepts() {
    for (header, expected) in [
        ("Work Email", "Work_Email"),
        ("Größe (cm)", "Groesse_cm"),
        ("__a--b", "a_b"),
        ("a_b", "a_b"),
        ("部署", ""),
        ("Coût (€)", "Cout"),
    ] {
        assert_eq!(plain(header), expected);
    }
}

#[test]
fn every_name_of_the_tables_is_a_key_and_occurs_once_in_its_list() {
    let tables = FIELDS.iter().chain(&CUSTOM).chain(&PERSONAL).map(|(_, names)| *names);
    for names in tables.chain([PEOPLE, ENDS_OF_PEOPLE, NUMBERS]) {
        let names: Vec<&str> =
            names.split_whitespace().map(|name| name.trim_end_matches('?')).collect();
        for (at, name) in names.iter().enumerate() {
            assert_eq!(key(name), *name);
            assert!(!names[..at].contains(name), "{name}");
        }
    }
}

#[test]
fn personal_data_is_recognized_and_similar_names_are_not() {
    for header in ["Mail privat", "E-mail perso", "Home Email", "個人メール", "Phone #"] {
        assert!(personal(&key(header)).is_some(), "{header}");
    }
    for header in ["Geburtsdatum", "Privat-E-Mail", "Personal Email", "生年月日", "BSN", "PLZ"]
    {
        assert!(personal(&key(header)).is_some(), "{header}");
    }
    for header in
        ["Work Email", "Person Email", "Emailadresse", "Filter", "Brief", "Geschaeftsbereich"]
    {
        assert_eq!(personal(&key(header)), None, "{header}");
    }
}
