//! Exports as HR systems write them, and the proposals for them.

use proptest::prelude::ProptestConfig;

use super::*;
use crate::schema::Kind;

/// How a column's value in each row is made.
type Cell = fn(usize) -> String;

const ROWS: usize = 40;

fn person(row: usize) -> String {
    format!("p{row}@contoso.com")
}

fn manager(row: usize) -> String {
    if row == 0 { String::new() } else { person(row / 5) }
}

fn few(row: usize) -> String {
    format!("Group {}", row % 4)
}

fn month_first(row: usize) -> String {
    format!("{:02}/{:02}/2019", row % 12 + 1, row % 28 + 1)
}

fn day_first(row: usize) -> String {
    format!("{:02}/{:02}/2019", row % 28 + 1, row % 12 + 1)
}

fn either_way(row: usize) -> String {
    format!("{:02}/{:02}/2019", row % 12 + 1, (row + 1) % 12 + 1)
}

fn iso(row: usize) -> String {
    format!("2019-{:02}-{:02}", row % 12 + 1, row % 28 + 1)
}

fn today(_: usize) -> String {
    "2026-11-01".to_owned()
}

const OPTIONS: SuggestOptions = SuggestOptions {
    file: std::path::PathBuf::new(),
    tenant: None,
    client_id: None,
    out: None,
    force: false,
    refresh: Refresh::Full,
};

fn export(columns: &[(&str, Cell)]) -> String {
    let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
    let mut lines = vec![names.join(",")];
    for row in 0..ROWS {
        let cells: Vec<String> = columns.iter().map(|(_, cell)| cell(row)).collect();
        lines.push(cells.join(","));
    }
    lines.join("\n")
}

fn proposal(csv: impl AsRef<[u8]>) -> Result<Proposal, String> {
    let profile = Profile::of(csv.as_ref()).map_err(|error| error.to_string())?;
    Proposal::of(&profile, &OPTIONS).map_err(|failure| format!("{failure:?}"))
}

/// The proposal for a column, as one line.
fn line(proposed: &Proposed) -> String {
    match (&proposed.field, proposed.kind) {
        (Some(field), Some(kind)) => {
            format!("{field} {kind} {}", if proposed.confident { "certain" } else { "uncertain" })
        }
        _ => "not mapped".to_owned(),
    }
}

/// The proposal for a column next to those that every export has.
fn beside(name: &str, cell: Cell) -> Proposed {
    let columns: [(&str, Cell); 5] = [
        ("Work_Email", person),
        ("Manager_Email", manager),
        ("Department", few),
        ("Effective_Date", today),
        (name, cell),
    ];
    let columns = proposal(export(&columns)).unwrap().columns;
    let lines: Vec<String> = columns[..4].iter().map(line).collect();
    let usual = [
        "PersonId EmailType certain",
        "ManagerId EmailType certain",
        "Organization StringType certain",
        "EffectiveDate DateTime_MMDDYYYY certain",
    ];
    assert_eq!(lines, usual, "beside {name}");
    columns[4].clone()
}

#[test]
fn fields_are_recognized_by_their_names_in_systems_and_languages() {
    for (name, cell, expected) in [
        ("Job_Level", few as Cell, "LevelDesignation StringType certain"),
        ("Grade", few, "LevelDesignation StringType certain"),
        ("Niveau", few, "LevelDesignation StringType uncertain"),
        ("JobFamily", few, "FunctionType StringType certain"),
        ("Office", few, "Location StringType certain"),
        ("COUNTRY", few, "CountryOrRegion StringType certain"),
        ("Cost_Center", few, "CostCenter StringType certain"),
        ("Kostenstelle", |row| (4711 + row % 3).to_string(), "CostCenter StringType certain"),
        ("hiredate", iso, "HireDate DateTime_MMDDYYYY certain"),
        // A name that the service reserves, so the name alone is not enough.
        ("StartDate", iso, "HireDate DateTime_MMDDYYYY uncertain"),
        ("Layer", |row| (row % 5).to_string(), "Layer int32 certain"),
        ("Layer", |row| format!("L{}", row % 5), "not mapped"),
        ("Hourly_Rate", |row| format!("{}.5", row % 9 + 20), "HourlyRate double uncertain"),
        ("Hourly_Rate", |row| format!("${}", row % 9 + 20), "not mapped"),
        (
            "SupervisorIndicator",
            |row| ["IC", "Mngr", "Mngr+"][row % 3].to_owned(),
            "SupervisorIndicator StringType certain",
        ),
        ("SupervisorIndicator", |row| ["Yes", "No"][row % 2].to_owned(), "not mapped"),
        ("Supervisor_Flag", |row| ["Yes", "No"][row % 2].to_owned(), "not mapped"),
        ("Region", few, "CountryOrRegion StringType uncertain"),
        ("Division", few, "Division StringType certain"),
        ("Title", few, "JobTitle StringType uncertain"),
        ("HourlyPayRate", |row| format!("{}.5", row % 9 + 20), "not mapped"),
    ] {
        assert_eq!(line(&beside(name, cell)), expected, "{name}");
    }
}

