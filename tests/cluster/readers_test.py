#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What an operator reads, with real processes: what happened and why, from every zhost, with and without a leader.
Four zhosts: the fourth is no super."""
import os
import re
import signal
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tools"))
from samoza_test_cluster import Cluster, build_mex, run_cases, wait_for  # noqa: E402

GUEST = """#include "samoza.h"
static char buffer[256];
SAMOZA_EXPORT("on_process") int32_t on_process(void) { (void)net_recv_next(buffer, sizeof buffer, 0, 1000); return 0; }
"""


def runs(cluster):
    return (cluster.topology("app") or {}).get("state") == "running"


def events(cluster, n, *words):
    """What each line says between its time and its term; of the notices, the whole line. Nothing of a zhost that
    started anew and is not connected yet."""
    answer = cluster.zshell(n, *words, check=False)
    if answer.returncode != 0:
        assert re.search("the cluster has no leader yet|its zmesh is away|does not answer", answer.stdout + answer.stderr), answer
    lines = answer.stdout.splitlines() if answer.returncode == 0 else []
    return [line if line.startswith("--") else line.split("  ", 1)[1].rsplit("  (term", 1)[0] for line in lines]


def in_order(lines, *beginnings):
    at = -1
    for beginning in beginnings:
        later = [i for i, line in enumerate(lines) if i > at and line.startswith(beginning)]
        assert later, f"no '{beginning}' behind line {at + 1} of {lines}"
        at = later[0]


def a_zhost_that_is_no_super_shows_what_happened_to_a_topology(cluster):
    for n in (1, 2, 3):
        cluster.start(n)
    wait_for("three live", lambda: (cluster.ask_any(7331, "GET", "/v1/cluster") or {}).get("zhosts_alive") == 3, 60)
    cluster.start(4)
    wait_for("four live", lambda: (cluster.ask_any(7331, "GET", "/v1/cluster") or {}).get("zhosts_alive") == 4, 60)
    assert "zhost-4" not in cluster.ask(4, 7331, "GET", "/v1/cluster")["supers"]
    app = build_mex(cluster.folder, "app", {"one": {"guest": GUEST}, "two": {"guest": GUEST}})
    cluster.zshell(4, "topo", "submit", app)
    wait_for("it runs", lambda: runs(cluster), 60)
    in_order(events(cluster, 4, "topo", "events", "app"), "app  submitted", "app  placed", "app  running")
    in_order(events(cluster, 4, "cluster", "events"), "leader changed", "zhost joined zhost-4")


def a_restart_is_told_with_the_versions_that_it_goes_between(cluster):
    cluster.zshell(4, "topo", "restart", "app")
    wait_for("it is done", lambda: any(e.startswith("app  restart done") for e in events(cluster, 4, "topo", "events", "app")))
    in_order(events(cluster, 4, "topo", "events", "app"), "app  restart asked: version 1 to 2",
             "app  restarted", "app  restart done: version 1 to 2")


READERS = {("topo",): "app", ("topo", "status", "app"): "running", ("topo", "history", "app"): "restart",
           ("topo", "events", "app"): "restart done", ("mesh",): "zhost", ("mesh", "peers"): "zhost-3",
           ("mesh", "spaces"): "one", ("mesh", "ping"): "zhost-", ("spaces",): "", ("spaces", "app/one"): "one"}


def without_a_control_plane_each_command_that_reads_shows_what_was_known_and_says_so(cluster):
    before = events(cluster, 2, "topo", "events", "app")
    wait_for("they are written and told", lambda: all(
        before[-1] in events(cluster, n, "topo", "events", "app") for n in (1, 2, 3, 4)))
    startz = cluster.processes[1].pid
    os.kill(startz, signal.SIGSTOP)
    os.kill(cluster.pid_of(1, "zmesh-controlplane"), signal.SIGKILL)
    for n in (1, 2, 3, 4):
        wait_for(f"zhost-{n} says that there is no leader",
                 lambda n=n: "the cluster has no leader since" in cluster.zshell(n, "status").stdout, 60)
        sentences = set()
        for words, known in READERS.items():
            lines = cluster.zshell(n, *words).stdout.splitlines()
            assert lines[0].startswith("-- the cluster has no leader since "), (n, words, lines)
            assert known in "\n".join(lines[1:]), (n, words, lines)
            sentences.add(lines[0])
        assert len(sentences) == 1, sentences
        in_order(events(cluster, n, "topo", "events", "app"), "--", "app  submitted", "app  restart done")
    refused = cluster.zshell(4, "topo", "stop", "app", check=False)
    assert refused.returncode != 0 and "the cluster has no leader" in refused.stdout, refused
    os.kill(startz, signal.SIGCONT)
    wait_for("it runs", lambda: runs(cluster), 60)
    wait_for("no reader says it any more", lambda: not any(
        "--" in cluster.zshell(n, "topo", "status", "app", check=False).stdout for n in (1, 2, 3, 4)), 60)


def explained(cluster, n, *words, check=True):
    return cluster.zshell(n, "topo", "explain", *words, check=check).stdout


def a_space_that_no_zhost_can_take_is_explained_before_it_is_submitted(cluster):
    """By label, device and memory; the nearest zhost is the one that lacks the least."""
    wants = {"label": "placement: {labels: {disk: huge}}\n", "device": "placement: {devices: [camera]}\n",
             "memory": "limits: {memory: 600MiB}\n",
             "both": "placement: {labels: {disk: fast}, devices: [camera]}\n"}
    mex = build_mex(cluster.folder, "picky", {space: {"guest": GUEST, "space": more} for space, more in wants.items()})
    said = explained(cluster, 4, mex)
    for space, zhost, change in (
            ("label", "zhost-3", "its label disk (zhost.labels) must be 'huge', it is 'fast'"),
            ("device", "zhost-[1234]", "it must have device 'camera' (zhost.devices), it has none"),
            ("memory", "zhost-[1234]", "[0-9]+ MiB memory are free of 600 MiB asked"),
            ("both", "zhost-3", "it must have device 'camera' (zhost.devices), it has none")):
        change = change.replace("(", "[(]").replace(")", "[)]")
        assert re.search(f"^{space} has no zhost .not submitted.: no zhost fits\n  nearest: zhost {zhost}: {change}$",
                         said, re.M), (space, said)
    assert "    zhost-1: label disk is not 'huge'\n" in said, said
    refused = cluster.zshell(1, "topo", "submit", mex, check=False)
    assert refused.returncode != 0 and cluster.topology("picky") is None, refused


def a_space_that_was_submitted_and_has_no_zhost_any_more_is_explained(cluster):
    mex = build_mex(cluster.folder, "tied", {"one": {"guest": GUEST, "space": "placement: {labels: {disk: fast}}\n"}})
    cluster.zshell(4, "topo", "submit", mex)
    cluster.kill_zhost(3)
    nearest = "nearest: zhost zhost-3: it must be there (unavailable: it failed)"
    wait_for("it says what it needs", lambda: nearest in explained(cluster, 4, "tied", check=False), 60)  # it may have led
    cluster.start(3)
    wait_for("it runs", lambda: (cluster.topology("tied") or {}).get("state") == "running", 90)
    cluster.zshell(4, "topo", "delete", "tied", "--yes")


def a_space_that_runs_says_why_it_is_there(cluster):
    at = f"zhost-{cluster.where(cluster.topology('app'), 'one')}"
    said = explained(cluster, 4, "app", "one")
    assert said.startswith(f"one on {at} (running): it was placed there as epoch 2 "), said
    assert all(f"    zhost-{n}: fits, score " in said for n in (1, 2, 3, 4)), said


CASES = [a_zhost_that_is_no_super_shows_what_happened_to_a_topology,
         a_restart_is_told_with_the_versions_that_it_goes_between,
         a_space_that_no_zhost_can_take_is_explained_before_it_is_submitted, a_space_that_runs_says_why_it_is_there,
         a_space_that_was_submitted_and_has_no_zhost_any_more_is_explained,
         without_a_control_plane_each_command_that_reads_shows_what_was_known_and_says_so]


def main():
    cluster = Cluster(count=4, extra=["zrun: {limits: {memory: 512MiB}}"])
    with open(cluster.config(3), encoding="utf-8") as f:
        config = f.read()
    with open(cluster.config(3), "w", encoding="utf-8") as f:
        f.write(config.replace("region: demo", "region: demo, labels: {disk: fast}"))
    sys.exit(run_cases("cluster_readers", cluster, CASES, *sys.argv[1:2]))


if __name__ == "__main__":
    main()
