#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Guests of ordinary toolchains, unchanged, on a real zhost: for each language its template of `mex init`, and a
conformance guest (the folder of the language beside this file) that prints, sleeps, asks for the time, random
bytes, its configuration and a file, and fails. A language whose toolchain is not installed is reported as not
run. usage: languages_test.py [case]"""
import base64
import json
import os
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tools"))
from samoza_test_cluster import BIN, Cluster, NotRun, build_mex, run_cases, wait_for  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
# Where tools/install puts the toolchains that no package of the system brings.
TOOLCHAINS = os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "samoza/toolchains/bin")
LINES = ["first", "second", "partial"]
WHOLE = LINES + ["greeting hello", "slept yes", "random yes", "file refused", "time yes"]


def build(folder):
    run = subprocess.run([f"{BIN}/mex", "build", folder, "-o", f"{folder}.mex"], capture_output=True, text=True,
                         check=False, env=dict(os.environ, PATH=f"{TOOLCHAINS}:{os.environ['PATH']}"))
    if run.returncode != 0 and "is not installed" in run.stderr:
        toolchain = run.stderr.split(" is not installed")[0].split()[-1]
        raise NotRun(f"toolchain {toolchain} is not installed")
    assert run.returncode == 0, run.stderr
    return f"{folder}.mex"


def project(cluster, language):
    """The conformance guest as a project of its language's template."""
    folder = f"{cluster.folder}/guest-{language}"
    template = "c" if language == "cxx" else language
    subprocess.run([f"{BIN}/mex", "init", "--lang", template, folder], check=True, capture_output=True)
    source = f"{folder}/spaces/hello/src"
    shutil.rmtree(source)
    shutil.copytree(f"{HERE}/{language}", source)
    memory = "64MiB" if language == "go" else "16MiB"
    with open(f"{folder}/spaces/hello/space.yaml", "w", encoding="utf-8") as f:
        f.write("type: CALL\ncapabilities: [sys.log]\nidle: wait\nconfig: {GREETING: hello}\n"
                f"limits: {{memory: {memory}}}\n")
    with open(f"{folder}/topology.yaml", encoding="utf-8") as f:
        text = f.read().replace("to: hello}", "to: hello, max_deliveries: 1}")
    with open(f"{folder}/topology.yaml", "w", encoding="utf-8") as f:
        f.write(text)
    return folder


def submit(cluster, mex, name):
    # Says after a while that it does not run yet: a Go module takes long to compile on a busy machine.
    cluster.zshell(1, "topo", "submit", mex, check=False)
    wait_for(f"{name} runs", lambda: (cluster.topology(name) or {}).get("state") == "running", 240)


def send(cluster, topology, payload):
    body = json.dumps({"topology": topology, "from": "hello", "path": "again",
                       "payload": base64.b64encode(payload.encode()).decode()})
    status, text = cluster.answer(1, 9200, "POST", "/v1/spaces/send", body)
    assert status == 200, (status, text)


def log_of(cluster, topology):
    identity = cluster.topology(topology)["id"]
    return [e[2]["text"] for e in cluster.events("zrun", "guest_log") if e[2].get("topology") == identity]


def wait_for_line(cluster, topology, line):
    return wait_for(f"{topology} logs {line!r}",
                    lambda: [text for text in log_of(cluster, topology) if line in text], 60)


def check_language(cluster, language, lines, on_panic):
    """The template logs what it gets; the conformance guest logs `lines`, and fails with `on_panic`."""
    if language != "cxx":
        template = f"template-{language}"
        folder = f"{cluster.folder}/{template}"
        subprocess.run([f"{BIN}/mex", "init", "--lang", language, folder], check=True, capture_output=True)
        mex = build(folder)
        # Compiling a Go module costs seconds of CPU; the one below is of the same kind.
        if language != "go":
            submit(cluster, mex, template)
            wait_for_line(cluster, template, "hello")
            send(cluster, template, "a message")
            wait_for_line(cluster, template, "a message")
    name = f"guest-{language}"
    submit(cluster, build(project(cluster, language)), name)
    send(cluster, name, "check")
    wait_for_line(cluster, name, "got done")
    assert log_of(cluster, name) == lines + ["got done"], log_of(cluster, name)
    if on_panic is None:
        return
    send(cluster, name, "panic")
    wait_for_line(cluster, name, on_panic)
    send(cluster, name, "after")
    wait_for_line(cluster, name, "got after")
    # A report of a failure is a few whole lines, not one line for each word.
    since = log_of(cluster, name)[len(lines) + 1:]
    assert len(since) < 40 and not any("\\n" in line for line in since), since


def c_with_its_library(cluster):
    if not os.path.exists("/usr/lib/wasm32-wasi/libc.a"):
        raise NotRun("toolchain wasi-libc is not installed")
    check_language(cluster, "c", WHOLE + ["error line"], "unreachable")