#[test]
fn what_is_not_needed_or_must_not_be_sent_is_not_mapped_and_the_reason_says_why() {
    for (name, cell, reason) in [
        ("SSN", few as Cell, "a national identity number"),
        ("Geburtsdatum", iso, "a date of birth"),
        ("DateOfBirth", iso, "a date of birth"),
        ("Home_Address", few, "a private address"),
        ("Mobile", few, "a phone number"),
        ("Personal_Email", |row| format!("x{row}@home.example"), "a private email address"),
        ("Mail privat", |row| format!("x{row}@home.example"), "a private email address"),
        ("Private Email", |row| format!("x{row}@home.example"), "a private email address"),
        ("Âge", |row| (row % 5 + 20).to_string(), "an age"),
        ("Salary", |row| row.to_string(), "pay"),
        ("Gehalt", |row| row.to_string(), "pay"),
        ("IBAN", few, "bank details"),
        ("Gender", few, "a gender"),
        ("Religion", few, "a religion"),
        ("Code", |row| format!("123-45-{row:04}"), "national identity numbers or bank accounts"),
        ("Code", |_| "GB82 WEST 1234 5698 7654 32".to_owned(), "bank accounts"),
        ("First_Name", few, "names of people"),
        ("Manager", few, "names of people"),
        ("Reports To Name", few, "names of people"),
        ("Worker's Manager", few, "names of people"),
        ("Employee #", |row| row.to_string(), "ids that a system gives to people"),
        ("Employee_ID", |row| row.to_string(), "ids that a system gives to people"),
        ("HRBP_Email", |_| "hr@contoso.com".to_owned(), "addresses of people"),
        ("Note", |_| String::new(), "It has no values"),
        ("Hire_Date", |row| format!("{:02}.12.2019", row % 28 + 1), "A date with dots"),
        ("Hire_Date", |_| "2019-12-01T00:00:00".to_owned(), "A timestamp"),
        ("Hire_Date", |_| "20191201".to_owned(), "not dates in a format"),
        (
            "Hire_Date",
            |row| if row % 3 == 0 { "12/31/2019" } else { "31/12/2019" }.to_owned(),
            "others only day first",
        ),
        ("Start_Date", |row| format!("{:02}.12.2019", row % 28 + 1), "A date with dots"),
        ("Supervisor_Flag", |_| "Yes".to_owned(), "its values are not IC"),
        ("Dept", few, "Another column matches Organization better"),
        ("Site", person, "addresses of people"),
        ("", few, "no name in the header"),
    ] {
        let proposed = beside(name, cell);
        assert_eq!(line(&proposed), "not mapped", "{name}");
        assert!(proposed.why.contains(reason), "{name}: {}", proposed.why);
    }
}

#[test]
fn a_column_with_an_unknown_name_is_not_mapped() {
    let cells: [Cell; 4] = [few, iso, |row| (row % 4).to_string(), |_| "TRUE".to_owned()];
    for name in [
        "Shoe",
        "Manager (L2)",
        "Diagnosis",
        "Krankheit",
        "Std_Satz",
        "TimeZone",
        "Microsoft_Team",
        "Manager_Type",
        "Employment_Status",
        "病歴",
        "Period",
    ] {
        for cell in cells {
            let proposed = beside(name, cell);
            assert_eq!(line(&proposed), "not mapped", "{name}");
            assert!(proposed.why.contains("No field of the service has this name"), "{name}");
        }
    }
}

