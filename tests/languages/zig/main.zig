// SPDX-License-Identifier: Apache-2.0
// The conformance guest in Zig, with debug.print: see languages_test.py.
const std = @import("std");

extern "net" fn recv_next(buffer: [*]u8, capacity: i32, info: ?*anyopaque, timeout_ms: i32) i32;
extern "net" fn emit_to(path: [*]const u8, path_bytes: i32, data: [*]const u8, bytes: i32, timeout_ms: i32) i32;

var buffer: [1024]u8 = undefined;

export fn on_process() i32 {
    const n = recv_next(&buffer, buffer.len, null, 0);
    if (n <= 0) return 0;
    const text = buffer[0..@intCast(n)];
    if (std.mem.eql(u8, text, "check")) {
        std.debug.print("first\nsecond\n", .{});
        std.debug.print("par", .{});
        std.debug.print("tial\n", .{});
        _ = emit_to("again", 5, "done", 4, -1);
    } else if (std.mem.eql(u8, text, "panic")) {
        @panic("told to");
    } else {
        std.debug.print("got {s}\n", .{text});
    }
    return 0;
}
