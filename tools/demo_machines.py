# SPDX-License-Identifier: Apache-2.0
"""./demo --machines: three machines, as network namespaces, are made into one cluster; a message crosses; one plug is
pulled, and its space comes back elsewhere."""
import time

from samoza_test_cluster import Failed, NotRun, wait_for
from samoza_test_machines import Machines, build_crossing, join

TOPOLOGY = "crossing"
PAYLOAD = "hello from the first machine"


def say(text):
    print(text, flush=True)


def show(machine, *words, text=None):
    """Runs it on that machine, and prints it as a person would see it."""
    done = machine.run(*words, text=text)
    say(f"m{machine.number}# {' '.join(words)}")
    for line in done.stdout.rstrip().split("\n"):
        say(f"    {line}")


def came(machines, number):
    return PAYLOAD in machines[number].zshell("logs", "-n", "5", f"{TOPOLOGY}/sink", check=False).stdout


def scenes(machines):
    show(machines[1], "samoza", "init", "--region", "near", "--bind", machines[1].ip)
    machines[1].start()
    wait_for("the first machine leads", lambda: machines[1].json("cluster"), 60)
    for n in (2, 3):
        took = join(machines, machines[n], ("--region", "far", "--bind", machines[n].ip))
        say(f"m{n} joined with a token of its own and is a member after {took:.2f} s")
    show(machines[1], "zshell", "cluster", "zhosts")
    captured = machines.capture()
    machines[1].zshell("topo", "submit", build_crossing(machines.folder, TOPOLOGY, PAYLOAD))
    there = wait_for("sink runs", lambda: machines.place_of(TOPOLOGY, "sink"), 60)
    wait_for("the message comes", lambda: came(machines, there), 60)
    say(f"\n'{PAYLOAD}' crosses from m1 to m{there}")
    seen = machines.captured(captured)
    if PAYLOAD.encode() in seen or TOPOLOGY.encode() in seen:
        raise Failed("the network shows what is said")
    say(f"an eavesdropper on the network has {len(seen) >> 10} KiB, and neither the message nor a name in it")
    begun = time.monotonic()
    machines[there].plug("down")
    say(f"\nthe plug of m{there} is pulled")
    other = 5 - there
    wait_for("sink runs elsewhere", lambda: machines.place_of(TOPOLOGY, "sink") == other, 60)
    wait_for("messages come there", lambda: came(machines, other), 60)
    say(f"sink runs on m{other} and has messages {time.monotonic() - begun:.2f} s later")
    machines[there].plug("up")
    wait_for("it is back", lambda: machines.states().get(f"m{there}") == "alive", 90)
    say(f"m{there} is plugged in again and a member as before")
    show(machines[1], "zshell", "cluster", "token", "list")


def run_demo():
    try:
        machines = Machines(count=3)
    except NotRun as why:
        say(f"the demo with machines cannot run here: {why}")
        return 77
    try:
        scenes(machines)
        return 0
    except (Failed, KeyError, OSError) as failure:
        say(f"demo: {failure}")
        return 1
    finally:
        machines.stop()
