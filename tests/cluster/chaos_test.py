#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The main job with real processes under faults drawn by seed: kills, pauses, lost zhosts. Each case ends
the same way: all runs again, DATA holds exactly one result per reading, the anomalies equal those of an
undisturbed run, and no epoch of a space ran on two zhosts. `./check --deep` runs it.
usage: chaos_test.py [--seed N] [case …]"""
import argparse
import collections
import json
import os
import random
import signal
import subprocess
import sys
import time
import types

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tools"))
from demo import build_application, judge, summary  # noqa: E402
from samoza_test_cluster import Cluster, Failed, wait_for  # noqa: E402

ZHOSTS = 4
READINGS = 30000  # at 1,000 a second: faults go on for about that long
SERVICES = ("zmesh", "zrms", "zrun", "zbase", "startz")


def alive(cluster):
    return (cluster.ask_any(7331, "GET", "/v1/cluster") or {}).get("zhosts_alive", 0)


def whole(cluster):
    topology = cluster.topology("anomaly")
    return alive(cluster) == ZHOSTS and topology and topology["state"] == "running"


def send(pids, number):
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass


def revive(cluster):
    """Starts again each startz that ended: it is the one process that nobody watches."""
    for n, process in cluster.processes.items():
        if process.poll() is not None:
            cluster.start(n)


def processes_are_killed_one_after_the_other(cluster, rng):
    end = time.monotonic() + READINGS / 1000
    while time.monotonic() < end:
        n = rng.randint(1, ZHOSTS)
        services = SERVICES + (("zmesh-controlplane",) if n == 1 else ())
        pid = cluster.pid_of(n, rng.choice(services))
        if pid is not None:
            send([pid], signal.SIGKILL)
        time.sleep(rng.uniform(0.2, 2.0))
        revive(cluster)


def whole_zhosts_are_killed_and_return(cluster, rng):
    end = time.monotonic() + READINGS / 1000
    while time.monotonic() < end:
        n = rng.randint(1, ZHOSTS)
        cluster.kill_zhost(n)
        time.sleep(rng.uniform(0.1, 5.0))
        revive(cluster)
        wait_for("all zhosts are alive", lambda: alive(cluster) == ZHOSTS, 60)


def a_paused_zhost_is_taken_for_dead_and_gives_way_when_it_wakes(cluster, rng):
    for _ in range(3):
        victim = rng.randint(2, ZHOSTS)
        pids = cluster.pids(victim)
        send(pids, signal.SIGSTOP)
        try:
            time.sleep(rng.uniform(4.5, 7.0))
        finally:
            send(pids, signal.SIGCONT)
        wait_for("it is whole again", lambda: whole(cluster), 60)


def a_paused_zrun_or_zmesh_harms_nothing(cluster, rng):
    for service in ("zrun", "zmesh", "zrun"):
        pids = [cluster.pid_of(rng.randint(1, ZHOSTS), service)]
        send(pids, signal.SIGSTOP)
        try:
            time.sleep(rng.uniform(3.0, 6.0))
        finally:
            send(pids, signal.SIGCONT)
        wait_for("it is whole again", lambda: whole(cluster), 60)


def a_paused_leader_finds_a_new_term_when_it_wakes(cluster, rng):
    for _ in range(3):
        leader = int(cluster.ask_any(7331, "GET", "/v1/cluster")["leader"].rsplit("-", 1)[1])
        pid = cluster.pid_of(leader, "zrms")
        send([pid], signal.SIGSTOP)
        try:
            time.sleep(rng.uniform(4.0, 6.0))
            cluster.kill_zhost(rng.choice([n for n in range(2, ZHOSTS + 1) if n != leader]))
            time.sleep(rng.uniform(2.0, 6.0))
        finally:
            send([pid], signal.SIGCONT)
        revive(cluster)
        wait_for("it is whole again", lambda: whole(cluster), 60)


def while_the_control_plane_is_paused_nobody_is_declared_dead(cluster, rng):
    since = time.time()
    pid = cluster.pid_of(1, "zmesh-controlplane")
    send([pid], signal.SIGSTOP)
    try:
        time.sleep(rng.uniform(8.0, 12.0))
    finally:
        send([pid], signal.SIGCONT)
    dead = [entry["dead"] for _, _, entry in cluster.events("zrms", "zhost_dead", since)]
    if dead:
        raise Failed(f"declared dead while the control plane was away: {dead}")


CASES = [processes_are_killed_one_after_the_other, whole_zhosts_are_killed_and_return,
         a_paused_zhost_is_taken_for_dead_and_gives_way_when_it_wakes, a_paused_zrun_or_zmesh_harms_nothing,
         a_paused_leader_finds_a_new_term_when_it_wakes,
         while_the_control_plane_is_paused_nobody_is_declared_dead]


def one_zhost_for_each_epoch(cluster):
    """S1 from the logs: an epoch of a space is allotted to one zhost (P3)."""
    where = collections.defaultdict(set)
    for _, n, entry in cluster.events("zrun", "space_state"):
        where[entry["topology"], entry["space"], entry["epoch"]].add(n)
    twice = {key: sorted(on) for key, on in where.items() if len(on) > 1}
    if twice:
        raise Failed(f"one epoch on two zhosts: {twice}")


def run(case, seed):
    cluster = Cluster(count=ZHOSTS)
    kept = True
    try:
        mex = build_application(cluster.folder, 1000, READINGS, False)
        for n in range(1, ZHOSTS + 1):
            cluster.start(n)
        wait_for("all zhosts are alive", lambda: alive(cluster) == ZHOSTS, 60)
        cluster.zshell(1, "topo", "submit", mex)
        wait_for("results arrive", lambda: summary(cluster)["results"] > 1000, 60)
        case(cluster, random.Random(seed))
        revive(cluster)
        wait_for("it is whole again", lambda: whole(cluster), 60)
        final = wait_for("every reading has its result", lambda: (
            lambda s: s if s["results"] >= READINGS else None)(summary(cluster)), 120, 0.5)
        judge(cluster, types.SimpleNamespace(count=READINGS), final)
        one_zhost_for_each_epoch(cluster)
        kept = False
    finally:
        for n in cluster.processes:
            send(cluster.pids(n), signal.SIGCONT)  # a failed case may have left one paused
        cluster.stop(keep=kept)
        if kept:
            print(f"kept: {cluster.folder}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("cases", nargs="*", help="part of a case's name; all when none is given")
    options = parser.parse_args()
    passed = failed = 0
    for case in CASES:
        if options.cases and not any(word in case.__name__ for word in options.cases):
            continue
        sentence = case.__name__.replace("_", " ")
        try:
            run(case, options.seed)
            passed += 1
            print(f"good: {sentence}", flush=True)
        except (AssertionError, Failed, TypeError, KeyError, OSError, subprocess.CalledProcessError) as failure:
            failed += 1
            print(f"FAILED: {sentence} (repeat: tests/cluster/chaos_test.py --seed {options.seed} "
                  f"{case.__name__}): {failure!r}", flush=True)
    output = os.environ.get("GTEST_OUTPUT", "")
    if output.startswith("json:"):
        with open(os.path.join(output[5:], "cluster_chaos.json"), "w", encoding="utf-8") as f:
            json.dump({"tests": passed + failed, "failures": failed}, f)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


sys.exit(main())
