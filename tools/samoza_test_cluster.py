# SPDX-License-Identifier: Apache-2.0
"""A cluster of real processes on loopback, for ./demo, tests and benches: starts zhosts, kills them,
asks their HTTP interfaces, reads their logs. Standard library only."""
import base64
import datetime
import http.client
import json
import os
import random
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BIN = os.path.join(ROOT, "bin")


class Failed(Exception):
    pass


class NotRun(Exception):
    """A case that cannot run here; ./check names it with this reason."""


def wait_for(what, done, seconds=30.0, step=0.05):
    """Waits for an event, with a bound far above what it takes."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = done()
        if value:
            return value
        time.sleep(step)
    raise Failed(f"{what}: did not happen within {seconds:.0f} s")


def build_mex(folder, name, spaces, paths="", types=None, version="1.0.0"):
    """Compiles and packs a MEX of C guests and gives its path. `spaces`: name -> {guest: C source, space: more
    lines of its space.yaml}; `types`: name -> type (CALL); `paths`: the list under `paths:`."""
    types = types or {}
    project = f"{folder}/{name}"
    files = {"manifest.yaml": "apiVersion: samoza/v1\nkind: MEX\nmetadata:\n"
                              f"  {{name: {name}, version: {version}, publisher: test, created: 2026-01-01T00:00:00Z}}\n",
             "topology.yaml": "apiVersion: samoza/v1\nkind: Topology\nmetadata: {name: %s, owner: test@test}\n"
                              "spaces:\n%s%s" % (name, "".join(
                                  f"  - {{name: {s}, type: {types.get(s, 'CALL')}}}\n" for s in spaces),
                                  f"paths:\n{paths}" if paths else "")}
    for space, parts in spaces.items():
        more = parts.get("space", "")
        if "capabilities" not in more:
            more += "capabilities: [sys.log]\n"
        files[f"spaces/{space}/space.yaml"] = f"type: {types.get(space, 'CALL')}\n" + more
        files[f"spaces/{space}/src/main.c"] = parts["guest"]
    for path, content in files.items():
        os.makedirs(os.path.dirname(f"{project}/{path}"), exist_ok=True)
        with open(f"{project}/{path}", "w", encoding="utf-8") as f:
            f.write(content)
    run = subprocess.run([f"{BIN}/mex", "build", project, "-o", f"{folder}/{name}.mex"], capture_output=True,
                         text=True, check=False)
    if run.returncode != 0:
        raise Failed(f"mex build {name}: {run.stderr}")
    return f"{folder}/{name}.mex"


_reserved = []


def free_base():
    """A loopback prefix (three octets) that no other cluster on this machine uses. It stays reserved until this
    process ends: the reservation is a socket bound to port 9 of the prefix's last address."""
    for _ in range(1000):
        base = f"127.{random.randint(64, 127)}.{random.randint(0, 255)}"
        reservation = socket.socket()
        try:
            reservation.bind((f"{base}.254", 9))
        except OSError:
            reservation.close()
            continue
        _reserved.append(reservation)
        return base
    raise Failed("no free loopback prefix in 127.64.0.0-127.127.255.0: other test runs hold them all")


