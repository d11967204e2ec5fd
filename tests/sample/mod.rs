//! Generates an HR export as a payroll system writes it: people, month after month, under one head.
//!
//! The same seed gives the same bytes. The file breaks no rule, even if it is truncated after any row. Only
//! the current row is in memory.

use std::io::{self, Write};

use serde_json::{Map, Value, json};
use time::Month;

/// Fewest people for which the head alone is not too many rows without a manager (C03).
pub(crate) const FEWEST_PEOPLE: u32 = 24;
/// People under one manager.
const SPAN: u32 = 8;
/// The approximate size of a row.
const ROW_BYTES: u64 = 214;
/// The month of the last snapshot, counted from the year 0: October 2026.
const LAST_MONTH: u32 = 2026 * 12 + 9;

/// The columns and their types. Those named like Viva's fields are Viva's fields.
pub(crate) const COLUMNS: [(&str, &str); 22] = [
    ("PersonId", "EmailType"),
    ("EffectiveDate", "DateTime_MMDDYYYY"),
    ("ManagerId", "EmailType"),
    ("Organization", "StringType"),
    ("LevelDesignation", "StringType"),
    ("FunctionType", "StringType"),
    ("HireDate", "DateTime_MMDDYYYY"),
    ("HourlyRate", "double"),
    ("Layer", "int32"),
    ("SupervisorIndicator", "StringType"),
    ("WeeklyBadgeOnsiteDays", "double"),
    ("Location", "StringType"),
    ("CountryOrRegion", "StringType"),
    ("EmployeeNumber", "int32"),
    ("JobTitle", "StringType"),
    ("LocalTitle", "StringType"),
    ("CostCenter", "StringType"),
    ("Division", "StringType"),
    ("ContractEnd", "DateTime_MMDDYYYY"),
    ("IsRemote", "Boolean"),
    ("WeeklyHours", "double"),
    ("TeamName", "StringType"),
];

const FIRST_NAMES: [&str; 64] = [
    "mei", "priya", "jonas", "aiko", "carlos", "fatima", "liam", "ingrid", "kofi", "zoe", "pavel",
    "noor", "sofia", "hiroshi", "ana", "bo", "amelia", "anders", "beatriz", "caleb", "chidi",
    "clara", "daniel", "deepa", "dmitri", "elena", "emeka", "erik", "esther", "farid", "gabriela",
    "george", "grace", "haruka", "helena", "hugo", "ibrahim", "isabel", "ivan", "jamal", "jasmine",
    "jose", "julia", "kaito", "karin", "kenji", "laila", "lars", "lucia", "marcus", "maria",
    "mateo", "michael", "nadia", "oliver", "paula", "rahul", "rosa", "samuel", "siobhán", "thomas",
    "victoria", "wei", "yuki",
];
/// Last names: one of these and one of the next list.
const LAST_NAMES: [&str; 24] = [
    "ander", "becker", "cald", "de-vri", "erik", "fernand", "garc", "hassan", "iwas", "jank",
    "kim", "lars", "morales-", "novak", "o'bri", "papad", "quint", "ross", "sato", "takah", "ueda",
    "velasqu", "wein", "yamam",
];
const LAST_NAME_ENDS: [&str; 16] = [
    "son", "en", "well", "ez", "ov", "ini", "aki", "berg", "ford", "oto", "ski", "ara", "muñoz",
    "er", "li", "ia",
];
const DOMAINS: [&str; 4] = ["contoso.com", "contoso.com", "contoso.co.jp", "emea.contoso.com"];
const DIVISIONS: [&str; 8] =
    ["Sales", "Research", "Operations", "Finance", "Care", "Legal", "People", "Supply Chain"];
