# SPDX-License-Identifier: Apache-2.0
"""Machines for tests: network namespaces behind one bridge, each with the programs of Samoza, as `samoza init` and
`samoza join` make them. Made and removed by the test, as root. Standard library only."""
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from samoza_test_cluster import BIN, Failed, NotRun, build_mex, wait_for

CAPTURE = """
import socket, sys
tap = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
tap.bind((sys.argv[1], 0))
tap.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 << 20)
print("on", flush=True)
with open(sys.argv[2], "wb", buffering=0) as out:
    while True:
        out.write(tap.recv(65535))
"""

# Says the payload along its path every 100 ms.
SOURCE = """#include <samoza.h>
SAMOZA_EXPORT("on_process") int on_process(void) {
  net_emit_to("way", 3, "%s", %d, 1000);
  sys_sleep(100);
  return 0;
}
"""
SINK = """#include <samoza.h>
static char buffer[256];
SAMOZA_EXPORT("on_process") int on_process(void) {
  int bytes = net_recv_next(buffer, sizeof buffer, 0, 1000);
  if (bytes > 0) sys_log(1, buffer, bytes);
  return 0;
}
"""


def build_crossing(folder, name, payload):
    """A MEX whose space `source`, in the region near, says `payload` to `sink`, in the region far."""
    return build_mex(folder, name, {
        "source": {"guest": SOURCE % (payload, len(payload)), "space": "placement: {region: near}\n"},
        "sink": {"guest": SINK, "space": "placement: {region: far}\n"}},
        "  - {name: way, from: source, to: sink}\n")


def run(*words, check=True):
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if check and done.returncode != 0:
        raise Failed(f"{' '.join(words)}: {done.stderr.strip()}")
    return done


def why_not():
    """Why this machine cannot make namespaces; empty: it can."""
    if os.geteuid() != 0:
        return "network namespaces are made by root"
    if shutil.which("ip") is None:
        return "there is no `ip` (iproute2)"
    name = f"smz{os.getpid()}-probe"
    tried = run("ip", "netns", "add", name, check=False)
    if tried.returncode != 0:
        return f"no network namespace can be made: {tried.stderr.strip()}"
    pair = run("ip", "-n", name, "link", "add", "veth-a", "type", "veth", "peer", "name", "veth-b", check=False)
    bridge = run("ip", "-n", name, "link", "add", "br0", "type", "bridge", check=False)
    run("ip", "netns", "del", name, check=False)
    for made, what in ((pair, "veth"), (bridge, "bridge")):
        if made.returncode != 0:
            return f"no {what} can be made: {made.stderr.strip()}"
    return ""


def remove_of_dead_runs():
    """What a test that was killed has left: namespaces named by a process that lives no more, and what runs in them."""
    for line in run("ip", "netns", "list", check=False).stdout.splitlines():
        net = line.split()[0]
        named = re.fullmatch(r"smz(\d+)-\w+(-\w+)?", net)
        if named is None or os.path.exists(f"/proc/{named[1]}"):
            continue
        for pid in run("ip", "netns", "pids", net, check=False).stdout.split():
            try:
                os.kill(int(pid), signal.SIGKILL)
            except ProcessLookupError:
                pass
        run("ip", "netns", "del", net, check=False)


class Machine:
    def __init__(self, number, net, folder, programs):
        self.number, self.net, self.programs = number, f"{net}-{number}", programs
        self.ip, self.ip6 = f"10.77.0.{number}", f"fd77::{number}"
        self.home = f"{folder}/m{number}"
        os.makedirs(self.home)
        self.process = None

    def words(self, *words):
        # Each machine has a host name of its own, as zhosts are named by it.
        return ["ip", "netns", "exec", self.net, "unshare", "--uts", "sh", "-c",
                f'hostname m{self.number} && exec "$@"', "sh", *words]

    def env(self):
        return {"PATH": f"{self.programs}:{os.environ['PATH']}", "HOME": self.home}

    def run(self, *words, text=None, check=True, seconds=120):
        done = subprocess.run(self.words(*words), input=text, capture_output=True, text=True, env=self.env(),
                              timeout=seconds, check=False)
        if check and done.returncode != 0:
            raise Failed(f"m{self.number}: {words[0]} {' '.join(words[1:3])}: exit {done.returncode}: "
                         f"{done.stdout}{done.stderr}")
        return done

    def config(self):
        return f"{self.home}/.config/samoza/zhost.yaml"

    def log(self):
        return f"{self.home}/log"

    def start(self):
        with open(self.log(), "ab") as out:
            self.process = subprocess.Popen(self.words(f"{self.programs}/startz"), stdout=out, stderr=out,
                                            stdin=subprocess.DEVNULL, env=self.env(), start_new_session=True)

    def zshell(self, *words, check=True):
        return self.run(f"{self.programs}/zshell", *words, check=check)

    def json(self, *words):
        """What the command says as JSON; None where it fails."""
        done = self.zshell("--json", *words, check=False)
        try:
            return json.loads(done.stdout) if done.returncode == 0 else None
        except ValueError:
            return None

    def pid_of(self, program):
        wanted = os.path.realpath(f"{self.programs}/{program}")
        inode = os.stat(f"/run/netns/{self.net}").st_ino
        for pid in os.listdir("/proc"):
            try:
                if pid.isdigit() and os.readlink(f"/proc/{pid}/exe") == wanted and \
                        os.stat(f"/proc/{pid}/ns/net").st_ino == inode:
                    return int(pid)
            except OSError:
                pass
        return None

    def plug(self, state):
        run("ip", "-n", self.net, "link", "set", "eth0", state)
        if state == "up":  # the address of IPv6 goes with the link
            run("ip", "-n", self.net, "addr", "add", f"{self.ip6}/64", "dev", "eth0", "nodad", check=False)

    def stop(self):
        if self.process is None or self.process.poll() is not None:
            return
        pid = self.pid_of("startz")
        if pid is not None:
            os.kill(pid, signal.SIGCONT)
            os.kill(pid, signal.SIGTERM)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