class Cluster:
    def __init__(self, base=None, count=3, profile="lan", extra=None, start_new_group=False, prepare=None):
        """`base`: the prefix of the zhosts' addresses, by default one that nobody else uses. `start_new_group`: each
        startz leads a process group, as a shell's job does. `prepare` runs in startz's process before it starts."""
        self.base, self.count = base or free_base(), count
        self.start_new_group, self.prepare = start_new_group, prepare
        # Short, since it holds Unix sockets; private to us.
        self.folder = tempfile.mkdtemp(prefix="samoza-")
        self.processes = {}
        for n in range(1, count + 1):
            lines = [
                f"zhost: {{id: zhost-{n}, region: demo}}",
                f'cluster: {{id: demo, control_plane: "ws://{self.ip(1)}:9000/ws", '
                f'join_token_file: "{self.join_token_file()}"}}',
                f"bind: {self.ip(n)}", f"run_dir: {self.folder}/r{n}", f"state_dir: {self.folder}/s{n}",
                f"log_dir: {self.folder}/l{n}", f"profile: {profile}"]
            if n == 1:
                lines.append("control_plane: {enabled: true, store: sqlite}")
            with open(self.config(n), "w", encoding="utf-8") as f:
                f.write("\n".join(lines + (extra or [])) + "\n")

    def ip(self, n):
        return f"{self.base}.{n}"

    def join_token_file(self):
        """Of this cluster alone: the default is shared by all clusters of this user with its id."""
        return f"{self.folder}/join"

    def config(self, n):
        return f"{self.folder}/z{n}.yaml"

    def start(self, n):
        with open(f"{self.folder}/out{n}", "ab") as out:
            self.processes[n] = subprocess.Popen([f"{BIN}/startz", "-config", self.config(n)], stdout=out,
                                                 stderr=out, stdin=subprocess.DEVNULL,
                                                 env=dict(os.environ, XDG_STATE_HOME=f"{self.folder}/state"),
                                                 start_new_session=self.start_new_group,
                                                 preexec_fn=self.prepare)

    def pids(self, n):
        """startz of zhost n and its children."""
        startz = self.processes[n].pid
        found = [startz]
        for name in os.listdir("/proc"):
            if not name.isdigit():
                continue
            try:
                with open(f"/proc/{name}/stat", encoding="utf-8", errors="replace") as f:
                    if int(f.read().rsplit(")", 1)[1].split()[1]) == startz:
                        found.append(int(name))
            except (OSError, IndexError, ValueError):
                pass
        return found

    def pid_of(self, n, service):
        for pid in self.pids(n):
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as f:
                    if os.path.basename(f.read().split(b"\0")[0].decode()) == service:
                        return pid
            except OSError:
                pass
        return None

    def kill_zhost(self, n):
        """kill -9 of every process of the zhost."""
        pids = self.pids(n)
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.processes[n].wait()
        return len(pids)

    def stop(self, keep=False):
        for p in self.processes.values():
            if p.poll() is None:
                p.terminate()
        for p in self.processes.values():
            try:
                p.wait(20)
            except subprocess.TimeoutExpired:
                p.kill()
        if not keep:
            shutil.rmtree(self.folder, ignore_errors=True)

    def join_token(self):
        with open(self.join_token_file(), encoding="utf-8") as f:
            return f.read().strip()

    def token(self, n):
        with open(f"{self.folder}/r{n}/token", encoding="utf-8") as f:
            return f.read().strip()

    def authority(self):
        return f"{self.folder}/demo.ca/ca.crt"

    def tls(self):
        """A client's side of TLS that knows the cluster's authority, and shows no certificate."""
        return ssl.create_default_context(cafile=self.authority())

    def connection(self, n, port, seconds=10):
        """HTTP to a service of zhost n; to the control plane over TLS."""
        if port == 9000:
            return http.client.HTTPSConnection(self.ip(n), port, timeout=seconds, context=self.tls())
        return http.client.HTTPConnection(self.ip(n), port, timeout=seconds)

    def get(self, n, port, path, seconds=10):
        """The text that is answered to anybody."""
        connection = self.connection(n, port, seconds)
        connection.request("GET", path)
        return connection.getresponse().read().decode()

    def ask(self, n, port, method, path, body=None, seconds=10):
        """The answer's JSON, or None when the service does not answer with 2xx."""
        try:
            connection = self.connection(n, port, seconds)
            connection.request(method, path, body, {"Authorization": "Bearer " + self.token(n)})
            response = connection.getresponse()
            text = response.read()
            return json.loads(text) if 200 <= response.status < 300 else None
        except (OSError, ValueError, http.client.HTTPException):
            return None

    def answer(self, n, port, method, path, body=None, seconds=10, token=None):
        """(status, text) of whatever the service answers; with the operator's token unless another is given."""
        connection = self.connection(n, port, seconds)
        connection.request(method, path, body, {"Authorization": "Bearer " + (
            self.token(n) if token is None else token)})
        response = connection.getresponse()
        return response.status, response.read().decode(errors="replace")

    def ask_any(self, port, method, path, but=()):
        for n in range(1, self.count + 1):
            if n in but:
                continue
            answer = self.ask(n, port, method, path, seconds=3)
            if answer is not None:
                return answer
        return None

    def zshell(self, n, *words, check=True):
        run = subprocess.run([f"{BIN}/zshell", "--config", self.config(n), *words], capture_output=True,
                             text=True, timeout=120, check=False)
        if check and run.returncode != 0:
            raise Failed(f"zshell {' '.join(words)}: exit {run.returncode}: {run.stdout}{run.stderr}")
        return run

    def events(self, service, event, since=0.0):
        """(seconds since the epoch, zhost, event) of every such log line, in order of time."""
        found = []
        for n in range(1, self.count + 1):
            try:
                with open(f"{self.folder}/l{n}/{service}.log", encoding="utf-8", errors="replace") as f:
                    for line in f:
                        if f'"event":"{event}"' not in line:
                            continue
                        entry = json.loads(line)
                        at = datetime.datetime.fromisoformat(entry["ts"].replace("Z", "+00:00")).timestamp()
                        if at >= since:
                            found.append((at, n, entry))
            except OSError:
                pass
        return sorted(found, key=lambda e: e[0])

    def topology(self, name, but=()):
        listing = self.ask_any(7331, "GET", "/v1/topologies", but)
        for t in (listing or {}).get("topologies", []):
            if t["name"] == name:
                return t
        return None

    def spaces(self, topology, but=()):
        """What each zrun that answers says of the topology's spaces, by name."""
        found = {}
        for n in range(1, self.count + 1):
            if n not in but:
                for view in (self.ask(n, 8080, "GET", "/v1/spaces") or {}).get("spaces", []):
                    if view["topology"] == topology:
                        found[view["space"]] = view
        return found

    def where(self, topology, space):
        for p in (topology or {}).get("placements", []):
            if p["space"] == space and p["zhost"]:
                return int(p["zhost"].rsplit("-", 1)[1])
        return None


