//! NCRONTAB: cron with a first field for seconds; with five fields, the second is 0. Always in UTC, as a
//! function app without `WEBSITE_TIME_ZONE`.

use chrono::DateTime;
use croner::{
    Cron,
    errors::CronError,
    parser::{CronParser, Seconds, Year},
};
use time::OffsetDateTime;

/// The words that NCRONTAB accepts; croner accepts more than the host.
const WORDS: [&str; 19] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec", "sun",
    "mon", "tue", "wed", "thu", "fri", "sat",
];

/// When a timer fires.
#[derive(Debug)]
pub struct Schedule(Cron);

/// Why a text is not a schedule.
#[derive(Debug, thiserror::Error)]
pub enum ScheduleError {
    /// It has words or characters that the host does not accept.
    #[error("is not an NCRONTAB expression (time spans are not supported)")]
    NotNcrontab,
    /// Its fields are invalid.
    #[error(transparent)]
    Fields(#[from] CronError),
}

impl Schedule {
    /// Reads a schedule.
    ///
    /// # Errors
    /// If the text is not NCRONTAB.
    pub fn parse(text: &str) -> Result<Self, ScheduleError> {
        let strange = |c: char| !c.is_ascii_alphanumeric() && !" \t*,-/".contains(c);
        let mut words = text.split(|c: char| !c.is_ascii_alphabetic()).filter(|w| !w.is_empty());
        if text.contains(strange)
            || words.any(|word| !WORDS.contains(&word.to_ascii_lowercase().as_str()))
        {
            return Err(ScheduleError::NotNcrontab);
        }
        let parser = CronParser::builder()
            .seconds(Seconds::Optional)
            .year(Year::Disallowed)
            .sloppy_ranges(true)
            // With NCRONTAB, both the day of the month and the weekday must match.
            .dom_and_dow(true)
            .build();
        Ok(Self(parser.parse(text)?))
    }

    /// The first time strictly after `moment`.
    #[must_use]
    pub fn next(&self, moment: OffsetDateTime) -> Option<OffsetDateTime> {
        let moment = DateTime::from_timestamp(moment.unix_timestamp(), 0)?;
        let next = self.0.find_next_occurrence(&moment, false).ok()?;
        OffsetDateTime::from_unix_timestamp(next.timestamp()).ok()
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn the_first_of_six_fields_is_the_second() {
        let now = datetime!(2026-11-24 10:00:00.5 UTC);
        for (text, next) in [
            ("0 */5 * * * *", datetime!(2026-11-24 10:05:00 UTC)),
            ("*/5 * * * *", datetime!(2026-11-24 10:05:00 UTC)),
            ("30 0 3 * * MON", datetime!(2026-11-30 03:00:30 UTC)),
            ("* * * * * *", datetime!(2026-11-24 10:00:01 UTC)),
            // The 13th that is a Friday, not every 13th and every Friday.
            ("0 0 0 13 * 5", datetime!(2027-08-13 00:00:00 UTC)),
        ] {
            assert_eq!(Schedule::parse(text).unwrap().next(now), Some(next), "{text}");
        }
    }

    #[test]
    fn what_ncrontab_does_not_accept_is_an_error() {
        for text in ["", "@daily", "0 0 0 L * *", "0 0 0 ? * 5#2", "00:05:00", "0 61 * * * *"] {
            assert!(Schedule::parse(text).is_err(), "{text}");
        }
    }
}
