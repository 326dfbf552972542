// SPDX-License-Identifier: Apache-2.0
// The conformance guest in AssemblyScript, with its standard library: see languages_test.py.
@external("net", "recv_next")
declare function recv_next(buffer: usize, capacity: i32, info: usize, timeout_ms: i32): i32;
@external("net", "emit_to")
declare function emit_to(path: usize, path_bytes: i32, data: usize, bytes: i32, timeout_ms: i32): i32;

const buffer = new ArrayBuffer(1024);

function check(): void {
  console.log("first\nsecond");
  console.log("random " + (Math.random() != Math.random() ? "yes" : "no"));
  console.log("time " + (Date.now() > 1600000000000 ? "yes" : "no"));
  trace("traced", 1, 7);
  const path = String.UTF8.encode("again");
  const done = String.UTF8.encode("done");
  emit_to(changetype<usize>(path), path.byteLength, changetype<usize>(done), done.byteLength, -1);
}

export function on_process(): i32 {
  const n = recv_next(changetype<usize>(buffer), buffer.byteLength, 0, 0);
  if (n <= 0) return 0;
  const text = String.UTF8.decodeUnsafe(changetype<usize>(buffer), n);
  if (text == "check") check();
  else if (text == "panic") throw new Error("told to");
  else console.log("got " + text);
  return 0;
}
