#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How a zhost is stopped by a terminal, a shell or a service manager: on_close runs in every space, and the
end of a terminal ends nothing. usage: stop_test.py [case]"""
import os
import signal
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tools"))
from samoza_test_cluster import Cluster, build_mex, run_cases, wait_for  # noqa: E402

# It needs 4 s to close, more than one step of startz's patience (3 s), and says when it has done so.
GUEST = """#include <samoza.h>
SAMOZA_EXPORT("on_process") int on_process(void) {
  char buffer[64];
  struct samoza_message info;
  for (;;)
    if (net_recv_next(buffer, sizeof buffer, &info, -1) == SAMOZA_E_CLOSED) return 0;
}
SAMOZA_EXPORT("on_close") int on_close(void) {
  sys_log(1, "closing", 7);
  sys_sleep(4000);
  sys_log(1, "closed in order", 15);
  return 0;
}
"""
SPACES = ("first", "second")


def closed(cluster):
    """How often each space has said that it closed."""
    said = [e[2].get("space") for e in cluster.events("zrun", "guest_log") if e[2]["text"] == "closed in order"]
    return {space: said.count(space) for space in SPACES}


def start(cluster):
    cluster.start(1)
    # Of zrun: the records say so before a leader has looked.
    wait_for("the spaces run", lambda: {v["space"] for v in cluster.spaces("closing").values()
                                        if v["state"] == "running"} == set(SPACES), 60)


def stop_with(cluster, send):
    """Both spaces close once more and startz ends by itself."""
    before = closed(cluster)
    send()
    cluster.processes[1].wait(60)
    assert closed(cluster) == {space: n + 1 for space, n in before.items()}, (before, closed(cluster))
    start(cluster)


def ctrl_c_at_the_terminal_runs_on_close_in_every_space(cluster):
    stop_with(cluster, lambda: os.killpg(cluster.processes[1].pid, signal.SIGINT))


def sigterm_to_the_process_group_runs_on_close_in_every_space(cluster):
    stop_with(cluster, lambda: os.killpg(cluster.processes[1].pid, signal.SIGTERM))


def sigterm_to_every_process_as_systemd_sends_it_runs_on_close_in_every_space(cluster):
    def send():
        for pid in cluster.pids(1):
            os.kill(pid, signal.SIGTERM)
    stop_with(cluster, send)


def a_second_ctrl_c_does_not_cut_the_first_short(cluster):
    def send():
        before = len(cluster.events("zrun", "guest_log"))
        os.killpg(cluster.processes[1].pid, signal.SIGINT)
        wait_for("a space closes", lambda: len(cluster.events("zrun", "guest_log")) > before)
        os.killpg(cluster.processes[1].pid, signal.SIGINT)
    stop_with(cluster, send)


def sighup_ends_no_process_of_the_zhost(cluster):
    pids = cluster.pids(1)
    for pid in pids:
        os.kill(pid, signal.SIGHUP)
    # What answers after the signal has survived it: each service is asked.
    for port in (9200, 7331, 8080, 7071):
        wait_for(f"port {port} answers", lambda p=port: cluster.answer(1, p, "GET", "/healthz")[0] == 200)
    assert sorted(cluster.pids(1)) == sorted(pids), (pids, cluster.pids(1))


CASES = [ctrl_c_at_the_terminal_runs_on_close_in_every_space,
         sigterm_to_the_process_group_runs_on_close_in_every_space,
         sigterm_to_every_process_as_systemd_sends_it_runs_on_close_in_every_space,
         a_second_ctrl_c_does_not_cut_the_first_short, sighup_ends_no_process_of_the_zhost]


def main():
    cluster = Cluster(count=1, start_new_group=True)
    try:
        mex = build_mex(cluster.folder, "closing", {
            s: {"guest": GUEST, "space": "runtime: {budgets: {on_close_deadline_ms: 20000}}\n"} for s in SPACES})
        cluster.start(1)
        wait_for("the zhost is alive",
                 lambda: (cluster.ask_any(7331, "GET", "/v1/cluster") or {}).get("zhosts_alive") == 1, 60)
        cluster.zshell(1, "topo", "submit", mex)
        wait_for("the spaces run", lambda: (cluster.topology("closing") or {}).get("state") == "running", 60)
        return run_cases("cluster_stop", cluster, CASES, sys.argv[1] if len(sys.argv) > 1 else "")
    finally:
        cluster.stop(keep=True)


sys.exit(main())
