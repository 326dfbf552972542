mod net {
    #[link(wasm_import_module = "net")]
    extern "C" {
        /// The next message, or a negative number (docs/abi.md).
        pub fn recv_next(buffer: *mut u8, capacity: i32, info: *mut u8, timeout_ms: i32) -> i32;
    }
}

#[no_mangle]
pub extern "C" fn on_init() -> i32 {
    println!("hello");
    0
}

#[no_mangle]
pub extern "C" fn on_process() -> i32 {
    let mut buffer = [0u8; 1024];
    let n = unsafe { net::recv_next(buffer.as_mut_ptr(), 1024, std::ptr::null_mut(), 0) };
    if n > 0 {
        println!("{}", String::from_utf8_lossy(&buffer[..n as usize]));
    }
    0
}
