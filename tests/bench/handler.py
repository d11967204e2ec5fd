#!/usr/bin/env python3
"""Measures a whole import in the handler: time, memory, processor time, and the cost.

    python3 tests/bench/handler.py [--bytes 10000000,100000000,1000000000] [--cores 0.25,1,2]

Needs Linux, cargo and Node.js. It runs `viva-import demo`: the storage emulator, an emulated Functions host,
the handler as its child, and a mock service. A control group limits the cores of the handler, which needs
root; without root, the handler uses all cores, and a line says so. The emulator shares the machine and is
slower than Azure Storage, so the times are an upper bound.
"""

import argparse
import math
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROGRAM, WAYS = ROOT / "target/release/viva-import", ROOT / "target/release/examples/ways"
# Instance memory in GB that comes with so many cores on the Flex Consumption plan.
MEMORY_GB = {0.25: 0.5, 1.0: 2.0, 2.0: 4.0}
TICK = os.sysconf("SC_CLK_TCK")


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--bytes", default="10000000,100000000,1000000000")
    options.add_argument("--cores", default="0.25,1,2")
    options.add_argument("--rounds", type=int, default=3)
    options = options.parse_args()
    build = ["cargo", "build", "--release", "--locked", "--quiet", "--bins", "--examples"]
    subprocess.run(build, cwd=ROOT, check=True)
    start(20)
    with tempfile.TemporaryDirectory(prefix="handler-") as folder:
        subprocess.run([WAYS, "sample", "30000", folder], check=True)
        pack, push, _, _, since = map(statistics.median, zip(*(whole_import(Path(folder), 64) for _ in range(5))))
        print(f"first import, 30 kB, accepted {since:.2f} s after the start of the process, "
              f"{(pack + push) * 1e3:.0f} ms of it between its event and the service's answer (median of 5)")
    print("\n| export | cores | read, check, pack, stage, s | push, s | CPU s | peak MiB | GB-s |")
    print("|---|---|---|---|---|---|---|")
    for size in map(int, options.bytes.split(",")):
        with tempfile.TemporaryDirectory(prefix="handler-") as folder:
            subprocess.run([WAYS, "sample", str(size), folder], check=True)
            for cores in map(float, options.cores.split(",")):
                rounds = options.rounds if size <= 100_000_000 else 1
                runs = [whole_import(Path(folder), cores) for _ in range(rounds)]
                pack, push, cpu = (statistics.median(run[n] for run in runs) for n in range(3))
                peak = max(run[3] for run in runs)
                memory = MEMORY_GB.get(cores)
                # Billed: at least one second, in steps of 0.1 s.
                cost = memory and f"{max(1, math.ceil((pack + push) * 10) / 10) * memory:.1f}"
                print(f"| {size / 1e6:.0f} MB | {cores} | {pack:.2f} | {push:.2f} | {cpu:.2f} | {peak:.0f} | {cost} |")
                sys.stdout.flush()


def start(times):
    """Measures the time from the start of the process to its first answer, and its memory then."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    nowhere = "http://127.0.0.1:9/a"
    storage = f"AccountName=a;AccountKey=a2V5;BlobEndpoint={nowhere};QueueEndpoint={nowhere};TableEndpoint={nowhere}"
    env = {"FUNCTIONS_CUSTOMHANDLER_PORT": str(port), "ImportStorage": storage}
    seconds, idle = [], []
    for _ in range(times):
        begun = time.perf_counter()
        process = subprocess.Popen([PROGRAM, "serve"], env=env, stdout=subprocess.DEVNULL)
        while True:
            try:
                with socket.create_connection(("127.0.0.1", port)) as asked:
                    asked.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
                    if asked.recv(1):
                        break
            except ConnectionError:
                time.sleep(0.0002)
        seconds.append(time.perf_counter() - begun)
        idle.append(status(process.pid, "VmRSS"))
        process.kill()
        process.wait()
    size = PROGRAM.stat().st_size / 1e6
    print(f"{size:.1f} MB of program; first answer {statistics.median(seconds) * 1e3:.1f} ms after its start "
          f"(median of {times}); {statistics.median(idle):.1f} MiB then")


def whole_import(folder, cores):
    """Seconds of packing and of pushing, CPU seconds, peak MiB, and seconds since the start of the handler."""
    command = [PROGRAM, "demo", folder / "export.csv", "--connection", folder / "hr.json"]
    env = dict(os.environ, MAX_FILE_BYTES=str(1 << 40), MAX_PEOPLE_BYTES=str(1 << 40))
    demo = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    at, output, handler = {}, "", None
    for line in demo.stdout:
        output += line
        if handler is None and " listens on port " in output:
            handler = child_of(demo.pid)
            limit(handler, cores)
            started = time.perf_counter() - age(handler)
        for word in ("received", "packed", "accepted as ingestion"):
            if re.search(rf"csv: .*\b{word}\b", line):
                at.setdefault(word, time.perf_counter())
        if "accepted as ingestion" in line:
            peak = status(handler, "VmHWM")
            cpu = sum(map(int, fields(handler)[11:13])) / TICK
            break
    rest = demo.stdout.read()
    if demo.wait() or len(at) < 3:
        sys.exit(f"the demo ended with {demo.returncode}:\n{output}{rest}")
    received, packed, accepted = at.values()
    return packed - received, accepted - packed, cpu, peak, accepted - started


def child_of(parent):
    for path in Path("/proc").glob("[0-9]*"):
        try:
            words = (path / "cmdline").read_bytes().split(b"\0")
            of = re.search(r"PPid:\s+(\d+)", (path / "status").read_text())
        except OSError:
            continue
        if words[1:2] == [b"serve"] and of and int(of[1]) == parent:
            return int(path.name)
    sys.exit("there is no handler process")


def fields(process):
    """The fields of /proc/PID/stat, from the third one on."""
    return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()


def age(process):
    """Seconds since the start of a process."""
    return float(Path("/proc/uptime").read_text().split()[0]) - int(fields(process)[19]) / TICK


def limit(process, cores):
    """Limits a process to this many cores."""
    if cores >= os.cpu_count():
        return
    period = 100_000
    try:
        if Path("/sys/fs/cgroup/cgroup.controllers").exists():
            group = Path("/sys/fs/cgroup/viva-import-bench")
            group.mkdir(exist_ok=True)
            (group / "cpu.max").write_text(f"{int(cores * period)} {period}")
        else:
            group = Path("/sys/fs/cgroup/cpu/viva-import-bench")
            group.mkdir(exist_ok=True)
            (group / "cpu.cfs_period_us").write_text(str(period))
            (group / "cpu.cfs_quota_us").write_text(str(int(cores * period)))
        (group / "cgroup.procs").write_text(str(process))
    except OSError as error:
        print(f"NOT LIMITED to {cores} cores, the figures are for {os.cpu_count()}: {error}")


def status(process, what):
    """A memory figure of /proc for a process, in MiB."""
    text = Path(f"/proc/{process}/status").read_text()
    return int(re.search(rf"{what}:\s+(\d+) kB", text)[1]) / 1024


if __name__ == "__main__":
    main()
