#!/usr/bin/env bash
# Builds the handler for Azure Functions on Linux and packs the zip that is deployed.
#
#     infra/package.sh [ZIP]        the default is target/function.zip
#
# Needs Rust, and Python 3 with venv and pip. The program contains neither the demo nor the mock service.
# PROGRAM=target/debug/viva-import packs that program and builds nothing. `cargo build --no-default-features`
# builds it. Such a zip shows the layout. Its program runs only on systems like the one that built it.
set -euo pipefail
cd "$(dirname "$0")/.."

zip=${1:-target/function.zip}
# Flex Consumption runs on x64 Linux, but its image is not published. So zig links against the old glibc of
# Debian 10, and the program starts on every Linux with that version or a later one.
target=x86_64-unknown-linux-gnu
glibc=2.28

rm -f "$zip" # so that a failed build does not leave an older package to publish
program=${PROGRAM:-}
if [ -z "$program" ]; then
  infra/zigbuild.sh "$target.$glibc" --no-default-features
  program=target/$target/release/viva-import
fi
python3 - "$zip" "$program" <<'PYTHON'
import sys
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

package, program = sys.argv[1:]
# The host finds a function in each folder beside host.json. It mounts the zip read-only, so the handler
# must be executable in the zip.
files = {"host.json": Path("host.json"), "viva-import": Path(program)}
files |= {f"{path.parent.name}/{path.name}": path for path in Path("function").glob("*/function.json")}
with ZipFile(package, "w", ZIP_DEFLATED) as out:
    for name, path in sorted(files.items()):
        # The same files make the same zip on every system.
        entry = ZipInfo(name, (1980, 1, 1, 0, 0, 0))
        entry.create_system = 3
        entry.compress_type = ZIP_DEFLATED
        entry.external_attr = (0o100755 if name == "viva-import" else 0o100644) << 16
        out.writestr(entry, path.read_bytes())
PYTHON
echo "$zip"
