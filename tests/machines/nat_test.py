#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Machines that can only dial out: what comes to them unasked is dropped, as behind NAT or a firewall. The first machine
is reached by all; the second and the third reach each other through it alone. usage: nat_test.py [case]"""
import os
import shutil
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tools"))
from samoza_test_cluster import NotRun, run_cases, wait_for  # noqa: E402
from samoza_test_machines import Machines, build_crossing, join, run  # noqa: E402

PAYLOAD = "through-the-first-91c2"
TOPOLOGY = "crossing"
RULES = """table inet way {
  chain in {
    type filter hook input priority 0; policy accept;
    iif lo accept
    ct state established,related accept
    meta l4proto { tcp, udp } drop
  }
}
"""
NO_UDP = """table inet noudp {
  chain in { type filter hook input priority 0; policy accept; iif lo accept
    meta l4proto udp drop
  }
  chain out { type filter hook output priority 0; policy accept; oif lo accept
    meta l4proto udp drop
  }
}
"""


def rules(machine, text):
    path = f"{machine.home}/rules"
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
    run("ip", "netns", "exec", machine.net, "nft", "-f", path)


def came(machines, number, at_least=1):
    logs = machines[number].zshell("logs", "-n", "50", f"{TOPOLOGY}/sink", check=False).stdout
    return logs.count(PAYLOAD) >= at_least


def linked(machine):
    peers = (machine.json("mesh", "peers") or {}).get("peers", [])
    return {p["zhost_id"] for p in peers if p["connected"]}


def detail_of(machines, name):
    seen = machines[1].json("cluster", "zhosts") or {}
    return next((z.get("detail", "") for z in seen.get("zhosts", []) if z["zhost_id"] == name), "")


def machines_that_can_only_dial_out_join_and_are_members(machines):
    for number, region in ((2, "near"), (3, "far")):
        rules(machines[number], RULES)
        took = join(machines, machines[number], ("--region", region, "--bind", machines[number].ip))
        print(f"  m{number} is a member after {took:.2f} s")
    wait_for("both have a link to the first one", lambda: {"m2", "m3"} <= linked(machines[1]), 30, step=0.1)
    assert linked(machines[2]) >= {"m1"} and "m3" not in linked(machines[2]), linked(machines[2])


def their_messages_pass_through_the_machine_that_both_reach(machines):
    machines[1].zshell("topo", "submit", build_crossing(machines.folder, TOPOLOGY, PAYLOAD))
    wait_for("sink runs on m3", lambda: machines.place_of(TOPOLOGY, "sink") == 3, 60)
    wait_for("source runs on m2", lambda: machines.place_of(TOPOLOGY, "source") == 2, 60)
    wait_for("messages come", lambda: came(machines, 3, 5), 60)
    pinged = machines[2].zshell("mesh", "ping", "m3").stdout
    assert "m1" in pinged, pinged  # the way


def a_killed_zrun_of_one_comes_back_and_the_messages_with_it(machines):
    os.kill(machines[3].pid_of("zrun"), 9)
    wait_for("sink runs again", lambda: machines.place_of(TOPOLOGY, "sink") == 3, 60)
    wait_for("messages come", lambda: came(machines, 3, 5), 60)
    assert machines.states()["m3"] == "alive"


def where_no_udp_passes_nobody_is_dead_and_the_list_of_zhosts_says_why(machines):
    for number in (2, 3):
        rules(machines[number], NO_UDP)
    wait_for("m2 is heard over the mesh", lambda: "come over the mesh" in detail_of(machines, "m2"), 60)
    wait_for("m3 is heard over the mesh", lambda: "come over the mesh" in detail_of(machines, "m3"), 60)
    events = machines[1].zshell("cluster", "events").stdout
    assert "unavailable" not in events and "dead" not in events, events
    assert machines.members() == {"m1", "m2", "m3"}
    # And one that dies is found all the same.
    machines[3].plug("down")
    wait_for("m3 counts as dead", lambda: machines.states().get("m3") == "unavailable", 60)
    machines[3].plug("up")
    wait_for("it is a member again", lambda: "m3" in machines.members(), 90)
    wait_for("messages come", lambda: came(machines, 3, 5), 90)


CASES = [machines_that_can_only_dial_out_join_and_are_members, their_messages_pass_through_the_machine_that_both_reach,
         a_killed_zrun_of_one_comes_back_and_the_messages_with_it,
         where_no_udp_passes_nobody_is_dead_and_the_list_of_zhosts_says_why]


def main():
    if shutil.which("nft") is None:
        print("not run: nat: there is no `nft` (package nftables)")
        return 77
    try:
        machines = Machines(count=3)
    except NotRun as why:
        print(f"not run: nat: {why}")
        return 77
    try:
        machines[1].run("samoza", "init", "--region", "middle", "--bind", machines[1].ip)
        machines[1].start()
        wait_for("the first machine leads", lambda: machines[1].json("cluster"), 60)
        return run_cases("nat", machines, CASES, sys.argv[1] if len(sys.argv) > 1 else "")
    finally:
        machines.stop()


sys.exit(main())