def run_cases(name, cluster, cases, only=""):
    """Runs each case, a function whose name is a sentence; gives the exit code. `name` is the test's in
    ctest: ./check counts the cases from the file that $GTEST_OUTPUT asks for, as it does for GoogleTest.
    Keeps the folder on a failure."""
    passed = failed = 0
    skipped = []
    for case in cases:
        if only not in case.__name__:
            continue
        sentence = case.__name__.replace("_", " ")
        try:
            case(cluster)
            passed += 1
            print(f"good: {sentence}", flush=True)
        except NotRun as why:
            skipped.append({"name": f"{sentence} ({why})", "result": "SKIPPED"})
            print(f"not run: {sentence}: {why}", flush=True)
        except (AssertionError, Failed, TypeError, KeyError, OSError, subprocess.TimeoutExpired) as failure:
            failed += 1
            print(f"FAILED: {sentence}: {failure!r}", flush=True)
    cluster.stop(keep=failed > 0)
    if failed:
        print(f"kept: {cluster.folder}")
    output = os.environ.get("GTEST_OUTPUT", "")
    if output.startswith("json:"):
        with open(os.path.join(output[5:], f"{name}.json"), "w", encoding="utf-8") as f:
            json.dump({"tests": passed + failed + len(skipped), "failures": failed,
                       "testsuites": [{"name": name, "testsuite": skipped}]}, f)
    print(f"{passed} passed, {failed} failed, {len(skipped)} not run")
    return 1 if failed else 0


def open_page(cluster, n, topology, space, seconds=5):
    """The session cookie that a browser gets for a ticket."""
    ticket = cluster.ask(n, 9200, "POST", f"/v1/tickets?space={topology}/{space}", seconds=seconds)
    if ticket is None:
        raise OSError("no ticket")
    try:
        connection = http.client.HTTPConnection(cluster.ip(n), 9200, timeout=seconds)
        connection.request("GET", "/?" + ticket["ticket_url"].split("?", 1)[1],
                           headers={"Host": f"{space}.{topology}.localhost:9200"})
        response = connection.getresponse()
        response.read()
    except http.client.HTTPException as error:
        raise OSError(error) from error
    if response.status != 303:
        raise OSError(f"a ticket is answered with {response.status}")
    return response.getheader("Set-Cookie").split(";")[0]


class Page:
    """The WebSocket of a UI space, as its page has it."""

    def __init__(self, cluster, n, topology, space, seconds=5):
        """By zhost n, wherever the space runs."""
        host = f"{space}.{topology}.localhost:9200"
        cookie = open_page(cluster, n, topology, space, seconds)
        self.socket = socket.create_connection((cluster.ip(n), 9200), seconds)
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall((f"GET /ws HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\nCookie: {cookie}\r\n"
                             "Upgrade: websocket\r\n"
                             f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n"
                             "Sec-WebSocket-Version: 13\r\n\r\n").encode())
        self.rest = b""
        while b"\r\n\r\n" not in self.rest:
            self._more()
        head, self.rest = self.rest.split(b"\r\n\r\n", 1)
        if b" 101 " not in head.split(b"\r\n")[0]:
            raise OSError("no WebSocket: " + head.split(b"\r\n")[0].decode())

    def _more(self):
        chunk = self.socket.recv(65536)
        if not chunk:
            raise OSError("closed")
        self.rest += chunk

    def _take(self, n):
        while len(self.rest) < n:
            self._more()
        out, self.rest = self.rest[:n], self.rest[n:]
        return out

    def send(self, path, payload):
        data = json.dumps({"path": path, "payload": payload}).encode()
        mask = os.urandom(4)
        head = bytes([0x81]) + (bytes([0x80 | len(data)]) if len(data) < 126 else
                                bytes([0x80 | 126]) + struct.pack(">H", len(data)))
        self.socket.sendall(head + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(data)))

    def receive(self):
        """The next message as (path, payload)."""
        while True:
            first, second = self._take(2)
            size = second & 0x7f
            if size == 126:
                size = struct.unpack(">H", self._take(2))[0]
            elif size == 127:
                size = struct.unpack(">Q", self._take(8))[0]
            data = self._take(size)
            if first & 0x0f == 9:
                self.socket.sendall(bytes([0x8a, 0x80]) + os.urandom(4))
            elif first & 0x0f == 8:
                raise OSError("closed")
            elif first & 0x0f in (1, 2):
                message = json.loads(data)
                if "error" in message:
                    raise OSError(message["error"])
                return message["path"], message["payload"]

    def ask(self, payload, kind, tries=20):
        """Sends a query and gives the answer of that kind."""
        self.send("query", payload)
        for _ in range(tries * 50):
            _, answer = self.receive()
            answer = json.loads(answer)
            if answer.get("type") == kind:
                return answer
        raise OSError("no answer")

    def close(self):
        self.socket.close()
