#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Delivery class `once` with real processes: source and sink on one zhost, the relay on the other, their
zruns and a whole zhost killed again and again. What each space committed is read from its SQLite file.
usage: once_test.py [--seed N] [case]"""
import argparse
import glob
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tools"))
from samoza_test_cluster import BIN, Cluster, run_cases, wait_for  # noqa: E402

LAST = 1000  # as in once/once.h


def number(value):
    return int.from_bytes(value, "little")


def data_of(cluster, space):
    """{key: value} of what the space committed; of its newest file, as only one zhost has one."""
    for path in glob.glob(f"{cluster.folder}/s*/data/*.{space}.db"):
        try:
            with sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5) as database:
                return dict(database.execute("SELECT key, value FROM data").fetchall())
        except sqlite3.Error:
            pass  # the process that has it open was killed just now
    return {}


def arrived(cluster):
    return number(data_of(cluster, "sink").get(b"count", b""))


def progress(cluster, by):
    """Until `by` more have arrived, or all."""
    to = min(arrived(cluster) + by, LAST)
    wait_for(f"number {to} arrives", lambda: arrived(cluster) >= to, 60)


def s7_s8_each_number_has_its_effect_once_and_in_order_whatever_is_killed(cluster):
    for kills in range(12):
        if kills % 6 == 5:
            cluster.kill_zhost(2)
            time.sleep(cluster.rng.uniform(0.1, 1.0))
            cluster.start(2)
        else:
            zrun = cluster.pid_of(cluster.rng.choice((1, 2)), "zrun")
            if zrun is not None:
                os.kill(zrun, signal.SIGKILL)
        time.sleep(cluster.rng.uniform(0.0, 0.3))
        progress(cluster, cluster.rng.randint(5, 40))
    wait_for("all have arrived", lambda: arrived(cluster) >= LAST, 120)
    sink, relay, source = (data_of(cluster, space) for space in ("sink", "relay", "source"))
    places = sorted(key for key in sink if key.startswith(b"#"))
    assert [number(sink[key]) for key in places] == list(range(1, LAST + 1))
    assert number(sink[b"count"]) == LAST
    assert b"marked" not in sink, "a message on a once path is never flagged"
    assert number(relay[b"sum"]) == LAST * (LAST + 1) // 2
    assert number(source[b"n"]) == LAST


def what_is_finished_leaves_the_outboxes(cluster):
    def left():
        found = 0
        for path in glob.glob(f"{cluster.folder}/s*/data/*.db"):
            with sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5) as database:
                found += database.execute(
                    "SELECT count(*) FROM records WHERE key >= x'6f7574626f782f' AND key < x'6f7574626f7830'").fetchone()[0]
        return found
    wait_for("no entry is left", lambda: left() == 0, 30)


def r_abi_on_close_runs_in_a_guest_that_sleeps_in_on_process(cluster):
    cluster.zshell(1, "topo", "stop", "once")
    wait_for("on_close of the source is committed",
             lambda: number(data_of(cluster, "source").get(b"closed", b"")) == LAST, 10)


def a_store_that_is_gone_is_said_and_not_begun_anew(cluster):
    """Losing a local store is never hidden by starting empty."""
    wait_for("it is stopped", lambda: cluster.topology("once")["state"] == "stopped", 30)
    n = cluster.where(cluster.topology("once"), "sink")
    [store] = glob.glob(f"{cluster.folder}/s{n}/data/*.sink.db")
    for path in glob.glob(f"{store}*"):
        os.rename(path, path + ".away")
    said = cluster.zshell(1, "topo", "start", "once", check=False)
    assert said.returncode == 1 and f"data of space sink is gone from zhost zhost-{n}" in said.stdout, said.stdout
    assert not os.path.exists(store), "nothing was begun in its stead"
    for path in glob.glob(f"{store}*.away"):
        os.rename(path, path[:-len(".away")])
    wait_for("it runs again by itself", lambda: cluster.topology("once")["state"] == "running", 90)
    assert number(data_of(cluster, "sink")[b"count"]) == LAST


CASES = [s7_s8_each_number_has_its_effect_once_and_in_order_whatever_is_killed, what_is_finished_leaves_the_outboxes,
         r_abi_on_close_runs_in_a_guest_that_sleeps_in_on_process,
         a_store_that_is_gone_is_said_and_not_begun_anew]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("case", nargs="?", default="")
    words = parser.parse_args()
    cluster = Cluster(count=2)
    cluster.rng = random.Random(words.seed)
    try:
        mex = f"{cluster.folder}/once.mex"
        subprocess.run([f"{BIN}/mex", "build", f"{ROOT}/tests/cluster/once", "-o", mex], check=True,
                       capture_output=True)
        for n in (1, 2):
            cluster.start(n)
        wait_for("two zhosts are alive",
                 lambda: (cluster.ask_any(7331, "GET", "/v1/cluster") or {}).get("zhosts_alive") == 2, 60)
        cluster.zshell(1, "topo", "submit", mex)
        return run_cases("cluster_once", cluster, CASES, words.case)
    finally:
        cluster.stop(keep=True)


sys.exit(main())