#[test]
fn a_row_of_people_is_never_shown_as_a_header() {
    let rest = "Tveit,Anna,a@x.com,,Rat,Bonn,Gicht\nTveit,Ole,b@x.com,,Rat,Bonn,Grippe\n";
    for first in [
        "Schmidt,Jana,n/a,,Vorstand,Berlin,Krebs",
        "Schmidt,Jana,,,Manager,Service,Krebs",
        "Schmidt,Jana,fehlt,,Vorstand,Berlin,Krebs",
        "Schmidt,Jana,-,,Office,Manager,Krebs",
        "Schmidt,Jana,none,Supervisor,Manager,Division,Employee",
    ] {
        let why = proposal(format!("{first}\n{rest}")).unwrap_err();
        assert!(!first.split(',').any(|cell| cell.len() > 6 && why.contains(cell)), "{why}");
    }
    for header in [
        "Last,First,Work Email,X,Y,Z,W",
        "Last,First,C3,Department,Job Title,Location,W",
        "Last,First,C3,Abteilung,Kostenstelle,Standort,W",
    ] {
        assert!(proposal(format!("{header}\n{rest}")).is_ok(), "{header}");
    }
}

#[test]
fn dates_that_are_valid_in_one_order_only_decide_the_order() {
    let words: Cell = |row| format!("{:02}-Mar-2012", row % 28 + 1);
    let short: Cell = |row| format!("{:02}/{:02}/19", row % 28 + 1, row % 12 + 1);
    let mixed: Cell = |row| if row % 3 == 0 { "12/31/2019" } else { "31/12/2019" }.to_owned();
    let typing_error: Cell = |row| {
        if row == 9 { "15/01/2020".to_owned() } else { format!("{:02}/01/2020", row % 12 + 1) }
    };
    let two_typing_errors: Cell =
        |row| if row % 20 == 0 { "15/01/2020" } else { "02/01/2020" }.to_owned();
    let nearly: Cell = |row| if row == 3 { "unknown".to_owned() } else { iso(row) };
    for (cell, expected) in [
        (month_first as Cell, "HireDate DateTime_MMDDYYYY certain"),
        (day_first, "HireDate DateTime_DDMMYYYY certain"),
        (iso, "HireDate DateTime_MMDDYYYY certain"),
        (words, "HireDate DateTime_MMDDYYYY certain"),
        (short, "HireDate DateTime_DDMMYYYY certain"),
        (mixed, "not mapped"),
        (typing_error, "HireDate DateTime_MMDDYYYY uncertain"),
        // One in twenty.
        (two_typing_errors, "HireDate DateTime_DDMMYYYY certain"),
        (nearly, "HireDate DateTime_MMDDYYYY uncertain"),
    ] {
        assert_eq!(line(&beside("Hire_Date", cell)), expected);
    }
    let alone = |dates: [Cell; 2]| {
        let columns: [(&str, Cell); 3] =
            [("Email", person), ("EffectiveDate", dates[0]), ("Hire_Date", dates[1])];
        let columns = proposal(export(&columns)).unwrap().columns;
        [line(&columns[1]), line(&columns[2])]
    };
    assert_eq!(
        alone([either_way, either_way]),
        ["EffectiveDate DateTime_MMDDYYYY uncertain", "HireDate DateTime_MMDDYYYY uncertain"]
    );
    // The order of one column is used for the other.
    assert_eq!(
        alone([either_way, day_first]),
        ["EffectiveDate DateTime_DDMMYYYY uncertain", "HireDate DateTime_DDMMYYYY certain"]
    );
    assert_eq!(
        alone([either_way, typing_error]),
        ["EffectiveDate DateTime_MMDDYYYY uncertain", "HireDate DateTime_DDMMYYYY uncertain"]
    );
    assert_eq!(
        alone([month_first, typing_error]),
        ["EffectiveDate DateTime_MMDDYYYY certain", "HireDate DateTime_MMDDYYYY uncertain"]
    );
}