def cxx_with_its_library(cluster):
    if not os.path.exists("/usr/lib/wasm32-wasi/libc++.a"):
        raise NotRun("toolchain libc++ for wasm32 is not installed")
    check_language(cluster, "cxx", ["greeting hello", "made 2", "time yes", "greeting hello", "made 3", "time yes"],
                   None)


# R-ABI-4, R-ABI-7: with the compiler of Go itself.
def go_with_fmt_and_time(cluster):
    check_language(cluster, "go", WHOLE + ["args hello", "error line"], "told to")


def rust_with_all_of_std(cluster):
    check_language(cluster, "rust", WHOLE + ["args hello", "error line"], "told to")


def zig_with_debug_print(cluster):
    check_language(cluster, "zig", LINES, "told to")


def assemblyscript_with_its_library(cluster):
    check_language(cluster, "assemblyscript", ["first", "second", "random yes", "time yes", "traced 7"],
                   "abort: told to")


DEEP = """#include "samoza.h"
static char canary[64] = "canary is fine";
static char buffer[64];
SAMOZA_EXPORT("on_process") int32_t on_process(void) {
  if (net_recv_next(buffer, sizeof buffer, 0, 0) <= 0) return 0;
  volatile char line[18000];
  for (int i = 0; i < 18000; i++) line[i] = 'Z';
  return sys_log(1, canary, line[17999] == 'Z' ? 14 : 0);
}
"""


def a_stack_that_overflows_traps_and_overwrites_nothing(cluster):
    path = "  - {name: again, from: hello, to: hello, max_deliveries: 1}\n"
    idle = "idle: wait\n"
    for name, stack in (("deep", ""), ("overflow", "build: {stack: 16KiB}\n")):
        submit(cluster, build_mex(cluster.folder, name, {"hello": {"guest": DEEP, "space": idle + stack}}, path), name)
        send(cluster, name, "go")
    wait_for_line(cluster, "deep", "canary is fine")
    wait_for_line(cluster, "overflow", "out of bounds")
    assert "canary" not in "".join(log_of(cluster, "overflow")), log_of(cluster, "overflow")


def components_and_commands_are_told_what_to_build_instead(cluster):
    folder = f"{cluster.folder}/odd"
    subprocess.run([f"{BIN}/mex", "init", folder], check=True, capture_output=True)
    shutil.rmtree(f"{folder}/spaces/hello/src")
    for module, words in ((b"\0asm\x0d\0\1\0", "wasm32-wasip1"), (command_module(), "cdylib")):
        with open(f"{folder}/spaces/hello/core.wasm", "wb") as f:
            f.write(module)
        run = subprocess.run([f"{BIN}/mex", "build", folder, "-o", f"{folder}.mex"], capture_output=True, text=True,
                             check=False)
        assert run.returncode == 1 and words in run.stderr and "space 'hello'" in run.stderr, run.stderr


def a_toolchain_that_is_missing_is_named_with_what_brings_it(cluster):
    for language, words in (("c", ["clang-19 is not installed", "tools/install"]),
                            ("rust", ["rustc is not installed", "rustup target add wasm32-wasip1"]),
                            ("go", ["go is not installed", "Go 1.24"]),
                            ("zig", ["zig is not installed", "ziglang"]),
                            ("assemblyscript", ["asc is not installed", "npm install"])):
        folder = f"{cluster.folder}/missing-{language}"
        subprocess.run([f"{BIN}/mex", "init", "--lang", language, folder], check=True, capture_output=True)
        run = subprocess.run([f"{BIN}/mex", "build", folder, "-o", f"{folder}.mex"], capture_output=True, text=True,
                             check=False, env=dict(os.environ, PATH="/nowhere"))
        assert run.returncode == 1 and all(word in run.stderr for word in words), (language, run.stderr)
        assert not os.path.exists(f"{folder}.mex")


def command_module():
    """(module (memory (export "memory") 1) (func (export "_start")))"""
    return (b"\0asm\1\0\0\0" b"\1\4\1\x60\0\0" b"\3\2\1\0" b"\5\3\1\0\1"
            b"\7\x13\2\6memory\2\0\6_start\0\0" b"\x0a\4\1\2\0\x0b")


CASES = [c_with_its_library, cxx_with_its_library, go_with_fmt_and_time, rust_with_all_of_std, zig_with_debug_print,
         assemblyscript_with_its_library, a_stack_that_overflows_traps_and_overwrites_nothing,
         components_and_commands_are_told_what_to_build_instead,
         a_toolchain_that_is_missing_is_named_with_what_brings_it]


def main():
    # The compiler of zrun has the lowest priority; the bound is of time that passes.
    cluster = Cluster(count=1, extra=["zrun: {limits: {compile_time: 10m}}"])
    try:
        cluster.start(1)
        wait_for("the zhost is alive",
                 lambda: (cluster.ask_any(7331, "GET", "/v1/cluster") or {}).get("zhosts_alive") == 1, 60)
        return run_cases("cluster_languages", cluster, CASES, sys.argv[1] if len(sys.argv) > 1 else "")
    finally:
        cluster.stop(keep=True)


sys.exit(main())
