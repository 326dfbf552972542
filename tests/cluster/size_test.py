#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A topology of 1,000 spaces on three zhosts: real processes on loopback."""
import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tools"))
sys.path.insert(0, os.path.join(ROOT, "bench"))
from samoza_test_cluster import Cluster, run_cases, wait_for  # noqa: E402
from size_bench import make_yaml, state, term  # noqa: E402

SPACES = 1000


def a_ring_of_a_thousand_spaces_runs_and_the_leader_keeps_its_term(cluster):
    before = term(cluster)
    run = cluster.zshell(1, "topo", "submit", make_yaml(cluster.folder, "ring", SPACES), check=False)
    assert f"{SPACES}: s0" in run.stdout and len(run.stdout) < 4000, "the names of all were printed"
    wait_for("all of them run", lambda: state(cluster, "ring") == "running", 120)
    assert term(cluster) == before
    assert not cluster.events("zrms", "term_lost")


def its_placements_are_shown_page_by_page_by_a_zhost_that_does_not_lead(cluster):
    leader = cluster.ask_any(7331, "GET", "/v1/cluster")["leader"]
    other = next(n for n in range(1, 4) if f"zhost-{n}" != leader)
    found, after = [], ""
    while True:
        page = cluster.ask(other, 7331, "GET", f"/v1/topologies/ring?after={after}")
        found += [p["space"] for p in page["placements"]]
        after = page.get("next", "")
        if not after:
            break
    assert sorted(found) == sorted(f"s{i}" for i in range(SPACES))


def main():
    cluster = Cluster(count=3)
    for n in range(1, 4):
        cluster.start(n)
    wait_for("all zhosts are alive",
             lambda: (cluster.ask_any(7331, "GET", "/v1/cluster") or {}).get("zhosts_alive") == 3, 120)
    return run_cases("cluster_size", cluster, [
        a_ring_of_a_thousand_spaces_runs_and_the_leader_keeps_its_term,
        its_placements_are_shown_page_by_page_by_a_zhost_that_does_not_lead])


if __name__ == "__main__":
    sys.exit(main())