#[test]
fn of_two_columns_of_addresses_the_one_with_more_people_is_the_person() {
    let other: Cell = |row| format!("x{row}@fabrikam.com");
    for (columns, expected) in [
        (
            [("A", person as Cell), ("B", manager as Cell)],
            ["PersonId uncertain", "ManagerId uncertain"],
        ),
        ([("A", manager), ("B", person)], ["ManagerId uncertain", "PersonId uncertain"]),
        ([("A", manager), ("Work_Email", person)], ["ManagerId uncertain", "PersonId certain"]),
        (
            [("Supervisor_Email", manager), ("B", person)],
            ["ManagerId certain", "PersonId uncertain"],
        ),
        ([("UPN", person), ("Work_Email", other)], ["not mapped", "PersonId certain"]),
        (
            [("Reports_To", manager), ("Employee", person)],
            ["ManagerId certain", "PersonId certain"],
        ),
        ([("Email", person), ("Manager", other)], ["PersonId certain", "ManagerId uncertain"]),
        // As many different addresses, so not the managers.
        ([("Email", person), ("B", person)], ["PersonId certain", "not mapped"]),
    ] {
        let known: [(&str, Cell); 3] = [("Dept", few), ("Location", few), ("Cost_Center", few)];
        let columns = [columns.as_slice(), &known].concat();
        let columns = &proposal(export(&columns)).unwrap().columns[..2];
        let found: Vec<String> =
            columns.iter().map(|one| line(one).replace(" EmailType", "")).collect();
        assert_eq!(found, expected);
    }
}

#[test]
fn history_has_a_row_for_each_person_and_date() {
    let columns = |day: Cell| {
        let columns: [(&str, Cell); 3] = [
            ("Email", |row| person(row / 2)),
            ("Manager", |row| manager(row / 2)),
            ("Effective_Date", day),
        ];
        line(&proposal(export(&columns)).unwrap().columns[0])
    };
    let monthly: Cell = |row| format!("2026-{:02}-01", row % 2 + 1);
    assert_eq!(columns(monthly), "PersonId EmailType certain");
    assert_eq!(columns(today), "PersonId EmailType uncertain");
}

#[test]
fn a_header_that_the_service_does_not_accept_is_mapped_by_its_new_name() {
    for (name, cell, rename, field) in [
        ("Work Location", few as Cell, Some("Work_Location"), "Location"),
        ("勤務地", few, Some("Location"), "Location"),
        ("役職名", few, Some("JobTitle"), "JobTitle"),
        ("Work_Location", few, None, "Location"),
    ] {
        let proposed = beside(name, cell);
        let found = (proposed.rename.as_deref(), proposed.field.as_deref());
        assert_eq!(found, (rename, Some(field)), "{name}");
    }
    // Another column has the plain name.
    let columns: [(&str, Cell); 3] =
        [("Email", person), ("Cost Center", few), ("Cost_Center", few)];
    let columns = proposal(export(&columns)).unwrap().columns;
    assert_eq!(columns[1].rename.as_deref(), Some("Cost_Center_2"));
    let fields: Vec<&str> = columns.iter().filter_map(|one| one.field.as_deref()).collect();
    assert_eq!(fields, ["PersonId", "CostCenter", "CostCenter_2"]);
}

#[test]
fn columns_with_the_same_name_are_not_mapped() {
    let columns: [(&str, Cell); 3] = [("Email", person), ("Site", few), ("site ", few)];
    let columns = proposal(export(&columns)).unwrap().columns;
    assert_eq!(
        columns.iter().map(line).collect::<Vec<_>>(),
        ["PersonId EmailType certain", "not mapped", "not mapped"]
    );
    let twice: [(&str, Cell); 2] = [("Email", person), ("EMAIL", person)];
    assert!(proposal(export(&twice)).unwrap_err().contains("no column can be mapped"));
}

#[test]
fn every_proposal_is_a_connection_without_faults() {
    let names = names::FIELDS.iter().chain(&names::CUSTOM).flat_map(|(field, others)| {
        others.split_whitespace().map(|name| name.trim_end_matches('?')).chain([*field])
    });
    let more = ["organization", "personid", "Person Id", "EndDate", "x y", "Domain", "\u{e9}"];
    for name in names.chain(more) {
        for cell in [few as Cell, person, iso, day_first, |row| row.to_string()] {
            let columns: [(&str, Cell); 2] = [(name, cell), ("EMail_Work", person)];
            let proposal = proposal(export(&columns)).unwrap();
            let document = proposal.document.to_string();
            let connection = Connection::draft("hr", document.as_bytes()).unwrap();
            let faults =
                mapping_faults(Target::Viva.schema(), &connection.mapping, &connection.checks);
            assert_eq!(faults, Vec::<String>::new(), "{name}");
            let kinds = connection.mapping.iter().map(|field| Kind::parse(&field.kind));
            assert!(kinds.into_iter().all(|kind| kind.is_some()));
        }
    }
}