const UNITS: [&str; 12] = [
    "East",
    "West",
    "EMEA",
    "APAC",
    "Japan",
    "Strategy",
    "Platform",
    "Shared Services",
    "LATAM",
    "Nordics",
    "Field",
    "Excellence",
];
const LEVELS: [&str; 6] = ["Executive", "Director", "Manager", "Senior", "Professional", "Junior"];
const FUNCTIONS: [&str; 16] = [
    "Engineering",
    "Marketing",
    "Human Resources",
    "Legal",
    "Support",
    "Information Technology",
    "Procurement",
    "Quality",
    "Accounting",
    "Treasury",
    "Logistics",
    "Manufacturing",
    "Design",
    "Research",
    "Facilities",
    "Communications",
];
/// Job titles: one of these and one of the next list.
const GRADES: [&str; 8] =
    ["", "Senior ", "Lead ", "Principal ", "Associate ", "Junior ", "Director, ", "Head of "];
const TRADES: [&str; 24] = [
    "Software Engineer",
    "Account Executive",
    "Financial Analyst",
    "Counsel",
    "Recruiter",
    "Data Scientist",
    "Product Manager",
    "Mechanical Engineer",
    "Support Specialist",
    "Buyer",
    "Process Technician",
    "Clinical Researcher",
    "UX Designer",
    "Payroll Accountant",
    "Network Administrator",
    "Quality Inspector",
    "Marketing, Brand",
    "Sales, Enterprise",
    "Project Manager",
    "Translator",
    "Logistics Planner",
    "Lab Technician",
    "Trainer",
    "Controller",
];
/// Titles in Japan: one of these and one of the next list.
const LOCAL_TRADES: [&str; 12] = [
    "営業",
    "人事",
    "経理、",
    "開発",
    "品質管理",
    "総務",
    "法務",
    "購買",
    "研究",
    "製造",
    "物流",
    "広報",
];
const LOCAL_GRADES: [&str; 6] = ["部長", "課長", "課長代理", "主任", "担当", "エンジニア"];
const TEAMS: [&str; 20] = [
    "Aurora",
    "Borealis",
    "The \"A\" Team",
    "北斗",
    "Delta",
    "Everest",
    "Fjord",
    "Gecko",
    "Horizon",
    "Iris",
    "Jupiter",
    "Kestrel",
    "Lighthouse",
    "Meridian",
    "Nova",
    "Orchid",
    "Phoenix",
    "Quartz",
    "Rhein",
    "Summit",
];
const PLACES: [(&str, &str); 24] = [
    ("Seattle, WA", "United States"),
    ("Dublin", "Ireland"),
    ("Singapore", "Singapore"),
    ("東京都港区", "Japan"),
    ("Zürich", "Switzerland"),
    ("São Paulo", "Brazil"),
    ("London", "United Kingdom"),
    ("Austin, TX", "United States"),
    ("Bengaluru", "India"),
    ("Hyderabad", "India"),
    ("大阪市北区", "Japan"),
    ("Warszawa", "Poland"),
    ("Toronto", "Canada"),
    ("México D.F.", "Mexico"),
    ("Sydney", "Australia"),
    ("Stockholm", "Sweden"),
    ("Lagos", "Nigeria"),
    ("Cape Town", "South Africa"),
    ("München", "Germany"),
    ("New York, NY", "United States"),
    ("Manila", "Philippines"),
    ("Madrid", "Spain"),
    ("Lyon", "France"),
    ("Atlanta, GA", "United States"),
];

/// Pseudorandom numbers: splitmix64.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`, which is not 0.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).unwrap_or_default()
    }

    pub(crate) fn one_of<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }
}

/// The form of a file.
#[derive(Clone, Debug)]
pub(crate) struct Form {
    pub(crate) line_end: &'static str,
    pub(crate) delimiter: u8,
    pub(crate) has_mark: bool,
    /// The percentage of values that are quoted without need.
    pub(crate) quoted_percent: u64,
    /// The columns in the order of the file.
    pub(crate) order: Vec<usize>,
}

impl Default for Form {
    fn default() -> Self {
        let order = (0..COLUMNS.len()).collect();
        Self { line_end: "\r\n", delimiter: b',', has_mark: false, quoted_percent: 0, order }
    }
}

