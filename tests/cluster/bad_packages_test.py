#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Bad packages against the real programs: archives, modules, guests and keys, as bad_input_test.py has
configuration, HTTP and links."""
import os
import stat
import subprocess
import sys
import zipfile

from bad_input import (
    archive, BIN, FAILS, good_files, GUEST, HEAD, module, one_line, program, project, QUIET, run, space_is, submit,
    wait_for, with_file, write)


# R-MEX-3, R-MEX-4, R-DEC-27: nothing of an archive that is not whole is placed.
def a_mex_that_is_truncated_unsafe_doubled_linked_or_a_bomb_is_refused_with_its_reason(cluster):
    good_files(cluster)
    with open(f"{cluster.folder}/good.mex", "rb") as f:
        good = f.read()
    submit(cluster, "empty.mex", b"")
    submit(cluster, "truncated.mex", good[:-30], "archive")
    submit(cluster, "half.mex", good[:len(good) // 2], "archive")
    submit(cluster, "dotdot.mex", archive([("../x", b"y")]), "'../x'", "not safe")
    submit(cluster, "absolute.mex", archive([("/etc/x", b"y")]), "'/etc/x'", "not safe")
    submit(cluster, "double.mex", archive([("topology.yaml", b"1"), ("topology.yaml", b"2")]), "topology.yaml", "twice")
    submit(cluster, "link.mex", archive([("topology.yaml", b"/etc/passwd")], stat.S_IFLNK | 0o777), "topology.yaml",
           "is a link")
    submit(cluster, "bomb.mex", archive([("topology.yaml", bytes(8 << 20))], method=zipfile.ZIP_DEFLATED), "topology.yaml", "200 times its size")


# R-MEX-3, R-DEC-18: before anything is executed.
def a_wrong_hash_or_a_bad_signature_is_refused_and_names_the_file(cluster):
    files = good_files(cluster)
    submit(cluster, "hash.mex", archive(with_file(files, "spaces/a/space.yaml", b"type: CALL\n")),
           "spaces/a/space.yaml", "hash")
    manifest = dict(files)["manifest.yaml"].replace(b'version: "1.0.0"', b'version: "1.0.1"')
    submit(cluster, "signature.mex", archive(with_file(files, "manifest.yaml", manifest)), "signature")
    extra = [*files, ("world/layout.yaml", b"locations: []\n")]
    submit(cluster, "extra.mex", archive(extra), "world/layout.yaml", "integrity")


# --- modules ---

def a_module_that_lacks_on_process_or_imports_what_does_not_exist_is_refused_at_build_and_submit(cluster):
    launch = b"\x02\x0e\x01\x03env\x06launch\x00\x01"
    for code, words in ((module(entry=b"on_progess"), ("'a'", "on_process")),
                        (module(imports=launch), ("'a'", "env", "launch")), (b"\0asm\1\0\0\0\xff", ("'a'", "core.wasm"))):
        folder = project(cluster, "module", {"a": (code, "")})
        one_line(program("mex", "build", folder, "-o", f"{cluster.folder}/module.mex"), 1, *words)
        files = with_file(good_files(cluster), "spaces/a/core.wasm", code, hashed=True)
        submit(cluster, "module.mex", archive(files), *words)


# R-ABI-19, R-ABI-20, R-ABI-25, R-CFG-1, R-CFG-2, R-SPACE-11: deadlines, the watchdog, and the state they lead to.
def guests_that_trap_or_loop_for_ever_fail_with_the_reason_and_the_others_run_on(cluster):
    short = "runtime: {budgets: {on_process_watchdog_ms: 300, on_init_deadline_ms: 300}}\n"
    spaces = {
        "calm": (GUEST % QUIET, ""),
        "traps": (GUEST % "__builtin_trap();", ""),
        "loops": (GUEST % "for (;;) sink++;", short),
        "hangs": (GUEST % QUIET + 'SAMOZA_EXPORT("on_init") int32_t on_init(void) { for (;;) sink++; }\n', short),
        "refuses": (GUEST % QUIET + 'SAMOZA_EXPORT("on_init") int32_t on_init(void) { return 3; }\n', ""),
        "reaches": (GUEST % "*(volatile char *)0x7fffffff = 1; return 0;", "")}
    out = f"{cluster.folder}/harm.mex"
    subprocess.run([f"{BIN}/mex", "build", project(cluster, "harm", spaces), "-o", out], check=True, capture_output=True)
    with open(out, "rb") as f:
        status, text = cluster.answer(1, 7331, "POST", "/v1/topologies", f.read())
    assert status == 200, text
    space_is(cluster, "harm", "traps", FAILS, "unreachable")
    space_is(cluster, "harm", "loops", FAILS, "watchdog", "300")
    space_is(cluster, "harm", "hangs", FAILS, "on_init", "300")
    space_is(cluster, "harm", "refuses", FAILS, "on_init", "3")
    space_is(cluster, "harm", "reaches", FAILS, "out of bounds")
    space_is(cluster, "harm", "calm", ("running",))
    topology = cluster.topology("harm")
    assert topology["state"] in ("pending", "degraded", "failed") and topology["reason"], topology
    cluster.zshell(1, "topo", "delete", topology["id"], "--yes")


def a_guest_gets_errors_for_pointers_out_of_range_and_no_memory_past_its_limit(cluster):
    probe = """
  static int done;
  if (!done) {
    done = 1;
    char line[] = "log ? emit ? recv ? grow ?";
    line[4] = sys_log(1, (void *)0x7ffffff0, 100) == SAMOZA_E_INVALID ? 'r' : 'X';
    line[11] = net_emit_to("again", 5, (void *)0xfffffff0u, 0x7fffffff, 0) == SAMOZA_E_INVALID ? 'r' : 'X';
    line[18] = net_recv_next((void *)0xffffff00u, 4096, 0, 0) == SAMOZA_E_INVALID ? 'r' : 'X';
    int pages = 0;
    while (pages < 100000 && __builtin_wasm_memory_grow(0, 1) != (unsigned long)-1) pages++;
    line[25] = pages <= 16 ? 'r' : 'X';
    sys_log(1, line, sizeof line - 1);
  }
