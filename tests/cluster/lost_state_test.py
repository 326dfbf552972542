#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A zhost that lost its state_dir, with real processes: what it says, and the two ways back of
docs/operations.md, followed to the letter."""
import json
import os
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tools"))
from samoza_test_cluster import BIN, Cluster, run_cases, wait_for  # noqa: E402

GUEST = """#include "samoza.h"
static char buffer[256];
SAMOZA_EXPORT("on_process") int32_t on_process(void) { (void)net_recv_next(buffer, sizeof buffer, 0, 1000); return 0; }
"""


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)


def build(cluster):
    """A space that may run on zhost-2 only (label `here`), a DATA space whose store is there, one anywhere."""
    app = f"{cluster.folder}/lost/app"
    write(f"{app}/manifest.yaml", "apiVersion: samoza/v1\nkind: MEX\nmetadata: {name: lost, version: 1.0.0, publisher: tests}\n")
    write(f"{app}/topology.yaml", "apiVersion: samoza/v1\nkind: Topology\nmetadata: {name: lost}\nspaces:\n"
          "  - {name: bound, type: CALL}\n  - {name: free, type: CALL}\n  - {name: store, type: DATA}\n")
    for space, lines in (("bound", "type: CALL\nplacement: {labels: {here: two}}\n"), ("free", "type: CALL\n"),
                         ("store", "type: DATA\nstore: local\ncapabilities: [data.read, data.write]\n"
                                   "placement: {labels: {here: two}}\n")):
        write(f"{app}/spaces/{space}/space.yaml", lines)
        write(f"{app}/spaces/{space}/src/guest.c", GUEST)
    subprocess.run([f"{BIN}/mex", "build", app, "-o", f"{cluster.folder}/lost.mex"], check=True, capture_output=True)
    return f"{cluster.folder}/lost.mex"


def label(cluster, n, text):
    with open(cluster.config(n), encoding="utf-8") as f:
        config = f.read()
    write(cluster.config(n), config.replace(f"{{id: zhost-{n},", f"{{id: zhost-{n}, labels: {text},"))


def runs(cluster):
    topology = cluster.topology("lost")
    return topology and topology["state"] == "running"


def bound_runs_on_2(cluster):
    topology = cluster.topology("lost") or {"placements": []}
    return any(p["space"] == "bound" and p["zhost"] == "zhost-2" and p["state"] == "running" for p in topology["placements"])


def member(cluster, n):
    for zhost in (cluster.ask(1, 7331, "GET", "/v1/cluster/zhosts") or {}).get("zhosts", []):
        if zhost["zhost_id"] == f"zhost-{n}":
            return zhost
    return None


def incarnation(cluster, n):
    return int((member(cluster, n) or {}).get("incarnation", 0))


def lose(cluster, n):
    """kill -9 of the zhost, and its disk is gone. Gives what it was."""
    before = incarnation(cluster, n)
    cluster.kill_zhost(n)
    shutil.rmtree(f"{cluster.folder}/s{n}")
    return before


def refused(cluster, since):
    found = cluster.events("zmesh", "register_failed")
    return next((e[2]["why"] for e in found[since:] if "is registered with incarnation" in e[2]["why"]), None)


def a_zhost_whose_state_is_lost_is_refused_says_why_and_takes_nothing(cluster):
    label(cluster, 2, "{here: two}")
    for n in (1, 2):
        cluster.start(n)
    wait_for("both live", lambda: (cluster.ask(1, 7331, "GET", "/v1/cluster") or {}).get("zhosts_alive") == 2)
    # Some lives, so that the one it begins anew is an older one.
    for _ in range(2):
        cluster.kill_zhost(2)
        cluster.start(2)
        wait_for("it is back", lambda: cluster.ask(2, 7331, "GET", "/v1/cluster"))
    wait_for("both live", lambda: (cluster.ask(1, 7331, "GET", "/v1/cluster") or {}).get("zhosts_alive") == 2)
    cluster.zshell(1, "topo", "submit", build(cluster))
    wait_for("it runs", lambda: runs(cluster))
    cluster.incarnation = lose(cluster, 2)
    assert cluster.incarnation >= 3, cluster.incarnation
    since = len(cluster.events("zmesh", "register_failed"))
    cluster.start(2)
    why = wait_for("it is refused", lambda: refused(cluster, since))
    assert f"incarnation {cluster.incarnation}, newer than 1" in why, why
    status = wait_for("and says so", lambda: (lambda run: run.stdout + run.stderr if "is registered with incarnation" in
                                              run.stdout + run.stderr else None)(cluster.zshell(2, "status", check=False)))
    assert str(cluster.incarnation) in status, status
    wait_for("its spaces wait", lambda: (cluster.topology("lost") or {}).get("state") in ("degraded", "failed"))
    # A place command names an incarnation, and nobody who answers as zhost-2 has that one (P4).
    assert incarnation(cluster, 2) == cluster.incarnation
    assert not (cluster.ask(2, 8080, "GET", "/v1/spaces") or {}).get("spaces")


def with_its_incarnation_written_into_its_state_it_joins_and_what_has_no_data_runs_there_again(cluster):
    # Nothing of the former zhost runs: startz would not have begun otherwise (P12). Stop this one, too.
    cluster.processes[2].terminate()
    cluster.processes[2].wait(20)
    write(f"{cluster.folder}/s2/incarnation", "three\n")
    run = subprocess.run([f"{BIN}/startz", "-config", cluster.config(2)], capture_output=True, text=True, timeout=20,
                         check=False)
    assert run.returncode == 1 and "incarnation holds no number" in run.stderr, run
    write(f"{cluster.folder}/s2/incarnation", f"{cluster.incarnation}\n")
    cluster.start(2)
    wait_for("it joins", lambda: incarnation(cluster, 2) == cluster.incarnation + 1)
    wait_for("what has no data runs", lambda: bound_runs_on_2(cluster), 60)
    # That its data is lost is not hidden by an empty store.
    wait_for("the store says so", lambda: "is gone from zhost" in json.dumps(cluster.topology("lost")), 60)
    # The next start goes on from there by itself.
    cluster.kill_zhost(2)
    cluster.start(2)
    wait_for("it is back", lambda: incarnation(cluster, 2) == cluster.incarnation + 2)
    wait_for("what has no data runs", lambda: bound_runs_on_2(cluster), 60)


def under_a_new_id_it_joins_as_another_zhost_and_takes_what_it_may(cluster):
    lose(cluster, 2)
    with open(cluster.config(2), encoding="utf-8") as f:
        config = f.read()
    write(cluster.config(2), config.replace("id: zhost-2,", "id: zhost-3,"))
    cluster.start(2)
    wait_for("it joins", lambda: incarnation(cluster, 3) == 1)
    wait_for("what may move runs there", lambda: cluster.where(cluster.topology("lost"), "bound") == 3, 60)
    # Data is not given up by itself: the zhost that had it might come back.
    wait_for("and the store waits", lambda: [p for p in (cluster.topology("lost") or {"placements": []})["placements"]
                                             if p["space"] == "store" and p["zhost"] == "zhost-2" and
                                             "data on zhost zhost-2" in p["reason"]], 60)
    assert cluster.topology("lost")["state"] == "degraded"


def r_dec_6_a_zhost_that_is_gone_for_good_is_forgotten_and_may_come_back_as_a_new_life(cluster):
    was = incarnation(cluster, 2)
    said = cluster.zshell(1, "cluster", "forget", "zhost-2", check=False)
    assert said.returncode == 1 and "is not unavailable" in said.stdout, said.stdout
    cluster.kill_zhost(2)
    wait_for("it is unavailable", lambda: (member(cluster, 2) or {}).get("state") == "unavailable", 30)
    assert "zhost-2: forgotten" in cluster.zshell(1, "cluster", "forget", "zhost-2").stdout
    wait_for("it leaves the list", lambda: member(cluster, 2) is None, 10)
    assert cluster.ask(1, 7331, "GET", "/v1/cluster")["zhosts"] == 1
    wait_for("who has data there says so", lambda: "which was forgotten" in json.dumps(cluster.topology("lost")), 30)
    cluster.start(2)
    wait_for("it joins anew", lambda: incarnation(cluster, 2) > was, 30)
    wait_for("what has no data runs there again", lambda: bound_runs_on_2(cluster), 60)


CASES = [a_zhost_whose_state_is_lost_is_refused_says_why_and_takes_nothing,
         with_its_incarnation_written_into_its_state_it_joins_and_what_has_no_data_runs_there_again,
         r_dec_6_a_zhost_that_is_gone_for_good_is_forgotten_and_may_come_back_as_a_new_life,
         under_a_new_id_it_joins_as_another_zhost_and_takes_what_it_may]


def main():
    cluster = Cluster(count=2)
    try:
        return run_cases("cluster_lost_state", cluster, CASES)
    finally:
        cluster.stop(keep=True)


if __name__ == "__main__":
    sys.exit(main())
