//! What Linux knows about a process: its CPU time and its memory.

use std::{fs, process::Command, sync::LazyLock};

use crate::Result;

/// Clock ticks in a second, the unit of `/proc/PID/stat`.
static TICKS: LazyLock<f64> = LazyLock::new(|| {
    let printed = Command::new("getconf").arg("CLK_TCK").output();
    let printed = printed.ok().and_then(|output| String::from_utf8(output.stdout).ok());
    printed.and_then(|ticks| ticks.trim().parse().ok()).unwrap_or(100.0)
});

/// CPU seconds of a process so far, all threads, in steps of a tick.
pub(crate) fn cpu(pid: u32) -> Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name of the program, in parentheses, may contain blanks.
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
    let mut times = fields.split_whitespace().skip(11).take(2).map(str::parse::<f64>);
    let (Some(Ok(user)), Some(Ok(system))) = (times.next(), times.next()) else {
        return Err(format!("/proc/{pid}/stat has no CPU time").into());
    };
    Ok((user + system) / *TICKS)
}

/// Seconds that the main thread of a process was ready and waited for a core, because others had it.
pub(crate) fn waited(pid: u32) -> Result<f64> {
    let text = fs::read_to_string(format!("/proc/{pid}/schedstat"))?;
    let waited = text.split_whitespace().nth(1).map(str::parse::<f64>);
    match waited {
        Some(Ok(nanoseconds)) => Ok(nanoseconds / 1e9),
        _ => Err(format!("/proc/{pid}/schedstat has no waiting time").into()),
    }
}

/// The largest resident memory of a process so far, in MiB.
pub(crate) fn peak_mib(pid: u32) -> Result<f64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.split_whitespace().next()).map(str::parse::<f64>);
    match kib {
        Some(Ok(kib)) => Ok(kib / 1024.0),
        _ => Err(format!("/proc/{pid}/status has no VmHWM").into()),
    }
}

/// Lets the largest resident memory begin again with the present one.
pub(crate) fn reset_peak(pid: u32) -> Result<()> {
    Ok(fs::write(format!("/proc/{pid}/clear_refs"), "5")?)
}

/// The child of this process that has this word in its command line.
pub(crate) fn child_with(word: &str) -> Result<u32> {
    let own = std::process::id();
    for entry in fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        let read = |file: &str| fs::read_to_string(format!("/proc/{pid}/{file}"));
        // A process may end between two reads.
        let (Ok(status), Ok(line)) = (read("status"), read("cmdline")) else { continue };
        let parent = status.lines().find_map(|line| line.strip_prefix("PPid:"));
        if parent.and_then(|id| id.trim().parse().ok()) == Some(own) && line.contains(word) {
            return Ok(pid);
        }
    }
    Err(format!("no child of this process has {word} in its command line").into())
}