class Machines:
    """`count` machines on one bridge, which is in a namespace of its own."""

    def __init__(self, count=3, programs=BIN):
        reason = why_not()
        if reason:
            raise NotRun(reason)
        remove_of_dead_runs()
        # Ends through the `finally` of the test, which removes the machines.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        self.folder = tempfile.mkdtemp(prefix="samoza-m-")
        self.net = f"smz{os.getpid()}-{random.randint(0, 0xfff):03x}"
        self.switch = f"{self.net}-sw"
        self.captures = []
        self.machines = []
        run("ip", "netns", "add", self.switch)
        try:
            run("ip", "-n", self.switch, "link", "add", "br0", "type", "bridge")
            run("ip", "-n", self.switch, "link", "set", "br0", "up")
            for n in range(1, count + 1):
                self.add(Machine(n, self.net, self.folder, programs))
        except BaseException:
            self.stop()
            raise

    def add(self, machine):
        net, port = machine.net, f"p{machine.number}"
        self.machines.append(machine)
        run("ip", "netns", "add", net)
        run("ip", "link", "add", "eth0", "netns", net, "type", "veth", "peer", "name", port, "netns", self.switch)
        run("ip", "-n", self.switch, "link", "set", port, "master", "br0", "up")
        run("ip", "-n", net, "addr", "add", f"{machine.ip}/24", "dev", "eth0")
        run("ip", "-n", net, "addr", "add", f"{machine.ip6}/64", "dev", "eth0", "nodad")
        run("ip", "-n", net, "link", "set", "lo", "up")
        run("ip", "-n", net, "link", "set", "eth0", "up")

    def __getitem__(self, number):
        return self.machines[number - 1]

    def capture(self):
        """Everything that passes the bridge from now on, into one file; gives its path."""
        path = f"{self.folder}/capture{len(self.captures)}"
        process = subprocess.Popen(["ip", "netns", "exec", self.switch, "python3", "-c", CAPTURE, "br0", path],
                                   stdout=subprocess.PIPE)
        self.captures.append(process)
        # The bridge itself hears what is flooded; each port hears all of its machine.
        process.stdout.readline()
        for machine in self.machines:
            more = f"{path}.{machine.number}"
            tap = subprocess.Popen(["ip", "netns", "exec", self.switch, "python3", "-c", CAPTURE,
                                    f"p{machine.number}", more], stdout=subprocess.PIPE)
            tap.stdout.readline()
            self.captures.append(tap)
        return path

    def captured(self, path):
        content = b""
        for name in [path] + [f"{path}.{m.number}" for m in self.machines]:
            with open(name, "rb") as f:
                content += f.read()
        return content

    def members(self):
        """Names of the zhosts that are available, as the first machine sees them."""
        return {name for name, state in self.states().items() if state == "alive"}

    def states(self):
        seen = self[1].json("cluster", "zhosts") or {}
        return {z["zhost_id"]: z["state"] for z in seen.get("zhosts", [])}

    def place_of(self, topology, space):
        """The number of the machine that runs it; None where none does."""
        shown = self[1].json("topo", "status", topology) or {}
        for placement in shown.get("placements", []):
            if placement["space"] == space and placement.get("state") == "running":
                return int(placement["zhost"].lstrip("m"))
        return None

    def stop(self, keep=False):
        for process in self.captures:
            process.kill()
            process.wait()
        for machine in self.machines:
            machine.stop()
        for net in [m.net for m in self.machines] + [self.switch]:
            run("ip", "netns", "del", net, check=False)
        if not keep:
            shutil.rmtree(self.folder, ignore_errors=True)


def join(machines, machine, options=()):
    """Gives the seconds from `samoza join` until it is a member."""
    token = machines[1].json("cluster", "token", "create")["token"]
    begun = time.monotonic()
    machine.run("samoza", "join", "-", *options, text=token + "\n")
    machine.start()
    wait_for(f"m{machine.number} is a member", lambda: f"m{machine.number}" in machines.members(), 60, step=0.2)
    return time.monotonic() - begun
