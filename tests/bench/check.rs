//! How fast files are checked and packed, and in how much memory, beside reading them at all.
//!
//! `cargo bench --bench check` makes a sample of 100 MB; `-- --bytes 1000000000` one of 1 GB. Each
//! measurement is a process of its own, so that a peak is that of the work measured. The ways take
//! turns, and medians are told. Only the ratios carry over to another machine. Linux alone.

use std::{
    env, error,
    fs::{self, File},
    io::{self, BufWriter, Read as _, Write as _},
    path::Path,
    process::Command,
    time::Instant,
};

use csv::{ByteRecord, ReaderBuilder};
use viva_import::{
    check::{Check, Day, Limits, Report, Severity, Terms, Unmapped},
    connection::{self, Connection},
    package::check_and_zip,
};

use crate::sample::{Form, Sample};

#[path = "../../src/package/deflate.rs"]
mod deflate;
#[path = "../sample/mod.rs"]
mod sample;

const BYTES: u64 = 100_000_000;
const ROUNDS: usize = 5;
/// The word before the name of a way and a file, for a process that measures.
const MEASURE: &str = "--measure";

type Outcome<T> = Result<T, Box<dyn error::Error>>;

/// What is done with a file.
type Way = (&'static str, fn(&Path) -> Outcome<()>);

/// The first is what nobody can be faster than, the second a peer.
const WAYS: [Way; 6] = [
    ("read, 512 KiB at a time", read_all),
    ("csv crate, ByteRecord", scan),
    ("check", check),
    ("check, people forgotten", check_without_people),
    ("check and pack", pack),
    ("deflate", deflate_alone),
];

/// What one measurement came to.
#[derive(Clone, Copy)]
struct Cost {
    wall_seconds: f64,
    cpu_seconds: f64,
    peak_mib: f64,
}

fn main() -> Outcome<()> {
    let arguments: Vec<String> = env::args().collect();
    let after = |word: &str| {
        let place = arguments.iter().position(|argument| argument == word);
        place.map(|place| arguments.get(place + 1..).unwrap_or_default())
    };
    if let Some([way, file, ..]) = after(MEASURE) {
        return measure(way.parse()?, Path::new(file));
    }
    let bytes = match after("--bytes") {
        Some([bytes, ..]) => bytes.parse()?,
        _ => BYTES,
    };
    let sample = Sample::of_bytes(bytes);
    let file = tempfile::Builder::new().suffix(".csv").tempfile()?;
    let mut out = BufWriter::with_capacity(1 << 20, &file);
    sample.write(&mut out)?;
    out.flush()?;
    drop(out);
    let mut costs = [const { vec![] }; WAYS.len()];
    for _ in 0..ROUNDS {
        for (way, costs) in costs.iter_mut().enumerate() {
            costs.push(in_another_process(way, file.path())?);
        }
    }
    tell(&costs, &sample, file.path())
}

fn tell(costs: &[Vec<Cost>], sample: &Sample, file: &Path) -> Outcome<()> {
    let megabytes = f64::from(u32::try_from(fs::metadata(file)?.len() / 1000)?) / 1e3;
    let report = report_of(file)?;
    let (rows, people) = (report.summary.rows, report.summary.people);
    let mut out = io::stdout().lock();
    writeln!(
        out,
        "{megabytes:.0} MB, {rows} rows, {people} people, {} dates; medians of {ROUNDS}\n\n\
         | way | wall s | CPU s | MB/s per core | CPU x reading | CPU x csv crate | peak MiB |\n\
         |---|---|---|---|---|---|---|",
        sample.snapshots
    )?;
    let median = |way: usize, of: fn(&Cost) -> f64| middle(costs[way].iter().map(of).collect());
    let ratio = |way: usize, to: usize| {
        let pairs = costs[way].iter().zip(&costs[to]);
        middle(pairs.map(|(one, other)| one.cpu_seconds / other.cpu_seconds).collect())
    };
    for (way, (name, _)) in WAYS.iter().enumerate() {
        let cpu_seconds = median(way, |cost| cost.cpu_seconds);
        writeln!(
            out,
            "| {name} | {:.3} | {cpu_seconds:.3} | {:.0} | {:.2} | {:.2} | {:.1} |",
            median(way, |cost| cost.wall_seconds),
            megabytes / cpu_seconds,
            ratio(way, 0),
            ratio(way, 1),
            median(way, |cost| cost.peak_mib)
        )?;
    }
    let map = median(2, |cost| cost.peak_mib) - median(3, |cost| cost.peak_mib);
    writeln!(
        out,
        "\nThe memory of people takes {map:.1} MiB: {:.0} MiB for a million people on {} dates.",
        map * 1e6 / f64::from(u32::try_from(people)?),
        sample.snapshots
    )?;
    Ok(())
}

fn middle(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}

fn in_another_process(way: usize, file: &Path) -> Outcome<Cost> {
    let output =
        Command::new(env::current_exe()?).arg(MEASURE).arg(way.to_string()).arg(file).output()?;
    let told = String::from_utf8(output.stdout)?;
    let numbers: Vec<f64> = told.split_whitespace().map(str::parse).collect::<Result<_, _>>()?;
    match numbers[..] {
        [wall_seconds, cpu_seconds, peak_mib] => Ok(Cost { wall_seconds, cpu_seconds, peak_mib }),
        _ => Err(String::from_utf8_lossy(&output.stderr).into()),
    }
}

fn measure(way: usize, file: &Path) -> Outcome<()> {
    let start = Instant::now();
    WAYS[way].1(file)?;
    let wall_seconds = start.elapsed().as_secs_f64();
    writeln!(io::stdout(), "{wall_seconds} {} {}", cpu_seconds()?, peak_mib()?)?;
    Ok(())
}

/// The process's CPU time: exact where one thread did it all, else to two hundredths of a second.
fn cpu_seconds() -> Outcome<f64> {
    let of_thread = fs::read_to_string("/proc/self/schedstat")?;
    let nanoseconds: f64 = of_thread.split(' ').next().unwrap_or_default().parse()?;
    let of_process = fs::read_to_string("/proc/self/stat")?;
    let after_name = of_process.rsplit_once(')').map(|(_, rest)| rest).unwrap_or_default();
    let hundredths: Vec<f64> =
        after_name.split_whitespace().skip(11).take(2).map(str::parse).collect::<Result<_, _>>()?;
    Ok((nanoseconds / 1e9).max(hundredths.iter().sum::<f64>() / 100.0))
}

fn peak_mib() -> Outcome<f64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    let kib: f64 = peak.trim().trim_end_matches(" kB").parse()?;
    Ok(kib / 1024.0)
}

