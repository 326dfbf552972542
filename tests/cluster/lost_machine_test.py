#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The machine with the control plane is lost for good, with real processes: the procedure of docs/operations.md to
the letter, once from a copy of the records that another zhost keeps and once without any copy. What runs on the
other zhosts runs on, nothing runs twice, data is kept, terms and epochs go up.
usage: lost_machine_test.py [case]"""
import glob
import os
import re
import shutil
import signal
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tools"))
from samoza_test_cluster import BIN, Cluster, build_mex, run_cases, wait_for  # noqa: E402

TICKER = """#include <samoza.h>
SAMOZA_EXPORT("on_process") int on_process(void) { sys_sleep(100); return 0; }
"""
# Counts on in its store, and says the number: a store that is begun anew counts from 1.
COUNTER = """#include <samoza.h>
static char text[] = "count 0000000";
SAMOZA_EXPORT("on_process") int on_process(void) {
  unsigned n = 0;
  if (data_get("n", 1, (char *)&n, sizeof n) == SAMOZA_E_IO) return 0;
  ++n;
  if (data_put("n", 1, (char *)&n, sizeof n) == 0) {
    unsigned rest = n;
    for (int i = 12; i > 5; --i) { text[i] = (char)('0' + rest % 10); rest /= 10; }
    sys_log(1, text, 13);
  }
  sys_sleep(200);
  return 0;
}
"""
SPACES = ("on1", "on2", "on3", "free", "data2", "data3")


def label(cluster):
    for n in (1, 2, 3):
        with open(cluster.config(n), encoding="utf-8") as f:
            config = f.read()
        with open(cluster.config(n), "w", encoding="utf-8") as f:
            f.write(config.replace(f"{{id: zhost-{n},", f"{{id: zhost-{n}, labels: {{is: z{n}}},"))


def build(cluster):
    def placed(n, more=""):
        return f"placement: {{labels: {{is: z{n}}}}}\n{more}"

    store = "store: local\ncapabilities: [data.read, data.write, sys.log]\n"
    parts = {"on1": {"guest": TICKER}, "on2": {"guest": TICKER, "space": placed(2)},
             "on3": {"guest": TICKER, "space": placed(3)}, "free": {"guest": TICKER},
             "data2": {"guest": COUNTER, "space": placed(2, store)},
             "data3": {"guest": COUNTER, "space": placed(3, store)}}
    return build_mex(cluster.folder, "kept", parts, types={"data2": "DATA", "data3": "DATA"})


def held(cluster, but=()):
    """(zhost, epoch) of each copy that some zrun has, by space."""
    found = {space: [] for space in SPACES}
    for n in (1, 2, 3):
        if n in but:
            continue
        for view in (cluster.ask(n, 8080, "GET", "/v1/spaces", seconds=3) or {}).get("spaces", []):
            if view["space"] in found and view["state"] in ("running", "starting"):
                found[view["space"]].append((n, int(view["epoch"])))
    return found


def never_twice(cluster, but=(1,)):
    now = held(cluster, but)
    assert all(len(copies) <= 1 for copies in now.values()), f"a space is held twice: {now}"
    return now


def count(cluster, space):
    """The highest number that the space has said."""
    return max([int(re.search(r"\d+", e[2]["text"]).group()) for e in cluster.events("zrun", "guest_log")
                if e[2]["space"] == space], default=0)


def counts_on(cluster, space, above):
    """It goes on from there: no smaller number comes any more."""
    wait_for(f"{space} counts on", lambda: count(cluster, space) > above + 2, 60)
    said = [int(re.search(r"\d+", e[2]["text"]).group()) for e in cluster.events("zrun", "guest_log")
            if e[2]["space"] == space]
    assert all(b == a + 1 for a, b in zip(said, said[1:])), f"{space} lost or repeated a number: {said}"


def term(cluster, n):
    return int((cluster.ask(n, 7331, "GET", "/v1/cluster") or {}).get("term", 0))


def start_and_submit(cluster):
    label(cluster)
    for n in (1, 2, 3):
        cluster.start(n)
    wait_for("three live", lambda: (cluster.ask_any(7331, "GET", "/v1/cluster") or {}).get("zhosts_alive") == 3, 60)
    cluster.zshell(1, "topo", "submit", build(cluster))
    wait_for("it runs", lambda: (cluster.topology("kept") or {}).get("state") == "running", 60)
    for space in ("data2", "data3"):
        wait_for(f"{space} counts", lambda space=space: count(cluster, space) > 3)


def lose_machine_1(cluster):
    """Gives what each zhost held, the highest term and how far the counters were."""
    before = held(cluster), max(term(cluster, n) for n in (1, 2, 3)), {s: count(cluster, s) for s in ("data2", "data3")}
    cluster.kill_zhost(1)
    shutil.rmtree(f"{cluster.folder}/s1")
    shutil.rmtree(f"{cluster.folder}/r1")
    return before


def move_configuration_to_2(cluster):
    """Steps 1 and 2: zhost-2 is to have the control plane."""
    for n in (2, 3):
        with open(cluster.config(n), encoding="utf-8") as f:
            config = f.read()
        config = config.replace(f"ws://{cluster.ip(1)}:9000/ws", f"ws://{cluster.ip(2)}:9000/ws")
        with open(cluster.config(n), "w", encoding="utf-8") as f:
            f.write(config + ("control_plane: {enabled: true, store: sqlite, copies: {interval: 1s}}\n" if n == 2 else ""))


class ControlPlaneByHand:
    """Step 3."""

    def __init__(self, cluster):
        self.cluster = cluster
        self.process = None
        self.start()

    def start(self):
        with open(f"{self.cluster.folder}/out-by-hand", "ab") as out:
            # pylint: disable-next=consider-using-with
            self.process = subprocess.Popen([f"{BIN}/zmesh-controlplane", "-config", self.cluster.config(2)],
                                            stdout=out, stderr=out, stdin=subprocess.DEVNULL)

    def stop(self):
        self.process.terminate()
        self.process.wait(20)


def zmesh_anew(cluster):
    """Step 4: spaces run on."""
    for n in (2, 3):
        os.kill(cluster.pid_of(n, "zmesh"), signal.SIGKILL)


def is_behind(cluster, n=2):
    said = cluster.zshell(n, "cluster", check=False)
    return said.returncode != 0 and "the records are behind" in said.stdout + said.stderr


def alive(cluster, wanted):
    wait_for(f"{wanted} live", lambda: (cluster.ask_any(7331, "GET", "/v1/cluster", but=(1,)) or {}).get(
        "zhosts_alive") == wanted, 60)


def all_on_the_other_two(cluster):
    now = never_twice(cluster)
    return now if all(len(copies) == 1 for copies in now.values()) else None


def it_runs_again(cluster, before, by_hand, recovered=True):
    """What must hold once the records are recovered, and steps 6 and 7."""
    placed, highest_term, counted = before
    alive(cluster, 2)
    now = wait_for("what ran on the lost machine runs elsewhere", lambda: all_on_the_other_two(cluster), 90)
    for space, copies in placed.items():
        (zhost, epoch), (zhost_now, epoch_now) = copies[0], now[space][0]
        if zhost != 1:
            assert (zhost_now, epoch_now) == (zhost, epoch), f"{space} ran on where it was: {copies} {now[space]}"
        else:
            assert epoch_now > epoch, f"{space} has a new epoch: {copies} {now[space]}"
    # With every change there and the leader alive it goes on in its term.
    assert term(cluster, 2) >= highest_term + recovered, (term(cluster, 2), highest_term)
    for space, number in counted.items():
        counts_on(cluster, space, number)
    wait_for("it runs", lambda: (cluster.topology("kept", but=(1,)) or {}).get("state") == "running", 60)
    # Step 6: from here on startz of zhost-2 runs the control plane.
    by_hand.stop()
    cluster.processes[2].terminate()
    cluster.processes[2].wait(20)
    at = {s: count(cluster, s) for s in counted}
    cluster.start(2)
    alive(cluster, 2)
    wait_for("all run", lambda: all_on_the_other_two(cluster), 90)
    wait_for("it runs", lambda: (cluster.topology("kept", but=(1,)) or {}).get("state") == "running", 60)
    for space, number in at.items():
        counts_on(cluster, space, number)
    assert cluster.pid_of(2, "zmesh-controlplane"), "startz runs the control plane"


def the_machine_of_the_control_plane_is_lost_and_a_copy_that_another_zhost_keeps_takes_its_place(_):
    cluster = Cluster()
    by_hand = None
    try:
        with open(cluster.config(1), encoding="utf-8") as f:
            config = f.read()
        with open(cluster.config(1), "w", encoding="utf-8") as f:
            f.write(config.replace("store: sqlite", "store: sqlite, copies: {interval: 1s, zhosts: 1}"))
        start_and_submit(cluster)

        def newest_is_copied():
            status = cluster.ask(1, 9000, "GET", "/v1/status") or {}
            listing = (cluster.ask(3, 7331, "GET", "/v1/cluster/copies") or {}).get("zhosts", [])
            kept = {z["zhost"]: z.get("copies", []) for z in listing}
            return kept.get("zhost-2") and kept["zhost-2"][0]["counter"] == status.get("counter") and \
                not kept.get("zhost-1")

        wait_for("zhost-2 keeps a copy of the newest records", newest_is_copied)
        before = lose_machine_1(cluster)
        said = cluster.zshell(3, "cluster", "copies").stdout
        assert re.search(r"zhost-2 +[0-9a-f]{12} ", said), said
        move_configuration_to_2(cluster)
        files = sorted(glob.glob(f"{cluster.folder}/s2/copies/records-*.db"))
        assert 0 < len(files) <= 5, files
        shutil.copy(files[-1], f"{cluster.folder}/s2/controlplane.db")
        by_hand = ControlPlaneByHand(cluster)
        zmesh_anew(cluster)

        def behind_or_open():
            return is_behind(cluster) or (cluster.ask(2, 9000, "GET", "/v1/status") or {}).get("records") == "open"

        wait_for("its records open or are behind", behind_or_open, 60)
        recovered = is_behind(cluster)
        if recovered:
            assert "the records are recovered" in cluster.zshell(3, "cluster", "recover").stdout
        it_runs_again(cluster, before, by_hand, recovered)
        wait_for("the lost zhost is unavailable", lambda: [
            z for z in (cluster.ask_any(7331, "GET", "/v1/cluster/zhosts", but=(1,)) or {}).get("zhosts", [])
            if z["zhost_id"] == "zhost-1" and z["state"] == "unavailable"], 30)
        assert "forgotten" in cluster.zshell(3, "cluster", "forget", "zhost-1").stdout
        # And copies are made from there.
        wait_for("zhost-3 keeps a copy", lambda: glob.glob(f"{cluster.folder}/s3/copies/records-*.db"))
        status_without_trouble(cluster)
    except BaseException:
        print(f"kept: {cluster.folder}")
        cluster.stop(keep=True)
        if by_hand:
            by_hand.process.kill()
        raise
    cluster.stop()


def status_without_trouble(cluster):
    assert "no other zhost has a copy" not in cluster.zshell(3, "cluster").stdout


def the_machine_of_the_control_plane_is_lost_and_there_is_no_copy(_):
    cluster = Cluster()
    by_hand = None
    try:
        with open(cluster.config(1), encoding="utf-8") as f:
            config = f.read()
        with open(cluster.config(1), "w", encoding="utf-8") as f:
            f.write(config.replace("store: sqlite", "store: sqlite, copies: {interval: 0s}"))
        start_and_submit(cluster)
        before = lose_machine_1(cluster)
        assert "keeps none" in cluster.zshell(3, "cluster", "copies").stdout
        move_configuration_to_2(cluster)
        by_hand = ControlPlaneByHand(cluster)
        zmesh_anew(cluster)
        wait_for("an empty database is no empty cluster", lambda: is_behind(cluster), 60)
        never_twice(cluster)
        assert "the records are recovered" in cluster.zshell(3, "cluster", "recover").stdout
        it_runs_again(cluster, before, by_hand)
        listing = (cluster.ask_any(7331, "GET", "/v1/cluster/zhosts", but=(1,)) or {}).get("zhosts", [])
        assert sorted(z["zhost_id"] for z in listing) == ["zhost-2", "zhost-3"], listing
    except BaseException:
        print(f"kept: {cluster.folder}")
        cluster.stop(keep=True)
        if by_hand:
            by_hand.process.kill()
        raise
    cluster.stop()


def a_copy_is_put_back_from_the_zhost_that_keeps_it(_):
    """The database is lost, its machine is not: `cluster restore --from`."""
    cluster = Cluster()
    try:
        with open(cluster.config(1), encoding="utf-8") as f:
            config = f.read()
        with open(cluster.config(1), "w", encoding="utf-8") as f:
            f.write(config.replace("store: sqlite", "store: sqlite, copies: {interval: 1s, zhosts: 2}"))
        start_and_submit(cluster)
        before = never_twice(cluster, but=())
        counter = int(cluster.ask(1, 9000, "GET", "/v1/status")["counter"])
        wait_for("it is copied", lambda: any(
            int(c["counter"]) >= counter for z in (cluster.ask(1, 7331, "GET", "/v1/cluster/copies") or {}).get(
                "zhosts", []) for c in z.get("copies", [])))
        startz = cluster.processes[1].pid
        os.kill(startz, signal.SIGSTOP)
        os.kill(cluster.pid_of(1, "zmesh-controlplane"), signal.SIGKILL)
        for path in glob.glob(f"{cluster.folder}/s1/controlplane.db*"):
            os.unlink(path)
        os.kill(startz, signal.SIGCONT)
        wait_for("an empty database is no empty cluster", lambda: is_behind(cluster), 60)
        none = cluster.zshell(2, "cluster", "restore", "--from", "zhost-3", "ffffffffffff", check=False)
        assert none.returncode != 0 and "cluster copies" in none.stdout + none.stderr, none
        said = cluster.zshell(2, "cluster", "restore", "--from", "zhost-2").stdout
        assert "up to change" in said, said
        restored = wait_for("it is told", lambda: cluster.events("zmesh-controlplane", "records_restored"))
        assert restored[-1][2]["from"] == "zhost-2", restored

        def goes_on():
            if is_behind(cluster):
                cluster.zshell(2, "cluster", "recover", check=False)
            return (cluster.topology("kept") or {}).get("state") == "running"

        wait_for("it goes on", goes_on, 90)
        now = wait_for("all run", lambda: (lambda h: h if all(len(c) == 1 for c in h.values()) else None)(
            never_twice(cluster, but=())), 60)
        assert {s: [n for n, _ in c] for s, c in now.items()} == {s: [n for n, _ in c] for s, c in before.items()}
    except BaseException:
        print(f"kept: {cluster.folder}")
        cluster.stop(keep=True)
        raise
    cluster.stop()


CASES = [the_machine_of_the_control_plane_is_lost_and_a_copy_that_another_zhost_keeps_takes_its_place,
         the_machine_of_the_control_plane_is_lost_and_there_is_no_copy,
         a_copy_is_put_back_from_the_zhost_that_keeps_it]


class NoCluster:
    """Each case has a cluster of its own."""
    folder = "(each case says its own)"

    def stop(self, keep=False):
        pass


def main():
    return run_cases("cluster_lost_machine", NoCluster(), CASES, sys.argv[1] if len(sys.argv) > 1 else "")


if __name__ == "__main__":
    sys.exit(main())
