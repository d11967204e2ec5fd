//! A file before it is written, to which a defect can be added.

use viva_import::{
    check::{Check, CheckOptions, Day, Report},
    connection::Connection,
    schema::{Limits, Unmapped},
};

use crate::sample::{COLUMNS, Form, Random, Sample};

/// The index of the column that is dropped; it follows the mapped ones.
pub(crate) const NOTES: usize = COLUMNS.len();

/// A file: the header and the rows under it.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    pub(crate) seed: u64,
    pub(crate) form: Form,
    pub(crate) rows: Vec<Row>,
}

/// One row.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    /// The values in the order of [`COLUMNS`], followed by the notes.
    pub(crate) values: Vec<String>,
    /// The bytes that are written instead of the values, without the line end.
    pub(crate) bytes: Option<Vec<u8>>,
}

impl Draft {
    /// The sample, with notes in a column that is dropped. The values of the notes have line breaks.
    pub(crate) fn of(sample: &Sample) -> Self {
        let header = COLUMNS.map(|(name, _)| name.to_owned()).to_vec();
        let mut random = Random(sample.seed);
        let mut noted = |mut values: Vec<String>| {
            values.push(random.one_of(&["", "a", "said \"yes\",\nthen no", "\r\n\n"]).to_owned());
            Row { values, bytes: None }
        };
        let mut rows = vec![noted(header)];
        "Notes".clone_into(&mut rows[0].values[NOTES]);
        rows.extend(sample.rows().map(|row| noted(row.to_vec())));
        Self { seed: sample.seed, form: sample.form.clone(), rows }
    }

    pub(crate) fn has_notes(&self) -> bool {
        self.form.order.contains(&NOTES)
    }

    pub(crate) fn value(&self, row: usize, column: &str) -> &str {
        &self.rows[row].values[place(column)]
    }

    pub(crate) fn set(&mut self, row: usize, column: &str, value: &str) {
        value.clone_into(&mut self.rows[row].values[place(column)]);
    }

    /// Sets the bytes of the row to its values, with each `\x7F` replaced by `mark`.
    pub(crate) fn set_bytes(&mut self, row: usize, column: &str, value: &str, mark: u8) {
        self.set(row, column, value);
        let mut bytes = self.plain(row, &self.form.order);
        bytes.iter_mut().filter(|byte| **byte == 0x7F).for_each(|byte| *byte = mark);
        self.rows[row].bytes = Some(bytes);
    }

    /// The bytes of the row with the columns of `order`, without unnecessary quotation marks and without line
    /// end.
    pub(crate) fn plain(&self, row: usize, order: &[usize]) -> Vec<u8> {
        let form =
            Form { quoted_percent: 0, line_end: "", order: order.to_vec(), ..self.form.clone() };
        let mut bytes = vec![];
        form.record(&self.rows[row].values, &mut Random(0), &mut bytes).unwrap();
        bytes
    }

    /// The rows with the same date as this one.
    pub(crate) fn snapshot(&self, row: usize) -> Vec<usize> {
        let day = self.value(row, "EffectiveDate");
        (1..self.rows.len()).filter(|other| self.value(*other, "EffectiveDate") == day).collect()
    }

    /// The file, and the line on which each row begins.
    pub(crate) fn write(&self) -> (Vec<u8>, Vec<u64>) {
        let mark = if self.form.has_mark { "\u{feff}" } else { "" };
        let mut file = mark.as_bytes().to_vec();
        let (mut lines, mut line) = (vec![], 1);
        for (place, row) in self.rows.iter().enumerate() {
            lines.push(line);
            let start = file.len();
            if let Some(bytes) = &row.bytes {
                file.extend_from_slice(bytes);
                file.extend_from_slice(self.form.line_end.as_bytes());
            } else {
                // Each row has its own random numbers, so that removing a row changes no other row.
                let mut random = Random(self.seed ^ place as u64);
                self.form.record(&row.values, &mut random, &mut file).unwrap();
            }
            line += file[start..].split(|byte| *byte == b'\n').count() as u64 - 1;
        }
        (file, lines)
    }

    pub(crate) fn options(&self) -> CheckOptions {
        let connection = Connection::parse("hr", self.form.connection().as_bytes()).unwrap();
        let limits = Limits {
            max_file_bytes: 1 << 30,
            max_people_bytes: 1 << 30,
            max_shrink_percent: 10,
            max_days_back: 7,
            unmapped: Unmapped::Drop,
        };
        connection.check_options(&limits, Day::from(time::macros::date!(2026 - 11 - 23)))
    }
}

fn place(column: &str) -> usize {
    COLUMNS.iter().position(|(name, _)| *name == column).unwrap()
}

/// The report of a file, and the bytes that may be sent.
pub(crate) fn checked(file: &[u8], options: &CheckOptions) -> (Report, Vec<u8>) {
    let mut check = Check::open(file, options).unwrap();
    let mut output = check.head().to_vec();
    while let Some(row) = check.next_row().unwrap() {
        output.extend_from_slice(row);
    }
    (check.finish().unwrap(), output)
}