fn read_all(file: &Path) -> Outcome<()> {
    let mut file = File::open(file)?;
    let mut buffer = vec![0; 512 << 10];
    while file.read(&mut buffer)? > 0 {}
    Ok(())
}

fn scan(file: &Path) -> Outcome<()> {
    let mut reader = ReaderBuilder::new().buffer_capacity(512 << 10).from_path(file)?;
    let mut record = ByteRecord::new();
    while reader.read_byte_record(&mut record)? {}
    Ok(())
}

fn check(file: &Path) -> Outcome<()> {
    let report = report_of(file)?;
    let (errors, warnings) = (report.count(Severity::Error), report.count(Severity::Warning));
    if errors + warnings > 0 { Err(report.text("the sample").into()) } else { Ok(()) }
}

fn report_of(file: &Path) -> Outcome<Report> {
    let terms = terms(&Form::default().connection())?;
    Ok(Check::open(File::open(file)?, &terms)?.finish()?)
}

/// The same work with custom fields in the place of Viva's: nobody is remembered.
fn check_without_people(file: &Path) -> Outcome<()> {
    let connection = Form::default().connection();
    let connection = connection.replace(r#""name":"PersonId""#, r#""name":"Person""#);
    let terms = terms(&connection.replace(r#""name":"ManagerId""#, r#""name":"Manager""#))?;
    Check::open(File::open(file)?, &terms)?.finish()?;
    Ok(())
}

fn pack(file: &Path) -> Outcome<()> {
    let terms = terms(&Form::default().connection())?;
    let report = check_and_zip(File::open(file)?, io::sink(), &terms)?;
    if report.is_accepted() { Ok(()) } else { Err(report.text("the sample").into()) }
}

struct Count(u64);
impl io::Write for Count {
    fn write(&mut self, b: &[u8]) -> io::Result<usize> {
        self.0 += b.len() as u64;
        Ok(b.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn deflate_alone(file: &Path) -> Outcome<()> {
    let level = env::var("LEVEL").ok().map_or(Ok(6), |l| l.parse())?;
    let workers = env::var("WORKERS").ok().map_or(Ok(deflate::workers()), |l| l.parse())?;
    let mut count = Count(0);
    let mut out = deflate::Deflate::new(&mut count, level, workers);
    let mut file = File::open(file)?;
    let mut buffer = vec![0; 512 << 10];
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        out.write_all(&buffer[..read])?;
    }
    out.finish()?;
    eprintln!("{}", count.0);
    Ok(())
}

fn terms(connection: &str) -> Outcome<Terms> {
    let connection = Connection::parse("hr", connection.as_bytes())
        .map_err(|faults| connection::sentence(&faults))?;
    let limits = Limits {
        max_file_bytes: u64::MAX,
        max_people_bytes: u64::MAX,
        max_shrink_percent: 10,
        unmapped: Unmapped::Refuse,
    };
    Ok(Terms::of(&connection, &limits, Day::from(time::macros::date!(2026 - 11 - 23))))
}