impl Form {
    /// The connection that accepts the file.
    pub(crate) fn connection(&self) -> String {
        let field = |(name, kind): &(&str, &str)| {
            ((*name).to_owned(), json!({ "name": *name, "type": *kind }))
        };
        let mapping: Map<String, Value> = COLUMNS.iter().map(field).collect();
        let connection = json!({
            "tenantId": "11111111-2222-3333-4444-555555555555",
            "connector": "HR",
            "refresh": "full",
            "credential": { "kind": "managedIdentity" },
            "delimiter": char::from(self.delimiter).to_string(),
            "mapping": mapping,
        });
        connection.to_string()
    }

    /// Writes the values of a row, which are in the order of [`COLUMNS`].
    pub(crate) fn record(
        &self,
        values: &[String],
        random: &mut Random,
        out: &mut impl Write,
    ) -> io::Result<()> {
        for (place, column) in self.order.iter().enumerate() {
            if place > 0 {
                out.write_all(&[self.delimiter])?;
            }
            let value = &values[*column];
            let needs_quotes = |byte| byte == self.delimiter || b"\"\r\n".contains(&byte);
            if value.bytes().any(needs_quotes) || random.next() % 100 < self.quoted_percent {
                write!(out, "\"{}\"", value.replace('"', "\"\""))?;
            } else {
                out.write_all(value.as_bytes())?;
            }
        }
        out.write_all(self.line_end.as_bytes())
    }
}

/// A file: a snapshot of all people for each of some consecutive months.
#[derive(Clone, Debug)]
pub(crate) struct Sample {
    pub(crate) seed: u64,
    /// At least [`FEWEST_PEOPLE`].
    pub(crate) people: u32,
    pub(crate) snapshots: u32,
    pub(crate) form: Form,
}

impl Sample {
    /// A file of about this many bytes, with 13 months.
    pub(crate) fn of_bytes(bytes: u64) -> Self {
        let people = u32::try_from(bytes / ROW_BYTES / 13).unwrap_or(u32::MAX);
        Self { seed: 1, people: people.max(FEWEST_PEOPLE), snapshots: 13, form: Form::default() }
    }

