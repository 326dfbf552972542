// SPDX-License-Identifier: Apache-2.0
// The conformance guest in Rust, with its whole std: see languages_test.py.
use std::collections::HashMap;
use std::io::Write;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

mod net {
    #[link(wasm_import_module = "net")]
    extern "C" {
        pub fn recv_next(buffer: *mut u8, capacity: i32, info: *mut u8, timeout_ms: i32) -> i32;
        pub fn emit_to(path: *const u8, path_bytes: i32, data: *const u8, bytes: i32, timeout_ms: i32) -> i32;
    }
}

fn yes(condition: bool) -> &'static str {
    if condition { "yes" } else { "no" }
}

fn check() {
    std::io::stdout().write_all(b"first\nsecond\n").unwrap();
    print!("par");
    println!("tial");
    println!("greeting {}", std::env::var("GREETING").unwrap());
    let before = Instant::now();
    std::thread::sleep(Duration::from_millis(20));
    println!("slept {}", yes(before.elapsed() >= Duration::from_millis(20)));
    let mut map = HashMap::new(); // its hasher takes random bytes
    map.insert("random", "yes");
    println!("random {}", map["random"]);
    let file = std::fs::File::open("/etc/passwd").is_err() && std::fs::read_dir("/").is_err();
    println!("file {}", if file { "refused" } else { "opened" });
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    println!("time {}", yes(now.as_secs() > 1_600_000_000));
    println!("args {}", std::env::args().next().unwrap());
    eprintln!("error line");
    unsafe { net::emit_to("again".as_ptr(), 5, "done".as_ptr(), 4, -1) };
}

#[no_mangle]
pub extern "C" fn on_process() -> i32 {
    let mut buffer = vec![0u8; 1024];
    let n = unsafe { net::recv_next(buffer.as_mut_ptr(), 1024, std::ptr::null_mut(), 0) };
    if n <= 0 {
        return 0;
    }
    match std::str::from_utf8(&buffer[..n as usize]).unwrap() {
        "check" => check(),
        "panic" => panic!("told to"),
        text => println!("got {text}"),
    }
    0
}
