#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Records that go back in time (docs/protocol.md, P15), with real processes: the database of the control plane is
put back from a backup, loses its -wal file, or is emptied. Nothing may run twice, and the cluster must say so."""
import os
import signal
import sqlite3
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tools"))
from samoza_test_cluster import BIN, Cluster, run_cases, wait_for  # noqa: E402

GUEST = """#include "samoza.h"
static char buffer[256];
SAMOZA_EXPORT("on_process") int32_t on_process(void) { (void)net_recv_next(buffer, sizeof buffer, 0, 1000); return 0; }
"""
SPACES = ("one", "two", "three", "store")


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)


def build(cluster):
    app = f"{cluster.folder}/app"
    write(f"{app}/manifest.yaml", "apiVersion: samoza/v1\nkind: MEX\nmetadata: {name: kept, version: 1.0.0, publisher: tests}\n")
    write(f"{app}/topology.yaml", "apiVersion: samoza/v1\nkind: Topology\nmetadata: {name: kept}\nspaces:\n" +
          "".join(f"  - {{name: {s}, type: {'DATA' if s == 'store' else 'CALL'}}}\n" for s in SPACES))
    for space in SPACES:
        write(f"{app}/spaces/{space}/space.yaml", "type: DATA\nstore: local\ncapabilities: [data.read, data.write]\n"
              if space == "store" else "type: CALL\n")
        write(f"{app}/spaces/{space}/src/guest.c", GUEST)
    subprocess.run([f"{BIN}/mex", "build", app, "-o", f"{cluster.folder}/kept.mex"], check=True, capture_output=True)
    return f"{cluster.folder}/kept.mex"


def database(cluster):
    return f"{cluster.folder}/s1/controlplane.db"


def runs(cluster):
    return (cluster.topology("kept") or {}).get("state") == "running"


def copies(cluster):
    """How many zruns hold each space, and with which epochs."""
    found = {space: [] for space in SPACES}
    for n in range(1, 4):
        for view in (cluster.ask(n, 8080, "GET", "/v1/spaces", seconds=3) or {}).get("spaces", []):
            if view["state"] in ("running", "starting"):
                found[view["space"]].append((n, view["epoch"]))
    return found


def once_each(cluster):
    now = copies(cluster)
    assert all(len(held) <= 1 for held in now.values()), f"a space is held twice: {now}"
    return now


def members_alive(cluster, n=3):
    return wait_for(f"{n} live", lambda: (cluster.ask_any(7331, "GET", "/v1/cluster") or {}).get("zhosts_alive") == n, 60)


def put_in_place(cluster, change):
    """Ends the control plane, changes its files, and lets startz start it again."""
    startz = cluster.processes[1].pid
    os.kill(startz, signal.SIGSTOP)
    try:
        os.kill(cluster.pid_of(1, "zmesh-controlplane"), signal.SIGKILL)
        change()
    finally:
        os.kill(startz, signal.SIGCONT)


def remove_beside(path):
    for ending in ("-wal", "-shm"):
        if os.path.exists(path + ending):
            os.unlink(path + ending)


def is_behind(cluster, n=2):
    said = cluster.zshell(n, "cluster", check=False)
    return said if said.returncode != 0 and "the records are behind" in said.stdout + said.stderr else None


def health_says_behind(cluster):
    try:
        status, text = cluster.answer(1, 9000, "GET", "/healthz")
    except OSError:
        return False  # it starts
    return status == 503 and "the records are behind" in text


def everybody_says_so(cluster):
    said = wait_for("zshell says so", lambda: is_behind(cluster), 60)
    assert "cluster recover" in said.stdout + said.stderr, said
    wait_for("the control plane says so", lambda: health_says_behind(cluster))
    assert cluster.events("zmesh-controlplane", "records_behind"), "nothing in the log"
    wait_for("the status of another zhost says so",
             lambda: "the records are behind" in cluster.zshell(3, "status", check=False).stdout)
    again = cluster.zshell(2, "topo", "submit", f"{cluster.folder}/kept.mex", check=False)
    assert again.returncode != 0, again.stdout
    told = cluster.zshell(2, "cluster", "events").stdout.splitlines()
    assert told[0].startswith("--") and "the records are behind" in told[0], told


def recovers(cluster):
    before = once_each(cluster)
    # Who is not linked yet is not asked what it runs.
    wait_for("three are linked", lambda: (cluster.ask(1, 9000, "GET", "/v1/status") or {}).get("links") == 3, 60)
    said = cluster.zshell(2, "cluster", "recover").stdout
    assert "the records are recovered" in said, said
    members_alive(cluster)
    wait_for("it runs", lambda: runs(cluster), 60)
    after = once_each(cluster)
    assert {s: [n for n, _ in held] for s, held in after.items()} == {
        s: [n for n, _ in held] for s, held in before.items()}, (before, after)
    # The next leader notes both.
    def told():
        said = cluster.zshell(2, "cluster", "events", check=False).stdout
        return 0 < said.rfind("  records behind: ") < said.rfind("  records recovered: ")
    wait_for("the events say that they were behind and are recovered", told, 30)
    again = cluster.zshell(2, "topo", "submit", f"{cluster.folder}/kept.mex", check=False)
    assert again.returncode != 0 and "kept" in again.stdout, f"the topology is not known: {again.stdout}"


def p15_a_database_put_back_from_a_backup_runs_nothing_twice_and_recover_goes_on(cluster):
    for n in (1, 2, 3):
        cluster.start(n)
    members_alive(cluster)
    cluster.zshell(1, "topo", "submit", build(cluster))
    wait_for("it runs", lambda: runs(cluster))
    source, target = sqlite3.connect(database(cluster)), sqlite3.connect(f"{cluster.folder}/b.db")
    with target:
        source.backup(target)
    source.close()
    target.close()
    # zhost-3 is stopped in order, so its spaces get new epochs elsewhere; then it comes back.
    moved = [s for s, held in copies(cluster).items() if held and held[0][0] == 3 and s != "store"]
    cluster.processes[3].terminate()
    cluster.processes[3].wait(20)
    wait_for("they move", lambda: all(h and h[0][0] != 3 for s, h in copies(cluster).items() if s in moved), 60)
    cluster.start(3)
    members_alive(cluster)
    wait_for("it runs", lambda: runs(cluster), 60)

    def back():
        remove_beside(database(cluster))
        os.replace(f"{cluster.folder}/b.db", database(cluster))

    put_in_place(cluster, back)
    everybody_says_so(cluster)
    end = time.monotonic() + 15  # a bound for what must never happen
    while time.monotonic() < end:
        assert all(len(held) == 1 for held in once_each(cluster).values()), "what ran runs on"
    assert is_behind(cluster), "only an operator ends it"
    recovers(cluster)


def p15_an_emptied_database_is_no_empty_cluster(cluster):
    def empty():
        remove_beside(database(cluster))
        os.unlink(database(cluster))

    put_in_place(cluster, empty)
    everybody_says_so(cluster)
    recovers(cluster)


def p15_a_machine_that_dies_and_loses_its_wal_is_behind_too(cluster):
    cluster.kill_zhost(1)
    remove_beside(database(cluster))
    cluster.start(1)
    everybody_says_so(cluster)
    recovers_without(cluster)


def recovers_without(cluster):
    """As `recovers`, but zhost-1 began a new life: what it ran is placed anew."""
    said = cluster.zshell(2, "cluster", "recover").stdout
    assert "the records are recovered" in said, said
    members_alive(cluster)
    wait_for("it runs", lambda: runs(cluster), 90)
    wait_for("one copy of each", lambda: all(len(held) == 1 for held in copies(cluster).values()), 60)


def p15_a_control_plane_that_is_only_killed_goes_on_without_a_word(cluster):
    opened = len(cluster.events("zmesh-controlplane", "records_open"))
    behind = len(cluster.events("zmesh-controlplane", "records_behind"))
    before = once_each(cluster)
    os.kill(cluster.pid_of(1, "zmesh-controlplane"), signal.SIGKILL)
    wait_for("it opens again", lambda: len(cluster.events("zmesh-controlplane", "records_open")) > opened)
    wait_for("it runs", lambda: runs(cluster))
    assert once_each(cluster) == before
    assert len(cluster.events("zmesh-controlplane", "records_behind")) == behind


def folded(cluster):
    """Everything is in the main file; gives its path."""
    db = sqlite3.connect(database(cluster))
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    remove_beside(database(cluster))
    return database(cluster)


def everybody_says_it_is_damaged(cluster):
    def said_so(n):
        said = cluster.zshell(n, "cluster", check=False)
        return said if said.returncode != 0 and "the records are damaged" in said.stdout + said.stderr else None

    wait_for("zshell says so on zhost-3", lambda: said_so(3), 60)
    said = wait_for("zshell says so", lambda: said_so(2), 60)
    for way_out in ("cluster restore --from", "cluster recover"):
        assert way_out in said.stdout + said.stderr, said

    def health():
        try:
            answer = cluster.answer(1, 9000, "GET", "/healthz")
        except OSError:
            return None  # it starts
        return answer if answer[0] == 503 else None

    status, text = wait_for("the control plane says so", health)
    assert "the records are damaged" in text, (status, text)
    assert cluster.events("zmesh-controlplane", "records_damaged"), "nothing in the log"


def p15_a_database_that_was_cut_says_so_and_a_copy_of_a_zhost_takes_its_place(cluster):
    def newest_is_copied():
        counter = (cluster.ask(1, 9000, "GET", "/v1/status") or {}).get("counter")
        listing = (cluster.ask(1, 7331, "GET", "/v1/cluster/copies") or {}).get("zhosts", [])
        return any(c["counter"] == counter for z in listing if z["zhost"] == "zhost-3" for c in z.get("copies", []))

    wait_for("zhost-3 keeps a copy", newest_is_copied, 60)

    def cut():
        path = folded(cluster)
        os.truncate(path, os.path.getsize(path) // 2 + 100)

    put_in_place(cluster, cut)
    everybody_says_it_is_damaged(cluster)
    once_each(cluster)
    cluster.zshell(3, "cluster", "restore", "--from", "zhost-3")

    def goes_on():
        if is_behind(cluster):
            cluster.zshell(2, "cluster", "recover", check=False)
        # What runs runs on all the while: that the copy is in place is told by the control plane.
        return (cluster.ask(1, 9000, "GET", "/v1/status") or {}).get("records") == "open" and runs(cluster)

    wait_for("it runs", goes_on, 90)
    wait_for("one copy of each", lambda: all(len(held) == 1 for held in once_each(cluster).values()), 60)


def p15_a_database_with_a_damaged_page_says_so_and_without_it_recover_goes_on(cluster):
    def damage():
        path = folded(cluster)
        with open(path, "r+b") as f:
            for page in range(1, os.path.getsize(path) // 4096):
                f.seek(page * 4096)
                f.write(b"Z" * 4096)

    put_in_place(cluster, damage)
    everybody_says_it_is_damaged(cluster)

    def move_away():
        remove_beside(database(cluster))
        os.replace(database(cluster), f"{cluster.folder}/damaged.db")

    put_in_place(cluster, move_away)
    wait_for("zshell says so", lambda: is_behind(cluster), 60)
    recovers(cluster)


CASES = [p15_a_database_put_back_from_a_backup_runs_nothing_twice_and_recover_goes_on,
         p15_a_control_plane_that_is_only_killed_goes_on_without_a_word,
         p15_an_emptied_database_is_no_empty_cluster,
         p15_a_database_that_was_cut_says_so_and_a_copy_of_a_zhost_takes_its_place,
         p15_a_database_with_a_damaged_page_says_so_and_without_it_recover_goes_on,
         p15_a_machine_that_dies_and_loses_its_wal_is_behind_too]


def main():
    cluster = Cluster()
    with open(cluster.config(1), encoding="utf-8") as f:
        config = f.read()
    with open(cluster.config(1), "w", encoding="utf-8") as f:
        f.write(config.replace("store: sqlite", "store: sqlite, copies: {interval: 1s}"))
    try:
        return run_cases("cluster_records", cluster, CASES)
    finally:
        cluster.stop(keep=True)


if __name__ == "__main__":
    sys.exit(main())
