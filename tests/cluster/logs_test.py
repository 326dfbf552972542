#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a space says, as an operator reads it: over a kill of zrun, and after a deletion. usage: logs_test.py [case]"""
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tools"))
from samoza_test_cluster import BIN, Cluster, build_mex, run_cases, wait_for  # noqa: E402

# Counts, two lines a call, one call in 100 ms.
TALKER = """#include <samoza.h>
static int n;
SAMOZA_EXPORT("on_process") int on_process(void) {
  char text[] = "count 0000\\nand a second line";
  ++n;
  for (int i = 0, v = n; i < 4; ++i, v /= 10) text[9 - i] = '0' + v % 10;
  sys_log(2, text, sizeof text - 1);
  sys_sleep(100);
  return 0;
}
"""
LINE = re.compile(r"^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z) WARN  1\.(\d+) (count \d{4}|and a second line)$")


def lines(cluster, *words):
    return cluster.zshell(1, "logs", *words, "app/talker").stdout.splitlines()


def counts(printed, run):
    """The numbers that a run said, of what `logs` printed."""
    found = [LINE.match(line) for line in printed]
    return [int(m.group(3)[6:]) for m in found if m and m.group(2) == str(run) and m.group(3).startswith("count")]


def a_line_has_its_time_its_level_and_its_instance_and_lines_of_one_call_stay_lines(cluster):
    printed = wait_for("it said something", lambda: lines(cluster, "-n", "4"), 60)
    assert printed and all(LINE.match(line) for line in printed), printed
    assert not any("\033" in line for line in printed), "no colours where nobody looks"
    assert any(line.endswith("and a second line") for line in printed), printed
    objects = [json.loads(line) for line in cluster.zshell(1, "--json", "logs", "-n", "2", "app/talker")
               .stdout.splitlines()]
    assert len(objects) == 2 and objects[0]["level"] == "warn" and objects[0]["run"] == 1, objects
    old = cluster.ask(1, 8080, "GET", "/v1/spaces/talker/logs")
    assert old and re.match(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ (count|and a)", old["lines"][-1]), old


def following_goes_on_over_a_kill_of_zrun_and_loses_no_line_of_either_instance(cluster):
    out = f"{cluster.folder}/followed"
    with open(out, "w", encoding="utf-8") as f:
        follower = subprocess.Popen([f"{BIN}/zshell", "--config", cluster.config(1), "logs", "-f", "-n", "1",
                                     "app/talker"], stdout=f, stderr=f)

    def printed():
        with open(out, encoding="utf-8") as f:
            return f.read().splitlines()
    wait_for("it follows", lambda: len(counts(printed(), 1)) >= 3, 60)
    os.kill(cluster.pid_of(1, "zrun"), signal.SIGKILL)
    wait_for("it goes on with the next instance", lambda: len(counts(printed(), 2)) >= 3, 120)
    follower.send_signal(signal.SIGINT)
    assert follower.wait(60) == 0
    assert any(line.startswith("-- instance 1.2 begins on zhost ") for line in printed()), printed()
    for run in (1, 2):
        said = counts(printed(), run)
        assert said == list(range(said[0], said[0] + len(said))), (run, said)
    assert counts(printed(), 2)[0] == 1, "the second one is there from its first line"
    cluster.last = counts(printed(), 1)[-1]


def the_former_run_is_kept_up_to_its_last_line(cluster):
    said = counts(lines(cluster, "--previous"), 1)
    assert said and said[-1] == cluster.last, (said[-3:], cluster.last)
    both = lines(cluster, "--all")
    assert counts(both, 1)[-1] == cluster.last and counts(both, 2), both[-5:]
    assert not counts(lines(cluster), 1), "without an option: what the instance says that is there"


def what_happened_is_told_in_its_order_also_by_a_leader_that_was_started_anew(cluster):
    def told(*words):
        said = cluster.zshell(1, *words, check=False).stdout  # its zrms may be away for a moment
        return [re.sub(r"^\S+ +|  \(term.*", "", line) for line in said.splitlines()]
    before = told("topo", "events", "app")
    order = [next(i for i, line in enumerate(before) if line.startswith(f"app  {what}"))
             for what in ("submitted", "placed talker on ", "running talker on ")]
    assert order == sorted(order), before
    newest = cluster.ask(1, 7331, "GET", "/v1/events")["events"][-1]
    wait_for("the newest is on disk", lambda: newest["at"].encode() in written(cluster), 60)
    os.kill(cluster.pid_of(1, "zrms"), signal.SIGKILL)
    wait_for("a leader of the next term tells the same",
             lambda: len([e for e in told("cluster", "events") if e.startswith("leader changed")]) >= 2, 120)
    assert told("topo", "events", "app")[:len(before)] == before


def following_goes_on_over_a_new_start_of_its_own_zhost_which_has_another_operator_token(cluster):
    out = f"{cluster.folder}/followed-anew"
    with open(out, "w", encoding="utf-8") as f:
        follower = subprocess.Popen([f"{BIN}/zshell", "--config", cluster.config(1), "logs", "-f", "-n", "1",
                                     "app/talker"], stdout=f, stderr=f)

    def said():
        with open(out, encoding="utf-8") as f:
            return sum(" count " in line for line in f)
    wait_for("it follows", lambda: said() >= 3, 60)
    before = cluster.token(1)
    cluster.kill_zhost(1)
    cluster.start(1)
    wait_for("there is another token", lambda: cluster.token(1) != before, 60)
    at_start = said()
    wait_for("it goes on", lambda: said() >= at_start + 5, 120)
    follower.send_signal(signal.SIGINT)
    assert follower.wait(60) == 0


def written(cluster):
    """The rows of events in the records."""
    path = f"{cluster.folder}/s1/controlplane.db"
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as database:
        return b"".join(row[0] for row in database.execute(
            "SELECT value FROM records WHERE kind = 'events' AND value IS NOT NULL"))


def the_deletion_of_the_topology_removes_what_it_said(cluster):
    folder = f"{cluster.folder}/s1/logs"
    assert os.listdir(folder), folder
    cluster.zshell(1, "topo", "delete", "app", "--yes")
    wait_for("its files are gone", lambda: not os.listdir(folder), 60)


CASES = [a_line_has_its_time_its_level_and_its_instance_and_lines_of_one_call_stay_lines,
         following_goes_on_over_a_kill_of_zrun_and_loses_no_line_of_either_instance,
         the_former_run_is_kept_up_to_its_last_line,
         what_happened_is_told_in_its_order_also_by_a_leader_that_was_started_anew,
         following_goes_on_over_a_new_start_of_its_own_zhost_which_has_another_operator_token,
         the_deletion_of_the_topology_removes_what_it_said]


def main():
    cluster = Cluster(count=1)
    try:
        mex = build_mex(cluster.folder, "app", {"talker": {"guest": TALKER}})
        cluster.start(1)
        wait_for("the zhost is alive",
                 lambda: (cluster.ask_any(7331, "GET", "/v1/cluster") or {}).get("zhosts_alive") == 1, 60)
        cluster.zshell(1, "topo", "submit", mex)
        wait_for("it runs", lambda: (cluster.topology("app") or {}).get("state") == "running", 60)
        return run_cases("cluster_logs", cluster, CASES, sys.argv[1] if len(sys.argv) > 1 else "")
    finally:
        cluster.stop(keep=True)


sys.exit(main())
