#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A zhost that logs to stderr, which is a pipe: one that nobody reads holds up nobody, one whose reader ends
kills nobody. usage: stderr_test.py [case]"""
import array
import fcntl
import os
import subprocess
import sys
import termios

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tools"))
sys.path.insert(0, os.path.join(ROOT, "tests/cluster"))
from hostile_test import PAIRS, hostile, honest, reports  # noqa: E402
from samoza_test_cluster import BIN, Cluster, run_cases, wait_for  # noqa: E402


def start(cluster):
    """Zhost 1 with stderr as a pipe and without a log_dir."""
    with open(cluster.config(1), encoding="utf-8") as f:
        lines = [line for line in f if not line.startswith("log_dir:")]
    with open(cluster.config(1), "w", encoding="utf-8") as f:
        f.writelines(lines)
    cluster.reader, writer = os.pipe()
    cluster.processes[1] = subprocess.Popen([f"{BIN}/startz", "-config", cluster.config(1)], stdout=writer,
                                            stderr=writer, stdin=subprocess.DEVNULL)
    os.close(writer)
    wait_for("the zhost is alive",
             lambda: (cluster.ask(1, 7331, "GET", "/v1/cluster") or {}).get("zhosts_alive") == 1, 60)


def unread(cluster):
    size = array.array("i", [0])
    fcntl.ioctl(cluster.reader, termios.FIONREAD, size)
    return size[0]


def totals(cluster):
    return [(reports(cluster, i) or [(0, 0, 0, 0)])[-1][3] for i in range(PAIRS)]


def all_go_on(cluster):
    before = totals(cluster)
    wait_for("every pair makes 200 more round trips",
             lambda: all(now >= was + 200 for now, was in zip(totals(cluster), before)), 120)


def a_pipe_that_nobody_reads_holds_up_no_service(cluster):
    cluster.zshell(1, "topo", "submit", honest(cluster.folder))
    cluster.zshell(1, "topo", "submit", hostile(cluster.folder, 5))  # one of each; one logs in a loop
    wait_for("the pairs run", lambda: all(reports(cluster, i) for i in range(PAIRS)), 60)
    cluster.children = sorted(cluster.pids(1))
    # It holds 64 KiB; each line is longer than the last byte that fits.
    wait_for("the pipe is full", lambda: unread(cluster) > 60_000, 120)
    all_go_on(cluster)
    assert (cluster.ask(1, 7331, "GET", "/v1/cluster") or {}).get("zhosts_alive") == 1
    assert cluster.topology("honest")["state"] == "running"
    assert sorted(cluster.pids(1)) == cluster.children


def a_pipe_whose_reader_ends_kills_no_service(cluster):
    os.close(cluster.reader)
    all_go_on(cluster)
    assert cluster.processes[1].poll() is None
    assert sorted(cluster.pids(1)) == cluster.children


def the_zhost_ends_in_order_without_a_reader(cluster):
    cluster.processes[1].terminate()
    assert cluster.processes[1].wait(60) == 0


def main():
    cluster = Cluster(count=1)
    try:
        start(cluster)
        return run_cases("cluster_stderr", cluster, [
            a_pipe_that_nobody_reads_holds_up_no_service, a_pipe_whose_reader_ends_kills_no_service,
            the_zhost_ends_in_order_without_a_reader], sys.argv[1] if len(sys.argv) > 1 else "")
    finally:
        cluster.stop(keep=True)


sys.exit(main())