    /// Writes the file.
    pub(crate) fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let mut random = Random(self.seed);
        if self.form.has_mark {
            out.write_all("\u{feff}".as_bytes())?;
        }
        self.form.record(&COLUMNS.map(|(name, _)| name.to_owned()), &mut random, out)?;
        self.rows().try_for_each(|row| self.form.record(&row, &mut random, out))
    }

    /// The rows, by snapshot. The row of a manager precedes those of their people.
    pub(crate) fn rows(&self) -> impl Iterator<Item = [String; COLUMNS.len()]> {
        (0..self.snapshots).flat_map(move |snapshot| {
            let here = (0..self.people).filter(move |person| self.is_here(*person, snapshot));
            here.map(move |person| self.row(person, snapshot))
        })
    }

    /// Whether a person is in a snapshot. People who are not managers may join late or leave early.
    fn is_here(&self, person: u32, snapshot: u32) -> bool {
        let change = self.random(person).next() % 12;
        match person % 32 {
            _ if self.has_reports(person) => true,
            11 => u64::from(snapshot) >= change,
            19 => u64::from(snapshot) <= change,
            _ => true,
        }
    }

    fn row(&self, person: u32, snapshot: u32) -> [String; COLUMNS.len()] {
        let mut of_person = self.random(person);
        let mut of_month = Random(of_person.0 ^ u64::from(snapshot) << 32);
        let layer = std::iter::successors(Some(person), |below| above(*below)).count() - 1;
        let unit = if person == 0 { 0 } else { (person - 1) / (self.people / 40).max(1) } as usize;
        let division = DIVISIONS[unit / UNITS.len() % DIVISIONS.len()];
        let (place, country) = of_person.one_of(&PLACES);
        let is_on_contract = of_person.below(16) == 0;
        [
            self.email(person),
            self.month_end(snapshot),
            self.manager(person, snapshot, &mut of_person).unwrap_or_default(),
            format!("{division}{}", UNITS[unit % UNITS.len()]),
            LEVELS[layer.min(LEVELS.len() - 1)].to_owned(),
            of_person.one_of(&FUNCTIONS).to_owned(),
            format!(
                "{:02}/{:02}/{}",
                1 + of_person.below(12),
                1 + of_person.below(28),
                1995 + of_person.below(25)
            ),
            format!("{}.{:02}", 20 + of_person.below(180), of_person.below(100)),
            layer.to_string(),
            self.indicator(person).to_owned(),
            if person % 40 == 7 { String::new() } else { format!("{}.5", of_month.below(5)) },
            place.to_owned(),
            country.to_owned(),
            (100_000 + of_person.below(900_000)).to_string(),
            of_person.one_of(&GRADES).to_owned() + of_person.one_of(&TRADES),
            if country == "Japan" {
                of_person.one_of(&LOCAL_TRADES).to_owned() + of_person.one_of(&LOCAL_GRADES)
            } else {
                String::new()
            },
            format!("CC-{}", 1000 + of_person.below(2500)),
            division.to_owned(),
            if is_on_contract {
                format!("{:02}-Mar-{}", 1 + of_person.below(28), 2027 + of_person.below(3))
            } else {
                String::new()
            },
            of_person.one_of(&["TRUE", "FALSE"]).to_owned(),
            of_month.one_of(&["40", "40", "37.5", "32", "20"]).to_owned(),
            format!("{} {}", of_person.one_of(&TEAMS), 1 + of_person.below(30)),
        ]
    }

    /// The random numbers of a person.
    fn random(&self, person: u32) -> Random {
        Random(self.seed ^ u64::from(person).wrapping_mul(0xD1B5_4A32_D192_ED03))
    }

    fn has_reports(&self, person: u32) -> bool {
        SPAN * person + 1 < self.people
    }

    fn indicator(&self, person: u32) -> &'static str {
        match SPAN * person + 1 {
            report if self.has_reports(report) => "Mngr+",
            report if report < self.people => "Mngr",
            _ => "IC",
        }
    }

    /// The unique address of a person. The file is not in alphabetical order.
    fn email(&self, person: u32) -> String {
        let all = self.people.next_power_of_two();
        let place = person.wrapping_mul(0x9E37_79B1) % all;
        let (first, rest) =
            (place as usize % FIRST_NAMES.len(), place as usize / FIRST_NAMES.len());
        let (last, rest) = (rest % LAST_NAMES.len(), rest / LAST_NAMES.len());
        let (end, rest) = (rest % LAST_NAME_ENDS.len(), rest / LAST_NAME_ENDS.len());
        let number = if rest > 0 { rest.to_string() } else { String::new() };
        let (first, last, end) = (FIRST_NAMES[first], LAST_NAMES[last], LAST_NAME_ENDS[end]);
        let domain = DOMAINS[person as usize % DOMAINS.len()];
        format!("{first}.{last}{end}{number}@{domain}")
    }

    /// The address of the manager, sometimes in uppercase. Some people get another manager, with a smaller
    /// number than theirs, so that there is no loop.
    fn manager(&self, person: u32, snapshot: u32, random: &mut Random) -> Option<String> {
        let manager = above(person)?;
        let changes = random.below(20) == 0 && random.below(12) < snapshot as usize;
        let email = self.email(if changes { manager.saturating_sub(1) } else { manager });
        Some(if random.below(32) == 0 { email.to_uppercase() } else { email })
    }

    fn month_end(&self, snapshot: u32) -> String {
        let months = LAST_MONTH + 1 + snapshot - self.snapshots;
        let month = u8::try_from(months % 12 + 1).unwrap_or_default();
        let days = Month::January
            .nth_next(month - 1)
            .length(i32::try_from(months / 12).unwrap_or_default());
        format!("{month:02}/{days}/{}", months / 12)
    }
}

/// The manager of a person, in a tree with [`SPAN`] people under each manager.
fn above(person: u32) -> Option<u32> {
    person.checked_sub(1).map(|before| before / SPAN)
}
