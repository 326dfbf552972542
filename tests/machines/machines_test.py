#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Three machines (network namespaces) made into a cluster by `samoza init` and `samoza join`: what faces the network,
what an eavesdropper reads, a plug that is pulled, a zhost that is forgotten. usage: machines_test.py [case]"""
import os
import shutil
import signal
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tools"))
from samoza_test_cluster import NotRun, run_cases, wait_for  # noqa: E402
from samoza_test_machines import Machines, build_crossing, join, run  # noqa: E402

PAYLOAD = "payload-in-clear-7f3a"
PROBE = """
import socket, sys
for where in sys.argv[1:]:
    host, port = where.rsplit("/", 1)
    probe = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    probe.settimeout(3)
    try:
        probe.connect((host, int(port)))
        print("open", where)
    except OSError:
        print("closed", where)
"""
TOPOLOGY = "secretplan"
state = {"captures": [], "tokens": []}


def place_of(machines, space):
    return machines.place_of(TOPOLOGY, space)


def came(machines, number):
    logs = machines[number].zshell("logs", "-n", "5", f"{TOPOLOGY}/sink", check=False).stdout
    return PAYLOAD in logs


def a_token_lets_one_machine_in_and_says_who_used_it(machines):
    token = machines[1].json("cluster", "token", "create")["token"]
    state["tokens"].append(token)
    state["captures"].append(machines.capture())
    second, third = machines[2], machines[3]
    begun = time.monotonic()
    with open(f"{second.home}/token", "w", encoding="utf-8") as f:
        f.write(token + "\n")
    second.run("samoza", "join", f"{second.home}/token", "--region", "far", "--bind", second.ip)
    second.start()
    wait_for("m2 is a member", lambda: "m2" in machines.members(), 60, step=0.1)
    print(f"  from `samoza join` to a member: {time.monotonic() - begun:.2f} s")
    third.run("samoza", "join", "-", "--region", "far", "--bind", third.ip, text=token + "\n")
    third.start()
    wait_for("m3 is told", lambda: "was used already, by m2" in third.zshell("status", check=False).stdout, 60)
    assert "m3" not in machines.members()
    listed = machines[1].zshell("cluster", "token", "list").stdout
    assert "used" in listed and "m2" in listed and token not in listed, listed
    third.stop()
    os.remove(third.config())
    again = machines[1].json("cluster", "token", "create", "--ttl", "10m")["token"]
    state["tokens"].append(again)
    third.run("samoza", "join", "-", "--region", "far", "--bind", third.ip, text=again + "\n")
    third.start()
    wait_for("m3 is a member", lambda: machines.members() == {"m1", "m2", "m3"}, 60)


def a_revoked_and_an_expired_token_are_refused_in_words_of_their_own(machines):
    made = machines[1].json("cluster", "token", "create")
    machines[1].zshell("cluster", "token", "revoke", made["view"]["id"][:8])
    brief = machines[1].json("cluster", "token", "create", "--ttl", "1s")
    time.sleep(2)
    listed = machines[1].zshell("cluster", "token", "list").stdout
    assert "revoked" in listed and "expired" in listed, listed
    third = machines[3]
    third.stop()
    # Another machine of that name: without its keys it has to prove a token.
    state_dir = f"{third.home}/.local/state/samoza/samoza/m3/state"
    os.rename(f"{state_dir}/credentials.json", f"{third.home}/kept.json")
    join_file = f"{third.home}/.local/state/samoza/samoza.join"
    for token, said in ((made["token"], "was revoked at"), (brief["token"], "expired at")):
        with open(join_file, "w", encoding="utf-8") as f:
            f.write(token + "\n")
        third.start()
        wait_for(said, lambda said=said: said in third.zshell("status", check=False).stdout, 60)
        third.stop()
    os.rename(f"{third.home}/kept.json", f"{state_dir}/credentials.json")
    third.start()
    wait_for("m3 is back", lambda: "m3" in machines.members(), 60)


def three_ports_face_other_machines_and_no_other(machines):
    first = machines[1].ip
    wanted = {9000: "open", 9201: "open", 9200: "closed", 7331: "closed", 8080: "closed", 7071: "closed"}
    shown = machines[2].run("python3", "-c", PROBE, *[f"{first}/{port}" for port in wanted]).stdout
    for port, what in wanted.items():
        assert f"{what} {first}/{port}" in shown, shown


def a_message_crosses_between_machines(machines):
    mex = build_crossing(machines.folder, TOPOLOGY, PAYLOAD)
    machines[1].zshell("topo", "submit", mex)
    there = wait_for("sink runs", lambda: place_of(machines, "sink"), 60)
    assert there in (2, 3), there
    wait_for("the message came", lambda: came(machines, there), 60)


def an_eavesdropper_reads_no_payload_token_or_name(machines):
    time.sleep(2)  # of traffic
    captured = machines.captured(state["captures"][0])
    assert len(captured) > 100_000, len(captured)
    for secret in [PAYLOAD, TOPOLOGY, "source", "zrms.resource_report"] + state["tokens"]:
        assert secret.encode() not in captured, secret
    print(f"  {len(captured) >> 10} KiB captured")


def a_zhost_that_the_leader_cannot_reach_is_reached_through_another_and_linked_again_later(machines):
    """Its link ends about when the zhost counts as dead, so its space may move once."""
    if shutil.which("nft") is None:
        raise NotRun("there is no `nft` (package nftables)")
    there = place_of(machines, "sink")
    first, cut = machines[1], machines[there]
    rules = f"{machines.folder}/cut"
    with open(rules, "w", encoding="utf-8") as f:
        f.write(f"""table ip cut {{
  chain in {{ type filter hook input priority 0; ip saddr {first.ip} drop; }}
  chain out {{ type filter hook output priority 0; ip daddr {first.ip} drop; }}
}}
""")

    def linked():
        return any(p["zhost_id"] == f"m{there}" and p["connected"] for p in first.json("mesh", "peers")["peers"])

    run("ip", "netns", "exec", cut.net, "nft", "-f", rules)
    try:
        wait_for("the cut is found", lambda: not linked(), 60)
        wait_for("its beats and its requests pass through the other zhost", lambda: f"m{there}" in machines.members() and
                 cut.zshell("cluster", "zhosts", check=False).returncode == 0, 60)
        wait_for("messages come", lambda: came(machines, place_of(machines, "sink")), 60)
    finally:
        run("ip", "netns", "exec", cut.net, "nft", "delete", "table", "ip", "cut")
    wait_for("they are linked again", linked, 60)


def a_pulled_plug_moves_its_spaces_and_the_machine_comes_back(machines):
    there = place_of(machines, "sink")
    other = 5 - there
    begun = time.monotonic()
    machines[there].plug("down")
    wait_for("sink runs elsewhere", lambda: place_of(machines, "sink") == other, 60)
    wait_for("messages come there", lambda: came(machines, other), 60)
    print(f"  messages come on the other machine {time.monotonic() - begun:.2f} s after the plug was pulled")
    machines[there].plug("up")
    wait_for("it is a member again", lambda: f"m{there}" in machines.members(), 90)


def a_forgotten_zhost_that_holds_its_connections_is_refused_within_five_seconds(machines):
    gone = 5 - place_of(machines, "sink")
    name = f"m{gone}"
    token_file = f"{machines[gone].home}/.local/state/samoza/samoza.join"
    os.remove(token_file)
    others = [n for n in (1, 2, 3) if n != gone]

    def linked(n):
        peers = (machines[n].json("mesh", "peers") or {}).get("peers", [])
        return any(p["zhost_id"] == name and p["connected"] for p in peers)
    # Its startz sends no beats, so that it counts as dead; its zmesh runs on and holds its links.
    os.kill(machines[gone].pid_of("startz"), signal.SIGSTOP)
    wait_for("it counts as dead", lambda: machines.states().get(name) == "unavailable", 60)
    assert all(linked(n) for n in others), "its links are there"
    machines[1].zshell("cluster", "forget", name)
    begun = time.monotonic()
    wait_for("every other zhost refuses it", lambda: not any(linked(n) for n in others), 5)
    print(f"  refused everywhere {time.monotonic() - begun:.2f} s after it was forgotten")
    os.kill(machines[gone].pid_of("startz"), signal.SIGCONT)
    for n in others:
        wait_for("it is kept on disk", lambda n=n: f"zhost:{name}:" in open(
            f"{machines[n].home}/.local/state/samoza/samoza/m{n}/state/revoked-tokens", encoding="utf-8").read())
    # Without the control plane, after a restart of its peer.
    alone = [n for n in others if n != 1][0]
    machines[1].stop()
    machines[alone].stop()
    machines[alone].start()
    wait_for("it answers", lambda: machines[alone].json("mesh", "peers") is not None, 60)
    time.sleep(3)
    assert not linked(alone)
    machines[gone].stop()
    machines[1].start()
    wait_for("the others go on", lambda: machines.members() == {f"m{n}" for n in others}, 90)
    # It comes back with a token.
    token = machines[1].json("cluster", "token", "create")["token"]
    with open(token_file, "w", encoding="utf-8") as f:
        f.write(token + "\n")
    os.chmod(token_file, 0o600)
    machines[gone].start()
    wait_for("it is a member again", lambda: name in machines.members(), 90)


def records_that_are_put_back_make_no_forgotten_zhost_and_no_used_token_good(machines):
    gone = 5 - place_of(machines, "sink")
    name = f"m{gone}"
    others = {f"m{n}" for n in (1, 2, 3)} - {name}
    made = machines[1].json("cluster", "token", "create")
    copy = f"{machines.folder}/records.db"
    machines[1].zshell("cluster", "backup", copy)
    # After the copy: the zhost is forgotten, and the token is revoked.
    os.remove(f"{machines[gone].home}/.local/state/samoza/samoza.join")
    machines[gone].stop()
    wait_for("it counts as dead", lambda: machines.states().get(name) == "unavailable", 60)
    machines[1].zshell("cluster", "forget", name)
    machines[1].zshell("cluster", "token", "revoke", made["view"]["id"][:8])
    for n in {int(other[1:]) for other in others}:
        wait_for("it is kept on disk", lambda n=n: f"zhost:{name}:" in open(
            f"{machines[n].home}/.local/state/samoza/samoza/m{n}/state/revoked-tokens", encoding="utf-8").read())
    machines[1].zshell("cluster", "restore", copy)
    wait_for("the records are behind", lambda: "behind" in machines[1].zshell("cluster", check=False).stdout, 60)
    wait_for("it is recovered", lambda: machines[1].zshell("cluster", "recover", check=False).returncode == 0, 60)
    wait_for("the others go on", lambda: machines.members() >= others, 90)
    machines[gone].start()
    wait_for("it is told", lambda: "forgotten" in machines[gone].zshell("status", check=False).stdout, 60)
    assert name not in machines.members()
    # With the token that the copy takes for a good one.
    with open(f"{machines[gone].home}/.local/state/samoza/samoza.join", "w", encoding="utf-8") as f:
        f.write(made["token"] + "\n")
    os.chmod(f.name, 0o600)
    machines[gone].stop()
    machines[gone].start()
    wait_for("the token is refused", lambda: "revoked" in machines[gone].zshell("status", check=False).stdout, 60)
    assert name not in machines.members()


def two_machines_mesh_over_ipv6(_):
    machines = Machines(count=2)
    try:
        machines[1].run("samoza", "init", "--bind", machines[1].ip6)
        machines[1].start()
        wait_for("the first machine leads", lambda: machines[1].json("cluster"), 60)
        join(machines, machines[2], ("--bind", machines[2].ip6))
        peers = machines[1].json("mesh", "peers")["peers"]
        assert any(p["zhost_id"] == "m2" and p["address"].startswith("[fd77::2]:") for p in peers), peers
    finally:
        machines.stop()


CASES = [a_token_lets_one_machine_in_and_says_who_used_it, three_ports_face_other_machines_and_no_other,
         a_message_crosses_between_machines, an_eavesdropper_reads_no_payload_token_or_name,
         a_revoked_and_an_expired_token_are_refused_in_words_of_their_own,
         a_zhost_that_the_leader_cannot_reach_is_reached_through_another_and_linked_again_later,
         a_pulled_plug_moves_its_spaces_and_the_machine_comes_back,
         a_forgotten_zhost_that_holds_its_connections_is_refused_within_five_seconds,
         records_that_are_put_back_make_no_forgotten_zhost_and_no_used_token_good, two_machines_mesh_over_ipv6]


def main():
    try:
        machines = Machines(count=3)
    except NotRun as why:
        print(f"not run: machines: {why}")
        return 77
    try:
        machines[1].run("samoza", "init", "--region", "near", "--bind", machines[1].ip)
        machines[1].start()
        wait_for("the first machine leads", lambda: machines[1].json("cluster"), 60)
        return run_cases("machines", machines, CASES, sys.argv[1] if len(sys.argv) > 1 else "")
    finally:
        machines.stop(keep=True)


sys.exit(main())
