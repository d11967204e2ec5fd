#!/usr/bin/env bash
# Builds the program for one platform and packs the archive of a release: the program, its README and license, the
# licenses of its libraries, completion scripts and manual pages. Then it tries the program from the archive.
#
#     .github/archive.sh PLATFORM      linux-x64, linux-arm64, windows-x64, macos-x64 or macos-arm64
#
# The archive is target/archives/viva-import-vVERSION-PLATFORM.tar.gz, or .zip for Windows. The script needs Rust,
# cargo-about and Python 3 with venv and pip. It builds for Linux and Windows on any host, and for macOS on a Mac.
# To try the program on another host, it needs qemu-user (linux-arm64) or Wine 9 (windows-x64).
# PROGRAM=FILE packs that program and builds nothing.
set -euo pipefail
cd "$(dirname "$0")/.."

platform=${1:?name the platform, for example linux-x64}
exe=viva-import
runner= # what runs the program on this host
case $platform in
linux-x64) target=x86_64-unknown-linux-musl ;;
linux-arm64)
  target=aarch64-unknown-linux-musl
  [ "$(uname -m)" = aarch64 ] || runner=qemu-aarch64
  ;;
windows-x64)
  target=x86_64-pc-windows-gnu
  exe=viva-import.exe
  runner=wine
  ;;
macos-x64) target=x86_64-apple-darwin ;;
macos-arm64) target=aarch64-apple-darwin ;;
*)
  echo "unknown platform $platform" >&2
  exit 2
  ;;
esac
version=$(cargo pkgid --locked)
version=${version##*[#@]}
name=viva-import-v$version-$platform

program=${PROGRAM:-}
if [ -z "$program" ]; then
  case $platform in
  macos-*)
    rustup target add "$target"
    cargo build --locked --bins --release --target "$target"
    ;;
  *) infra/zigbuild.sh "$target" ;;
  esac
  program=target/$target/release/$exe
fi
run() { ${runner:+"$runner"} "$@"; }

folder=target/archives/$name
rm -rf "$folder"
mkdir -p "$folder"/{completions,licenses}
cp "$program" "$folder/$exe"
cp README.md LICENSE "$folder"

# The licenses of the crates, of the C code in one of them, of the standard library, and of the libraries that zig
# links.
licenses=$folder/licenses
cargo fetch --locked --target "$target"
cargo about generate --config .github/about.toml --frozen --fail --target "$target" \
  --output-file "$licenses/crates.txt" .github/about.hbs
aws_lc=$(cargo metadata --frozen --format-version 1 --filter-platform "$target" | python3 -c '
import json, os, sys
crates = json.load(sys.stdin)["packages"]
print(*(os.path.dirname(crate["manifest_path"]) for crate in crates if crate["name"] == "aws-lc-sys"))')
cat "$aws_lc/LICENSE" "$aws_lc"/aws-lc/third_party/*/LICENSE >"$licenses/aws-lc.txt"
cp "$(rustc --print sysroot)/share/doc/rust/COPYRIGHT-library.html" "$licenses/rust-standard-library.html"
zig() { cp target/package-tools/lib/python3*/site-packages/ziglang/"$1" "$licenses/$2"; }
case $platform in
linux-*) zig lib/libc/musl/COPYRIGHT musl.txt ;;
windows-*) zig lib/libc/mingw/COPYING mingw-w64.txt ;;
esac
case $platform in linux-* | windows-*)
  zig lib/libunwind/LICENSE.TXT libunwind.txt
  zig LICENSE zig.txt
  ;;
esac

run "$folder/$exe" completions bash >"$folder/completions/viva-import.bash"
run "$folder/$exe" completions fish >"$folder/completions/viva-import.fish"
run "$folder/$exe" completions zsh >"$folder/completions/_viva-import"
run "$folder/$exe" completions powershell >"$folder/completions/_viva-import.ps1"
run "$folder/$exe" man "$folder/man" >/dev/null

archive=$(
  python3 - "$folder" "$exe" <<'PYTHON'
import gzip, io, sys, tarfile
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

folder, exe = Path(sys.argv[1]), sys.argv[2]
files = sorted(path for path in folder.rglob("*") if path.is_file())
entries = [(f"{folder.name}/{path.relative_to(folder).as_posix()}", path) for path in files]
mode = lambda path: 0o755 if path.name == exe else 0o644
# The same files make the same archive on every system.
if exe.endswith(".exe"):
    archive = folder.with_name(folder.name + ".zip")
    with ZipFile(archive, "w", ZIP_DEFLATED) as out:
        for name, path in entries:
            entry = ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.create_system = 3
            entry.compress_type = ZIP_DEFLATED
            entry.external_attr = (0o100000 | mode(path)) << 16
            out.writestr(entry, path.read_bytes())
else:
    archive = folder.with_name(folder.name + ".tar.gz")
    with open(archive, "wb") as file, gzip.GzipFile("", "wb", mtime=0, fileobj=file) as packed:
        with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as out:
            for name, path in entries:
                entry = tarfile.TarInfo(name)
                entry.size, entry.mode, entry.mtime = path.stat().st_size, mode(path), 315532800
                out.addfile(entry, io.BytesIO(path.read_bytes()))
print(archive)
PYTHON
)

# The program starts, checks a file, and its cryptography works.
trial=$(mktemp -d)
trap 'rm -rf "$trial"' EXIT
python3 -c 'import shutil, sys; shutil.unpack_archive(*sys.argv[1:])' "$archive" "$trial"
chmod +x "$trial/$name/$exe" # Python unpacks a zip without its modes
[ "$(run "$trial/$name/$exe" --version | tr -d '\r')" = "viva-import $version" ]
run "$trial/$name/$exe" check src/testbed/sample.csv --mapping src/testbed/connection.json
run "$trial/$name/$exe" certificate trial --out "$trial"
echo "$archive"