#[test]
fn options_are_in_the_document_and_an_invalid_one_is_an_error() {
    let columns: [(&str, Cell); 1] = [("Email", person)];
    let profile = Profile::of(export(&columns).as_bytes()).unwrap();
    let guid = "11111111-2222-3333-4444-555555555555".to_owned();
    let options = SuggestOptions {
        tenant: Some(guid.clone()),
        client_id: Some(guid.clone()),
        refresh: Refresh::Incremental,
        ..OPTIONS
    };
    let document = Proposal::of(&profile, &options).unwrap().document;
    let expected = json!({
        "tenantId": guid,
        "connector": "HR",
        "refresh": "incremental",
        "credential": { "kind": "managedIdentity", "clientId": guid },
        "mapping": { "Email": { "name": "PersonId", "type": "EmailType" } },
    });
    assert_eq!(document, expected);
    let options = SuggestOptions { tenant: Some("contoso.com".to_owned()), ..OPTIONS };
    let Err(CommandError::Failed(why)) = Proposal::of(&profile, &options) else { panic!() };
    assert!(why.starts_with("--tenant: must be"), "{why}");
}

/// The errors of the mapping's rules when the file is checked with its proposal.
fn faults_of_the_mapping(csv: &str, proposal: &Proposal) -> Vec<String> {
    let connection = Connection::draft("hr", proposal.document.to_string().as_bytes()).unwrap();
    let limits = crate::config::limits(|_| None).unwrap();
    let today = time::macros::date!(2026 - 12 - 01).into();
    let options = connection.check_options(&limits, today);
    let checked = crate::check::Check::open(csv.as_bytes(), &options).unwrap().finish().unwrap();
    let errors = checked.findings.iter().filter(|found| {
        let is_of_the_mapping = found.rule.name().starts_with('H') && found.rule.name() != "H13";
        is_of_the_mapping && found.severity == crate::schema::Severity::Error
    });
    errors.map(|found| format!("{} {:?}", found.rule, found.column)).collect()
}

proptest::proptest! {
    #![proptest_config(ProptestConfig {
        cases: 100, failure_persistence: None, ..ProptestConfig::default()
    })]
    #[test]
    fn for_any_columns_the_proposed_mapping_breaks_no_rule(
        names in proptest::collection::vec(
            proptest::sample::select(&[
                "Email", "email", "E-Mail", "Work_Email", "Manager", "ManagerId", "PersonId",
                "person id", "Organization", "Organisation", "Dept", "StartDate", "Hire Date",
                "HireDate", "Layer", "Level", "Rate", "HourlyRate", "TimeZone", "Microsoft_X", "X",
                "x", "X_2", "", " ", "Job Title", "job-title", "部署", "Größe", "SSN", "SupervisorIndicator",
                "WeeklyBadgeOnsiteDays", "Effective Date", "effectivedate", "Location ",
            ][..]),
            1..12,
        ),
        values in proptest::collection::vec(
            proptest::sample::select(&[
                "a@x.com", "b@x.com", "c", "12/31/2019", "31/12/2019", "01/02/2019", "2019-12-31",
                "31.12.2019", "1", "7.5", "007", "TRUE", "IC", "123-45-6789", "", " ", "é", "東京",
            ][..]),
            12..60,
        ),
    ) {
        let width = names.len();
        let rows: Vec<String> = values
            .chunks_exact(width)
            .map(|row| format!("p{}@x.com,{}\n", row.len(), row.join(",")))
            .collect();
        let csv = |names: &[String]| format!("UPN,{}\n{}", names.join(","), rows.concat());
        let named = |name: &&str| (*name).to_owned();
        if let Ok(proposal) = proposal(csv(&names.iter().map(named).collect::<Vec<_>>())) {
            let renamed = |(name, one): (&&str, &Proposed)| {
                one.rename.clone().unwrap_or_else(|| (*name).to_owned())
            };
            let header: Vec<String> =
                names.iter().zip(&proposal.columns[1..]).map(renamed).collect();
            let faults = faults_of_the_mapping(&csv(&header), &proposal);
            assert_eq!(faults, Vec::<String>::new(), "{header:?} {:#}", proposal.document);
        }
    }
}
