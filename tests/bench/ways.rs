//! Helpers of the comparison: a sample, and the compression without the checks.
//!
//! `ways sample BYTES FOLDER` writes `export.csv` with about this many bytes, the same each time, and
//! `hr.json`, the connection that accepts it. `ways deflate FILE OUT [LEVEL [WORKERS]]` deflates a file as the
//! program does, without checks.

use std::{
    env, error,
    fs::{self, File},
    io::{self, BufReader, BufWriter, Write as _},
    path::Path,
};

use viva_import::package::{self, Container, Deflate, LEVEL};

use crate::sample::{Form, Sample};

#[path = "../sample/mod.rs"]
mod sample;

fn main() -> Result<(), Box<dyn error::Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["sample", bytes, folder] => {
            let folder = Path::new(folder);
            fs::write(folder.join("hr.json"), Form::default().connection())?;
            let mut out =
                BufWriter::with_capacity(1 << 20, File::create(folder.join("export.csv"))?);
            Sample::of_bytes(bytes.parse()?).write(&mut out)?;
            out.flush()?;
        }
        ["deflate", file, out, ref rest @ ..] => {
            let level = rest.first().map_or(Ok(LEVEL), |level| level.parse())?;
            let workers = rest.get(1).map_or(Ok(package::workers()), |workers| workers.parse())?;
            let mut zip = Container::new(BufWriter::new(File::create(out)?));
            zip.entry("metadata.json", b"{}", level)?;
            let entry = zip.begin("data.csv", File::open(file)?.metadata()?.len())?;
            let mut data = Deflate::new(&mut zip, level, workers);
            io::copy(&mut BufReader::with_capacity(512 << 10, File::open(file)?), &mut data)?;
            let written = data.finish()?;
            zip.end(entry, written)?;
            zip.finish()?;
        }
        _ => {
            return Err(
                "usage: ways sample BYTES FOLDER, or ways deflate FILE OUT [LEVEL [WORKERS]]"
                    .into(),
            );
        }
    }
    Ok(())
}
