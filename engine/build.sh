#!/usr/bin/env bash
# Builds the engine crate once per set of inputs and prints the folder that holds
#   lib/libsamoza_engine.a  include/wasmtime.h  include/samoza_engine.h
# The folder lies outside the tree, named by the hash of everything that goes into it.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cache=${SAMOZA_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/samoza}/engine
inputs=$(cat "$here/Cargo.toml" "$here/Cargo.lock" "$here"/src/*.rs "$here"/include/*.h "$here/build.sh" | sha256sum | cut -c1-20)
rust=$(rustc --version | sha256sum | cut -c1-8)
out="$cache/$inputs-$rust"
if [ -f "$out/complete" ]; then echo "$out"; exit 0; fi
mkdir -p "$cache"
exec 9>"$cache/lock"
flock 9
if [ -f "$out/complete" ]; then echo "$out"; exit 0; fi
work="$cache/build-$inputs-$rust"
mkdir -p "$work" "$out/lib"
echo "engine: building Wasmtime's C API (minutes; once per machine and version)" >&2
tries=0
until cargo build --locked --release --manifest-path "$here/Cargo.toml" --target-dir "$work" >&2; do
  tries=$((tries + 1))
  if [ "$tries" -ge 4 ]; then echo "engine: cargo build failed $tries times" >&2; exit 1; fi
  echo "engine: cargo failed; trying again in $((tries * 5)) s" >&2
  sleep $((tries * 5))
done
cp "$work/release/libsamoza_engine.a" "$out/lib/"
include=$(find "$work/release/build" -type d -path '*wasmtime-c-api-impl-*/out/include' | head -n 1)
if [ -z "$include" ]; then echo "engine: the crate left no headers under $work" >&2; exit 1; fi
rm -rf "$out/include" && cp -r "$include" "$out/include" && cp "$here"/include/*.h "$out/include/"
touch "$out/complete"
rm -rf "$work"
echo "$out"
