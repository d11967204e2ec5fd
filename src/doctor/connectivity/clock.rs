//! What two clocks at the ends of two ways say of the one here.

use super::{CLOCK_OF_STORAGE, Line};

/// More than this is wrong; from five minutes on tokens are refused.
const MAX_SKEW: time::Duration = time::Duration::minutes(2);

/// What the clock here says of one that it is `ahead` of, and of which of the two that is odd, by
/// how far it is ahead of the `other`.
pub(super) fn clock(
    about: &'static str,
    ahead: Option<time::Duration>,
    other: Option<time::Duration>,
) -> Line {
    let Some(ahead) = ahead else {
        return Line::note(about, "not told: the answer had no date");
    };
    let told = match ahead.whole_seconds() {
        // A date has whole seconds, and an answer its way.
        -2..=2 => "as the clock here".to_owned(),
        seconds if seconds > 0 => format!("the clock here is {seconds} s ahead of it"),
        seconds => format!("the clock here is {} s behind it", seconds.abs()),
    };
    if ahead.abs() <= MAX_SKEW {
        return Line::good(about, told);
    }
    let whose = if about == CLOCK_OF_STORAGE { "the service" } else { "storage" };
    let remedy = match other {
        Some(other) if other.abs() <= MAX_SKEW => format!(
            "this machine's clock agrees with that of {whose}, so leave it; the other is odd: see \
             whether a proxy or cache answers in between, or try again later"
        ),
        Some(other) if (other - ahead).abs() > MAX_SKEW => format!(
            "this clock, that of {whose} and the one here all differ: compare the one here with a \
             clock that is right, and see whether a proxy or cache answers in between"
        ),
        _ => {
            "set the clock of this machine by NTP, in Azure restart the app: from five minutes on \
              tokens are refused"
                .to_owned()
        }
    };
    Line::bad(about, told, remedy)
}
