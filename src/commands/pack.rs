//! A CSV packed into a file, ready to be pushed.

use std::{
    fs::File,
    io::{self, BufReader, BufWriter, Seek as _, SeekFrom, Write},
    path::Path,
};

use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::{Context, PackOptions, name_of, of_report};
use crate::{
    check::{CheckOptions, Report, too_large},
    outcome::{CommandError, CommandOutput, Draft, Readers, shown},
    package,
    schema::PayloadFormat,
};

/// Size and hash of what was packed.
#[derive(Debug)]
pub(super) struct Packed {
    pub(super) bytes: u64,
    pub(super) sha256: String,
}

impl Context {
    /// Checks a CSV and packs it. The file at `out` is written whole, and only if the check accepts.
    ///
    /// # Errors
    /// Why it could not be packed.
    pub fn pack(&self, options: &PackOptions) -> Result<CommandOutput, CommandError> {
        let (file, out, force) = (&options.file, &options.out, options.force);
        let upload = PayloadFormat::of_file(&name_of(out)).ok_or_else(|| {
            format!(
                "{} has an unknown extension\nUse .zip, or .csv or .json for the rows alone.",
                shown(out)
            )
        })?;
        if PayloadFormat::of_file(&name_of(file)) != Some(PayloadFormat::Csv) {
            return Err(CommandError::Failed(format!(
                "{} cannot be packed\nOnly a .csv file can be packed.",
                shown(file)
            )));
        }
        for input in [Some(file), options.rules.mapping.as_ref(), options.rules.baseline.as_ref()] {
            if input.is_some_and(|input| is_same(input, out)) {
                return Err(CommandError::Failed(format!(
                    "{} is an input, so it cannot be the output\nChoose another file for `--out`.",
                    shown(out)
                )));
            }
        }
        if !force && out.exists() {
            return Err(CommandError::exists(out));
        }
        let (asked, _) = self.asked(&options.rules, None, false)?;
        let options = self.csv_options(&options.rules, &asked, upload)?;
        let write = |error| CommandError::cannot_write(out, &error);
        // Without a name until it is complete, so that an interruption leaves no data on the disk.
        let mut made = tempfile::tempfile().map_err(write)?;
        let (report, packed) = self.pack_into(file, &mut made, &options, upload)?;
        let output = of_report(&report, &name_of(file), self.layout);
        let Some(Packed { bytes, sha256 }) = packed else { return Ok(output) };
        let mut draft = Draft::beside(out, Readers::Owner).map_err(write)?;
        made.seek(SeekFrom::Start(0)).map_err(write)?;
        io::copy(&mut made, &mut draft).map_err(write)?;
        draft.keep(out, force).map_err(write)?;
        let CommandOutput { text, mut json, .. } = output;
        let out = shown(out);
        json["packed"] = json!({ "file": out, "bytes": bytes, "sha256": sha256 });
        let text = text.trim_end();
        let text = format!("{text}\nPacked into {out} ({bytes} bytes, SHA-256 {sha256})");
        Ok(CommandOutput::done(text, json))
    }

    /// Checks the CSV `file` and packs it into `out`; nothing is packed if it is rejected.
    pub(super) fn pack_into(
        &self,
        file: &Path,
        out: &mut File,
        options: &CheckOptions,
        upload: PayloadFormat,
    ) -> Result<(Report, Option<Packed>), CommandError> {
        let fail = |error: io::Error| CommandError::cannot_read(file, &error);
        let about = std::fs::metadata(file).map_err(fail)?;
        if !about.is_file() {
            return Err(no_file(file));
        }
        let input = File::open(file).map_err(fail)?;
        let bytes = about.len();
        if bytes > options.limits.max_file_bytes {
            return Ok((too_large(bytes, options), None));
        }
        let what = format!("Checking and packing {}", name_of(file));
        let task = self.progress.bytes(what, Some(bytes));
        let mut out = Counted { inner: BufWriter::new(out), bytes: 0, hash: Sha256::new() };
        let input = BufReader::new(task.reader(input));
        let report = package::check_and_write(input, &mut out, options, upload);
        let report = report.and_then(|report| out.flush().map(|()| report));
        let report =
            report.map_err(|error| format!("{} could not be packed: {error}", shown(file)))?;
        let packed = report
            .is_accepted()
            .then(|| Packed { bytes: out.bytes, sha256: format!("{:x}", out.hash.finalize()) });
        Ok((report, packed))
    }
}

/// A folder or a pipe where a file is needed.
pub(super) fn no_file(path: &Path) -> CommandError {
    CommandError::Failed(format!("{} is a folder or a pipe\nName a file.", shown(path)))
}

/// Whether both paths name the same file.
fn is_same(one: &Path, other: &Path) -> bool {
    one.canonicalize().is_ok_and(|one| other.canonicalize().is_ok_and(|other| one == other))
}

/// A writer that counts and hashes.
struct Counted<W> {
    inner: W,
    bytes: u64,
    hash: Sha256,
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.bytes += written as u64;
        self.hash.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
