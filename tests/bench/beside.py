#!/usr/bin/env python3
"""Compares viva-import with other programs that check an export and create a zip of it.

    python3 tests/bench/beside.py [--bytes 100000000] [--rounds 5] [--only WAY,WAY] [--zip64]

Needs Linux, cargo, and the programs to compare: pandas and polars (pip), zip, pigz, unzip, 7z, mono (apt:
zip pigz unzip p7zip-full mono-mcs mono-runtime libmono-system-io-compression4.0-cil). It skips missing
programs, and prints which.

Each way runs in its own process, so that it has its own memory peak. In each round, every way runs once. The
table shows medians; a ratio is the median of the ratios of the rounds. Only ratios are valid for other
machines. Every zip is read back completely by each installed reader.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OURS, PEER = "viva-import pack", "pigz -p2 -6"


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--bytes", type=int, default=100_000_000)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--only", default="")
    options.add_argument("--zip64", action="store_true", help="only create a zip of more than 4 GiB, and read it")
    options = options.parse_args()
    build = ["cargo", "build", "--release", "--locked", "--quiet", "--bins", "--examples"]
    subprocess.run(build, cwd=ROOT, check=True)
    with tempfile.TemporaryDirectory(prefix="beside-") as folder:
        folder = Path(folder)
        read = readers(folder)
        if options.zip64:
            return beyond_4_gib(folder, read)
        run(example("ways"), "sample", options.bytes, folder)
        compare(ways(folder), folder, read, options)


def compare(ways, folder, read, options):
    only = [name for name in options.only.split(",") if name]
    ways = {name: way for name, way in ways.items() if not only or any(word in name for word in only)}
    export = folder / "export.csv"
    costs = {name: [] for name in ways}
    sizes, read_by = {}, {}
    for _ in range(options.rounds):
        for name, (command, _) in ways.items():
            out = folder / "out.zip"
            out.unlink(missing_ok=True)
            costs[name].append(measured(command, out))
            if out.exists() and name not in sizes:
                sizes[name] = out.stat().st_size
                read_by[name] = read(out, "data.csv" if name == OURS else None, export)
    print(f"\n{export.stat().st_size / 1e6:.0f} MB, medians of {options.rounds}, {os.cpu_count()} cores\n")
    print(f"| way | checks | wall s | CPU s | peak MiB | time / {PEER} | time / {OURS} | zip, MB |")
    print("|---|---|---|---|---|---|---|---|")
    for name, runs in costs.items():
        wall, cpu, peak = (statistics.median(cost[n] for cost in runs) for n in range(3))
        ratios = " | ".join(
            f"{statistics.median(one[0] / other[0] for one, other in zip(runs, costs[to])):.2f}" if to in costs else ""
            for to in (PEER, OURS)
        )
        size = f"{sizes[name] / 1e6:.2f}" if name in sizes else ""
        checks = "yes" if ways[name][1] else "no"
        print(f"| {name} | {checks} | {wall:.2f} | {cpu:.2f} | {peak:.0f} | {ratios} | {size} |")
    print()
    for readers_of_all in sorted(set(read_by.values())):
        names = ", ".join(name for name in read_by if read_by[name] == readers_of_all)
        print(f"read back completely by {readers_of_all}: {names}")


def ways(folder):
    """Name, command (OUT is the path of the zip), and whether it checks the export."""
    export, mapping = folder / "export.csv", folder / "hr.json"
    program, ways = ROOT / "target/release/viva-import", example("ways")
    here = [sys.executable, __file__.replace("beside.py", "by_python.py")]
    # The sample may be larger than the default limits.
    env = {"MAX_FILE_BYTES": str(1 << 40), "MAX_PEOPLE_BYTES": str(1 << 40)}
    found = {
        PEER: (["pigz", "-K", "-p2", "-6", "-c", export, ">OUT"], False),
        OURS: ([program, "pack", export, "--mapping", mapping, "--out", "OUT", env], True),
        "viva-import check, no zip": ([program, "check", export, "--mapping", mapping, env], True),
        "its deflate alone": ([ways, "deflate", export, "OUT"], False),
        "zip -6": (["zip", "-q", "-6", "-j", "OUT", export], False),
        "Python zipfile": (here + ["zipfile", export, "OUT"], False),
        "Python csv + zipfile": (here + ["csv", export, "OUT"], True),
        "pandas + zipfile": (here + ["pandas", export, "OUT"], True),
        "polars + zipfile": (here + ["polars", export, "OUT"], True),
    }
    for name, module in {"pandas + zipfile": "pandas", "polars + zipfile": "polars"}.items():
        if subprocess.run([sys.executable, "-c", f"import {module}"], stderr=subprocess.DEVNULL).returncode:
            skip(found, name, f"no module {module}")
    for name in (PEER, "zip -6"):
        if not shutil.which(name.split()[0]):
            skip(found, name, "not installed")
    return found


def skip(found, name, why):
    del found[name]
    print(f"SKIPPED, {name}: {why}")


def measured(command, out):
    """Wall seconds, CPU seconds and peak MiB of a command. The peak is at least about 12, the memory of this
    process."""
    env = dict(os.environ)
    to = subprocess.DEVNULL
    words = []
    for word in command:
        if isinstance(word, dict):
            env |= word
        elif word == ">OUT":
            to = open(out, "wb")
        else:
            words.append(str(out) if word == "OUT" else str(word))
    start = time.perf_counter()
    process = subprocess.Popen(words, stdout=to, env=env)
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{' '.join(words)} ended with {process.returncode}")
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def readers(folder):
    """A function that reads a whole zip with every installed reader, and returns their names."""
    unzip, seven = shutil.which("unzip"), shutil.which("7z") or shutil.which("7zz")
    dotnet = None
    if shutil.which("mcs") and shutil.which("mono"):
        dotnet = folder / "read.exe"
        source = ROOT / "tests/bench/read.cs"
        run("mcs", "-r:System.IO.Compression", f"-out:{dotnet}", source)
    core = dotnet and shutil.which("dotnet")
    if core:
        runtime = '{"runtimeOptions":{"rollForward":"LatestMajor","framework":{"name":"Microsoft.NETCore.App","version":"3.1.0"}}}'
        (folder / "read.runtimeconfig.json").write_text(runtime)
        shutil.copy(dotnet, folder / "read.dll")
    for name, there in {"unzip": unzip, "7z": seven, "mono": dotnet, "dotnet": core}.items():
        if not there:
            print(f"SKIPPED, reading zips by {name}: not installed")

    def read(path, entry, like):
        names = ["Python's zipfile"]
        run(sys.executable, ROOT / "tests/bench/by_python.py", "read", path, entry or "", like)
        if unzip:
            run(unzip, "-tqq", path)
            names.append("Info-ZIP")
        if seven:
            run(seven, "t", path)
            names.append("7-Zip")
        if dotnet:
            run("mono", dotnet, path, entry or "-", like)
            names.append("ZipArchive of Mono")
        if core:
            run(core, folder / "read.dll", path, entry or "-", like)
            names.append("ZipArchive of .NET")
        return ", ".join(names)

    return read


def beyond_4_gib(folder, read):
    """Creates and reads a zip for which one size needs 64 bits, and one for which both sizes do."""
    for what, line in (("one size", b"a" * 1023 + b"\n"), ("both sizes", None)):
        text, out = folder / "large", folder / "large.zip"
        with open(text, "wb") as file:
            for _ in range(4200):
                file.write(line * 1024 if line else os.urandom(1 << 20))
        run(example("ways"), "deflate", text, out, 1)
        print(f"{what} of more than 4 GiB ({out.stat().st_size} bytes): read back by {read(out, 'data.csv', text)}")


def example(name):
    return ROOT / "target/release/examples" / name


def run(*words):
    done = subprocess.run([str(word) for word in words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, words))} ended with {done.returncode}:\n{done.stdout.decode()}")


if __name__ == "__main__":
    main()
