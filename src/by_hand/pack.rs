//! A CSV becomes what is pushed, in a file.

use std::{
    fs::File,
    io::{self, BufReader, BufWriter, Write},
    path::{Path, PathBuf},
};

use serde_json::json;
use sha2::{Digest as _, Sha256};
use tempfile::NamedTempFile;

use super::{Desk, name_of, of_report};
use crate::{
    check::{Report, Terms, too_large},
    cli::{self, Denied, Outcome},
    connection::Upload,
    package,
};

/// What was made, and its size and hash.
#[derive(Debug)]
pub(super) struct Packed {
    pub(super) bytes: u64,
    pub(super) sha256: String,
}

impl Desk {
    /// Checks a CSV and packs it; the file at `out` is only there, whole, where the check accepts.
    ///
    /// # Errors
    /// Why it could not be packed.
    pub(super) fn pack(&self, wishes: &cli::Pack) -> Result<Outcome, Denied> {
        let (file, out) = (&wishes.file, &wishes.out);
        let upload = Upload::of_file(&name_of(out)).ok_or_else(|| {
            format!("{} must end in .zip, or in .csv or .json for the rows alone", out.display())
        })?;
        if Upload::of_file(&name_of(file)) != Some(Upload::Csv) {
            return Err(Denied::Failed(format!(
                "{} is no .csv, so it cannot be packed",
                file.display()
            )));
        }
        let asked = self.asked(&wishes.terms, None, false)?;
        let terms = self.terms(&asked)?;
        let folder = out.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.map_or_else(|| PathBuf::from("."), Path::to_path_buf);
        let mut made =
            NamedTempFile::new_in(folder).map_err(|error| Denied::cannot_write(out, &error))?;
        let (report, packed) = self.pack_into(file, made.as_file_mut(), &terms, upload, out)?;
        let outcome = of_report(&report, &name_of(file));
        let Some(packed) = packed else { return Ok(outcome) };
        made.persist(out).map_err(|error| Denied::cannot_write(out, &error.error))?;
        let Outcome { text, mut json, .. } = outcome;
        json["packed"] = json!({
            "file": out, "bytes": packed.bytes, "sha256": packed.sha256,
        });
        let Packed { bytes, sha256 } = packed;
        let text = format!(
            "{}\npacked: {} ({bytes} bytes, SHA-256 {sha256})",
            text.trim_end(),
            out.display()
        );
        Ok(Outcome::done(text, json))
    }

    /// Checks the CSV `file` and writes what is made of it; nothing is made where it is refused.
    pub(super) fn pack_into(
        &self,
        file: &Path,
        out: &mut File,
        terms: &Terms,
        upload: Upload,
        called: &Path,
    ) -> Result<(Report, Option<Packed>), Denied> {
        let fail = |error: io::Error| Denied::cannot_read(file, &error);
        let input = File::open(file).map_err(fail)?;
        let bytes = input.metadata().map_err(fail)?.len();
        if bytes > terms.limits.max_file_bytes {
            return Ok((too_large(bytes, terms), None));
        }
        (self.tell)(&format!("checking and packing {bytes} bytes"));
        let mut out = Counted { inner: BufWriter::new(out), bytes: 0, hash: Sha256::new() };
        let input = BufReader::new(input);
        let report = match upload {
            Upload::Zip => package::check_and_zip(input, &mut out, terms, bytes),
            Upload::Csv => package::check_and_copy(input, &mut out, terms),
            Upload::Json => package::check_and_list(input, &mut out, terms),
        };
        let report = report.and_then(|report| out.flush().map(|()| report));
        let report = report.map_err(|error| {
            format!("{} could not be made of {}: {error}", called.display(), file.display())
        })?;
        let packed = report
            .is_accepted()
            .then(|| Packed { bytes: out.bytes, sha256: format!("{:x}", out.hash.finalize()) });
        Ok((report, packed))
    }
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
