# SPDX-License-Identifier: Apache-2.0
"""What the tests of bad input share: packages and files that are wrong in one place, and what is checked of each
answer."""
import hashlib
import io
import json
import os
import re
import stat
import subprocess
import sys
import tempfile
import warnings
import zipfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tools"))
from samoza_test_cluster import BIN, Cluster, run_cases, wait_for  # noqa: E402

HEAD = "apiVersion: samoza/v1\nkind: Topology\nmetadata: {name: %s}\nspaces:\n"
MANIFEST = "apiVersion: samoza/v1\nkind: MEX\nmetadata: {name: bad, version: 1.0.0, publisher: tests}\n"
WORK = tempfile.TemporaryDirectory(prefix="samoza-bad-")
# Brought back in place a few times (P3) before it is given up: either way it says why.
FAILS = ("failed", "starting")
QUIET = "(void)net_recv_next(buffer, sizeof buffer, 0, 1000); return 0;"
GUEST = """#include "samoza.h"
static char buffer[256];
static volatile uint32_t sink;
SAMOZA_EXPORT("on_process") int32_t on_process(void) { %s }
"""
MODULE = (b"\0asm\1\0\0\0" b"\x01\x08\x02\x60\x00\x01\x7f\x60\x00\x00" b"%s" b"\x03\x02\x01\x00" b"\x05\x03\x01\x00\x01"
          b"\x07%s" b"\x0a\x06\x01\x04\x00\x41\x00\x0b")


def module(imports=b"", entry=b"on_process"):
    """A module with one function () -> i32, exported as `entry`; `imports` is an import section."""
    exports = b"\x02\x06memory\x02\x00" + bytes([len(entry)]) + entry + b"\x00" + bytes([1 if imports else 0])
    return MODULE % (imports, bytes([len(exports)]) + exports)


def write(cluster, name, content):
    path = f"{cluster.folder}/{name}"
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
        f.write(content if isinstance(content, bytes) else content.encode())
    return path


def one_line(run, code, *words):
    text = (run.stdout + run.stderr).strip()
    assert run.returncode == code, (run.returncode, text[:400])
    assert len(text.split("\n")) == 1 and len(text) < 600, text[:1000]
    for word in words:
        assert word in text, (word, text)


def program(name, *words, env=None):
    # Where a configuration names no folders they are made in the home folder: not in that of the person.
    env = env or dict(os.environ, HOME=WORK.name, XDG_STATE_HOME=f"{WORK.name}/state")
    return subprocess.run([f"{BIN}/{name}", *words], capture_output=True, text=True, errors="replace", timeout=60,
                          check=False, cwd=WORK.name, env=env)


def project(cluster, name, spaces, topology=None):
    """A MEX project: {space: (module bytes or C source, lines for its space.yaml)}."""
    folder = f"{name}/app"
    write(cluster, f"{folder}/manifest.yaml", MANIFEST)
    write(cluster, f"{folder}/topology.yaml", topology or HEAD % name + "".join(
        f"  - {{name: {space}, type: CALL}}\n" for space in spaces))
    for space, (code, lines) in spaces.items():
        write(cluster, f"{folder}/spaces/{space}/space.yaml", "type: CALL\ncapabilities: [sys.log]\n" + lines)
        write(cluster, f"{folder}/spaces/{space}/" + ("core.wasm" if isinstance(code, bytes) else "src/guest.c"), code)
    return f"{cluster.folder}/{folder}"


def archive(files, mode=stat.S_IFREG | 0o644, method=zipfile.ZIP_STORED):
    """As `mex build` lays it out, whatever is in it."""
    out = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(out, "w") as z:
        warnings.simplefilter("ignore")
        for name, content in files:
            info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            info.compress_type, info.create_version, info.external_attr = method, 63, mode << 16
            z.writestr(info, content)
    return out.getvalue()


def good_files(cluster):
    """The files of a good, signed archive, in their order."""
    path = f"{cluster.folder}/good.mex"
    if not os.path.exists(path):
        subprocess.run([f"{BIN}/mex", "keygen", f"{cluster.folder}/key"], check=True, capture_output=True)
        subprocess.run([f"{BIN}/mex", "build", project(cluster, "good", {"a": (module(), "")}), "-o", path, "--key",
                        f"{cluster.folder}/key"], check=True, capture_output=True)
    with zipfile.ZipFile(path) as z:
        return [(info.filename, z.read(info)) for info in z.infolist()]


def with_file(files, name, content, hashed=False):
    """The same files with one changed; with its hash in the manifest (and no signature), when `hashed`."""
    changed = dict(files)
    changed[name] = content
    if hashed:
        text = changed["manifest.yaml"].decode()
        text = re.sub(r'(path: "%s"\n\s+hash: )"[0-9a-f]+"' % re.escape(name),
                      r'\1"%s"' % hashlib.sha256(content).hexdigest(), text)
        changed["manifest.yaml"] = text[:text.index("signature:")].encode()
    return [(n, changed[n]) for n, _ in files]


def submit(cluster, name, content, *words):
    path = write(cluster, name, content)
    one_line(cluster.zshell(1, "topo", "submit", path, check=False), 1, name, *words)
    one_line(program("mex", "verify", path), 1, name, *words)
    status, text = cluster.answer(1, 7331, "POST", "/v1/topologies", content)
    assert 400 <= status < 500 and "message" in json.loads(text)["error"], (status, text)


def space_is(cluster, topology, space, states, *words):
    def look():
        for p in (cluster.topology(topology) or {}).get("placements", []):
            reason = p.get("reason", "")
            if p["space"] == space and p["state"] in states and all(word in reason for word in words):
                assert "\n" not in reason, reason
                return True
        return False
    wait_for(f"{topology}/{space} is {states} because of {words}: {(cluster.topology(topology) or {})}", look, 30)


def the_zhost_is_well_after_all_of_that(cluster):
    assert cluster.ask(1, 7331, "GET", "/v1/cluster")["zhosts_alive"] == 1
    for service in ("zmesh", "zrms", "zrun", "zbase"):
        assert cluster.pid_of(1, service) == cluster.first_pids[service], f"{service} was started again"


def run(name, cases):
    """Runs the cases against one zhost; in the end it must be as well as before. The exit code."""
    cluster = Cluster(count=1)
    try:
        cluster.start(1)
        wait_for("the zhost is alive",
                 lambda: (cluster.ask_any(7331, "GET", "/v1/cluster") or {}).get("zhosts_alive") == 1, 60)
        cluster.first_pids = {s: cluster.pid_of(1, s) for s in ("zmesh", "zrms", "zrun", "zbase")}
        return run_cases(name, cluster, [*cases, the_zhost_is_well_after_all_of_that],
                         sys.argv[1] if len(sys.argv) > 1 else "")
    finally:
        cluster.stop(keep=True)
