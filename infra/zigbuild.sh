#!/usr/bin/env bash
# Builds the programs for another platform with zig as the C compiler and linker, on any host.
#
#     infra/zigbuild.sh TARGET [ARGUMENT...]
#
# TARGET is a target of Rust, with the oldest glibc after it if it has one. The arguments are those of `cargo build`.
# Needs Rust, and Python 3 with venv and pip.
set -euo pipefail
cd "$(dirname "$0")/.."

target=$1
tools=target/package-tools
[ -x "$tools/bin/python" ] || python3 -m venv "$tools"
"$tools/bin/python" -m pip install --quiet --disable-pip-version-check cargo-zigbuild==0.24.1 ziglang==0.17.1
[ -d "$(rustc --print target-libdir --target "${target%%.*}")" ] || rustup target add "${target%%.*}"
PATH=$PWD/$tools/bin:$PATH cargo zigbuild --locked --bins --release --target "$@"
