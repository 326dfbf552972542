@external("sys", "log")
declare function sys_log(level: i32, text: usize, bytes: i32): i32;
// The next message, or a negative number (docs/abi.md).
@external("net", "recv_next")
declare function recv_next(buffer: usize, capacity: i32, info: usize, timeout_ms: i32): i32;

const buffer = new ArrayBuffer(1024);

function log(text: string): void {
  const bytes = String.UTF8.encode(text);
  sys_log(1, changetype<usize>(bytes), bytes.byteLength);
}

export function on_init(): i32 {
  log("hello");
  return 0;
}

export function on_process(): i32 {
  const n = recv_next(changetype<usize>(buffer), buffer.byteLength, 0, 0);
  if (n > 0) log(String.UTF8.decodeUnsafe(changetype<usize>(buffer), n));
  return 0;
}