""" + QUIET
    topology = HEAD % "probe" + "  - {name: a, type: CALL}\npaths:\n  - {name: again, from: a, to: a}\n"
    out = f"{cluster.folder}/probe.mex"
    subprocess.run([f"{BIN}/mex", "build", project(cluster, "probe", {"a": (GUEST % probe, "limits: {memory: 1MiB}\n")},
                                                   topology), "-o", out], check=True, capture_output=True)
    cluster.zshell(1, "topo", "submit", out)
    lines = wait_for("the guest tells", lambda: (
        lambda run: run.stdout if "grow" in run.stdout else None)(cluster.zshell(1, "spaces", "logs", "a", check=False)))
    assert "log r emit r recv r grow r" in lines, lines
    view = cluster.ask(1, 8080, "GET", "/v1/spaces/a")
    assert view["state"] == "running" and int(view["memory_bytes"]) <= 1 << 20, view
    cluster.zshell(1, "topo", "delete", cluster.topology("probe")["id"], "--yes")


# --- keys ---

def a_key_that_is_none_is_refused_and_the_archive_keeps_its_signature(cluster):
    folder = project(cluster, "keys", {"a": (module(), "")})
    good, mex = f"{cluster.folder}/good.key", f"{cluster.folder}/keys.mex"
    subprocess.run([f"{BIN}/mex", "keygen", good], check=True, capture_output=True)
    with open(good, encoding="utf-8") as f:
        text = f.read().strip()
    one_line(program("mex", "build", folder, "-o", mex, "--key", good), 0)
    with open(mex, "rb") as f:
        signed = f.read()
    for content, words in (("", "is empty"), ("\r\n", "is empty"), ("-----BEGIN PRIVATE KEY-----\nMC4\n", "PEM"),
                           ("-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl\n", "OpenSSH"),
                           ("ssh-ed25519 AAAA me@here\n", "OpenSSH"), (text[:20], "instead of 32"), ("?" * 44, "base64")):
        path = write(cluster, "wrong.key", content)
        os.chmod(path, 0o600)
        for command in (("sign", mex, "--key", path), ("build", folder, "-o", mex, "--key", path)):
            one_line(program("mex", *command), 1, "wrong.key", words, "mex keygen")
        with open(mex, "rb") as f:
            assert f.read() == signed, "the archive was changed"
    one_line(program("mex", "build", folder, "-o", mex, "--key", ""), 1, "No such file")
    one_line(program("mex", "verify", mex, "--trust", "nonsense"), 1, "--trust", "mex keygen")
    open_to_all = write(cluster, "open.key", text + "\n")
    os.chmod(open_to_all, 0o644)
    one_line(program("mex", "sign", mex, "--key", open_to_all), 1, "open.key", "0644", "chmod 600")
    windows = write(cluster, "windows.key", text + " \r\n")
    os.chmod(windows, 0o600)
    one_line(program("mex", "sign", mex, "--key", windows), 0, "signed")
    one_line(program("mex", "verify", mex), 0, "signed by")
    trust = write(cluster, "trust.yaml", f"zhost: {{id: z}}\ncluster: {{join_token_file: {cluster.folder}/j}}\n"
                  "trust:\n  keys:\n    - abc\n")
    one_line(program("startz", "-config", trust), 2, "trust.yaml:5", "trust.keys")


CASES = [a_mex_that_is_truncated_unsafe_doubled_linked_or_a_bomb_is_refused_with_its_reason,
         a_wrong_hash_or_a_bad_signature_is_refused_and_names_the_file,
         a_module_that_lacks_on_process_or_imports_what_does_not_exist_is_refused_at_build_and_submit,
         guests_that_trap_or_loop_for_ever_fail_with_the_reason_and_the_others_run_on,
         a_guest_gets_errors_for_pointers_out_of_range_and_no_memory_past_its_limit,
         a_key_that_is_none_is_refused_and_the_archive_keeps_its_signature]

sys.exit(run("cluster_bad_packages", CASES))
