#!/usr/bin/env bash
# Builds the handler for the image of the Functions host and lays out the zip that is deployed.
#
#     infra/package.sh [ZIP]        target/function.zip, if none is named
#
# Needs Rust, and Python 3 with venv and pip. The program has neither the demo nor the mock service.
# PROGRAM=target/debug/viva-import builds nothing and packs that program instead, as `cargo build
# --no-default-features` makes it: for a look at the layout, on a machine like the one it was built on.
set -euo pipefail
cd "$(dirname "$0")/.."

zip=${1:-target/function.zip}
# Flex Consumption runs on x64 Linux, and its image is not published. zig links against a glibc as old
# as Debian 10's, so that the program starts on that and whatever came later.
target=x86_64-unknown-linux-gnu
glibc=2.28

build() {
  local tools=target/package-tools
  [ -x "$tools/bin/python" ] || python3 -m venv "$tools"
  "$tools/bin/python" -m pip install --quiet --disable-pip-version-check cargo-zigbuild==0.24.1 ziglang==0.17.1
  [ -d "$(rustc --print target-libdir --target "$target")" ] || rustup target add "$target"
  PATH=$PWD/$tools/bin:$PATH cargo zigbuild --locked --no-default-features --bins --release --target "$target.$glibc"
}

program=${PROGRAM:-}
if [ -z "$program" ]; then
  build
  program=target/$target/release/viva-import
fi
python3 - "$zip" "$program" <<'PYTHON'
import sys
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

package, program = sys.argv[1:]
# The host finds a function in each folder beside host.json. It mounts the zip read-only, so the handler
# has to be executable in it.
files = {"host.json": Path("host.json"), "viva-import": Path(program)}
files |= {f"{path.parent.name}/{path.name}": path for path in Path("function").glob("*/function.json")}
with ZipFile(package, "w", ZIP_DEFLATED) as out:
    for name, path in sorted(files.items()):
        # The same files make the same zip, on whatever system.
        entry = ZipInfo(name, (1980, 1, 1, 0, 0, 0))
        entry.create_system = 3
        entry.compress_type = ZIP_DEFLATED
        entry.external_attr = (0o100755 if name == "viva-import" else 0o100644) << 16
        out.writestr(entry, path.read_bytes())
PYTHON
echo "$zip"
