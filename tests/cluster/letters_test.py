#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Messages that their receiver cannot handle, with real processes and the published doorway: dead letters that
are listed, shown, retried and dropped. usage: letters_test.py [case]"""
import base64
import json
import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tools"))
from samoza_test_cluster import Cluster, build_mex, run_cases, wait_for  # noqa: E402

# Traps on a message that begins with x, says what else it took. A buffer of 1,024 bytes, as projects have that
# `mex init` makes; a message of its own name y is taken with the rest of a turn.
PICKY = """#include <samoza.h>
static char buffer[1024];
SAMOZA_EXPORT("on_process") int on_process(void) {
  struct samoza_message info;
  int bytes = net_recv_next(buffer, sizeof buffer, &info, 1000);
  if (bytes < 0) return 0;
  if (buffer[0] == 'x') __builtin_trap();
  sys_log(1, buffer, bytes);
  return 0;
}
"""
FEEDER = """#include <samoza.h>
SAMOZA_EXPORT("on_process") int on_process(void) { sys_sleep(1000); return 0; }
"""


def send(cluster, path, payload):
    body = json.dumps({"topology": "letters", "from": "feeder", "path": path,
                       "payload": base64.b64encode(payload).decode()})
    status, text = cluster.answer(1, 9200, "POST", "/v1/spaces/send", body)
    assert status == 200, (status, text)


def letters(cluster):
    return (cluster.ask(1, 8080, "GET", "/v1/dead-letters") or {}).get("letters", [])


def took(cluster, text):
    return any(e[2].get("text") == text for e in cluster.events("zrun", "guest_log"))


def a_poison_message_is_kept_after_its_deliveries_and_the_next_ones_are_handled_where_they_were(cluster):
    epoch = cluster.spaces("letters")["picky"]["epoch"]
    for payload in (b"one", b"xpoison", b"two"):
        send(cluster, "in", payload)
    wait_for("what is behind it is handled", lambda: took(cluster, "two"), 60)
    wait_for("it is a dead letter", lambda: [letter for letter in letters(cluster) if "trap" in letter["reason"]])
    view = cluster.spaces("letters")["picky"]
    assert view["state"] == "running" and view["epoch"] == epoch, view
    assert int(view["restarts"]) >= 3, view
    letter = letters(cluster)[0]
    shown = cluster.zshell(1, "dead-letters", "show", letter["id"]).stdout
    assert "xpoison" in shown and "3 deliveries failed" in shown, shown
    assert letter["id"] in cluster.zshell(1, "dead-letters").stdout
    cluster.zshell(1, "dead-letters", "retry", letter["id"])
    wait_for("it failed again and is listed", lambda: letters(cluster) and not letters(cluster)[0].get("retrying"))
    cluster.zshell(1, "dead-letters", "drop", letter["id"])
    assert not letters(cluster)
    again = cluster.zshell(1, "dead-letters", "drop", letter["id"], check=False)
    assert again.returncode == 1 and "no dead letter" in again.stderr + again.stdout, again


def a_message_larger_than_the_buffer_does_not_spin_its_receiver(cluster):
    send(cluster, "in", b"y" * 2000)
    send(cluster, "in", b"three")
    wait_for("what is behind it is handled", lambda: took(cluster, "three"), 60)
    letter = wait_for("it is a dead letter", lambda: letters(cluster))[0]
    assert "2000 bytes" in letter["reason"] and "1024" in letter["reason"], letter
    logs = cluster.zshell(1, "spaces", "logs", "picky").stdout
    assert "2000 bytes" in logs, logs
    cluster.zshell(1, "dead-letters", "drop", letter["id"])


def a_stored_letter_survives_the_death_of_zrun(cluster):
    send(cluster, "sure", b"xkept")
    send(cluster, "sure", b"four")
    wait_for("what is behind it is handled", lambda: took(cluster, "four"), 60)
    letter = wait_for("it is a dead letter", lambda: [m for m in letters(cluster) if m["path"] == "sure"])[0]
    os.kill(cluster.pid_of(1, "zrun"), 9)
    wait_for("it is there again", lambda: [m for m in letters(cluster) if m["id"] == letter["id"]], 60)


CASES = [a_poison_message_is_kept_after_its_deliveries_and_the_next_ones_are_handled_where_they_were,
         a_message_larger_than_the_buffer_does_not_spin_its_receiver, a_stored_letter_survives_the_death_of_zrun]


def main():
    cluster = Cluster(count=1)
    try:
        store = "store: local\n"
        mex = build_mex(cluster.folder, "letters", {
            "feeder": {"guest": FEEDER, "space": store}, "picky": {"guest": PICKY}, "keeper": {"guest": PICKY, "space": store}},
            "  - {name: in, from: feeder, to: picky, max_deliveries: 3}\n"
            "  - {name: sure, from: feeder, to: keeper, delivery: once, max_deliveries: 2}\n")
        cluster.start(1)
        wait_for("the zhost is alive",
                 lambda: (cluster.ask_any(7331, "GET", "/v1/cluster") or {}).get("zhosts_alive") == 1, 60)
        cluster.zshell(1, "topo", "submit", mex)
        wait_for("the spaces run", lambda: (cluster.topology("letters") or {}).get("state") == "running", 60)
        return run_cases("cluster_letters", cluster, CASES, sys.argv[1] if len(sys.argv) > 1 else "")
    finally:
        cluster.stop(keep=True)


sys.exit(main())
