//! What stderr shows while a command works.

use std::{
    borrow::Cow,
    io::{Read, Write as _},
    time::Duration,
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// How often a spinner moves.
const TICK: Duration = Duration::from_millis(120);
const SPINNER: &str = "{spinner} {wide_msg}";
const BYTES: &str = "{spinner} {msg}: {bytes}";
const BYTES_OF: &str = "{spinner} {msg} [{bar:24}] {bytes} of {total_bytes}";

/// How much stderr shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Progress {
    /// Nothing.
    #[default]
    Hidden,
    /// One line for each kind of wait: for a pipe or a log.
    Lines,
    /// Bars and spinners, which disappear at the end: for a terminal.
    Bars,
}

impl Progress {
    /// Shows work that counts bytes, of a total if it is known.
    #[must_use]
    pub fn bytes(self, what: impl Into<Cow<'static, str>>, total: Option<u64>) -> Task {
        self.begin(what, total, if total.is_some() { BYTES_OF } else { BYTES })
    }

    /// Shows work that counts nothing.
    #[must_use]
    pub fn spinner(self, what: impl Into<Cow<'static, str>>) -> Task {
        self.begin(what, None, SPINNER)
    }

    /// Shows why the command waits.
    #[must_use]
    pub fn wait(self, why: &str, is_reported: &mut bool) -> Task {
        self.report(why, is_reported);
        self.spinner(why.to_owned())
    }

    /// Writes why the command waits, once, to a pipe, which shows no spinner.
    pub fn report(self, why: &str, is_reported: &mut bool) {
        if self == Self::Lines && !*is_reported {
            self.line(why);
        }
        *is_reported = true;
    }

    /// Writes a line that stays.
    pub fn line(self, text: &str) {
        if self != Self::Hidden {
            // A reader that is gone is no reason to stop.
            let _ = writeln!(std::io::stderr(), "{text}");
        }
    }

    fn begin(self, what: impl Into<Cow<'static, str>>, total: Option<u64>, style: &str) -> Task {
        let target = match self {
            Self::Bars => ProgressDrawTarget::stderr(),
            Self::Hidden | Self::Lines => ProgressDrawTarget::hidden(),
        };
        let bar = ProgressBar::with_draw_target(total, target);
        if let Ok(style) = ProgressStyle::with_template(style) {
            bar.set_style(style.tick_chars(r"-\|/ ").progress_chars("=> "));
        }
        bar.set_message(what);
        if self == Self::Bars {
            bar.enable_steady_tick(TICK);
        }
        Task(bar)
    }
}

/// Work that is shown until this is dropped.
#[derive(Debug)]
pub struct Task(ProgressBar);

impl Task {
    /// Shows what is being done now.
    pub fn show(&self, what: impl Into<Cow<'static, str>>) {
        self.0.set_message(what);
    }

    /// What counts bytes.
    pub fn counter(&self) -> impl Fn(u64) + Send + Sync + use<> {
        let bar = self.0.clone();
        move |bytes| bar.inc(bytes)
    }

    /// A reader that counts bytes.
    pub fn reader<R: Read>(&self, inner: R) -> impl Read + use<R> {
        self.0.wrap_read(inner)
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
