const std = @import("std");

/// The next message, or a negative number (docs/abi.md).
extern "net" fn recv_next(buffer: [*]u8, capacity: i32, info: ?*anyopaque, timeout_ms: i32) i32;

var buffer: [1024]u8 = undefined;

export fn on_init() i32 {
    std.debug.print("hello\n", .{});
    return 0;
}

export fn on_process() i32 {
    const n = recv_next(&buffer, buffer.len, null, 0);
    if (n > 0) std.debug.print("{s}\n", .{buffer[0..@intCast(n)]});
    return 0;
}
