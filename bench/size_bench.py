#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How long a topology of N spaces in a ring takes from its submit until all of them run, on three zhosts of this
machine. Each N is done twice: as one MEX of N modules, and as a topology.yaml whose spaces share one small MEX.
Prints a table and writes JSON. usage: size_bench.py [--sizes 1000,5000,10000] [--out FILE] [--base IP] [mex|yaml …]"""
import argparse
import json
import os
import shutil
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "tools"))
from samoza_test_cluster import BIN, Cluster, Failed, wait_for  # noqa: E402

# Takes what comes and passes it on; its path is patched into the module, so all modules differ.
RELAY = '''#include "samoza.h"
static char b[256];
SAMOZA_EXPORT("on_process") int32_t on_process(void) {
  struct samoza_message m;
  for (;;) {
    int32_t k = net_recv_next(b, sizeof b, &m, -1);
    if (k == SAMOZA_E_CLOSED) return 0;
    if (k >= 0) net_emit_to("p0000000", 8, b, k, 0);
  }
}
'''
MANIFEST = "apiVersion: samoza/v1\nkind: MEX\nmetadata: {{name: {name}, version: 1.0.0, publisher: bench}}\n"


def compiled(folder):
    """The bytes of the relay's module."""
    with open(f"{folder}/relay.c", "w", encoding="utf-8") as f:
        f.write(RELAY)
    subprocess.run(["clang-19", "--target=wasm32", "-O2", "-nostdlib", "-Wl,--no-entry", "-Wl,-z,stack-size=8192",
                    "-I", f"{ROOT}/sdk/c", f"{folder}/relay.c", "-o", f"{folder}/relay.wasm"], check=True)
    with open(f"{folder}/relay.wasm", "rb") as f:
        return f.read()


def write(path, content):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
        f.write(content if isinstance(content, bytes) else content.encode())


def ring(name, n, mex=""):
    """topology.yaml: spaces s0 … in a ring, each with a path to the next."""
    lines = [f"apiVersion: samoza/v1\nkind: Topology\nmetadata: {{name: {name}}}\nspaces:"]
    lines += [f"  - {{name: s{i}, type: CALL{mex}}}" for i in range(n)]
    lines.append("paths:")
    lines += [f"  - {{name: p{i:07d}, from: s{i}, to: s{(i + 1) % n}}}" for i in range(n)]
    return "\n".join(lines) + "\n"


def one_space(folder, app, space, module):
    write(f"{folder}/{app}/spaces/{space}/space.yaml", "type: CALL\nlimits: {memory: 1MiB}\n")
    write(f"{folder}/{app}/spaces/{space}/core.wasm", module)


def build(folder, app):
    subprocess.run([f"{BIN}/mex", "build", f"{folder}/{app}", "-o", f"{folder}/{app}.mex"], check=True,
                   capture_output=True)
    shutil.rmtree(f"{folder}/{app}")
    return f"{folder}/{app}.mex"


def make_mex(folder, name, n):
    """One MEX of n modules."""
    module = compiled(folder)
    write(f"{folder}/{name}/manifest.yaml", MANIFEST.format(name=name))
    write(f"{folder}/{name}/topology.yaml", ring(name, n))
    for i in range(n):
        one_space(folder, name, f"s{i}", module.replace(b"p0000000", b"p%07d" % i))
    return build(folder, name)


def make_yaml(folder, name, n):
    """A stand-alone topology whose spaces are all made of one MEX."""
    write(f"{folder}/relay/manifest.yaml", MANIFEST.format(name="relay"))
    write(f"{folder}/relay/topology.yaml",
          "apiVersion: samoza/v1\nkind: Topology\nmetadata: {name: relay}\nspaces:\n  - {name: relay, type: CALL}\n")
    one_space(folder, "relay", "relay", compiled(folder))
    build(folder, "relay")
    write(f"{folder}/{name}.yaml", ring(name, n, ", mex: relay.mex"))
    return f"{folder}/{name}.yaml"


def state(cluster, name):
    listing = cluster.ask_any(7331, "GET", "/v1/topologies?summary=1")
    for t in (listing or {}).get("topologies", []):
        if t["name"] == name:
            return t["state"]
    return None


def term(cluster):
    return (cluster.ask_any(7331, "GET", "/v1/cluster") or {}).get("term")


def measure(base, kind, n, bound):
    cluster = Cluster(base, 3)
    try:
        name = f"ring{n}"
        file = {"mex": make_mex, "yaml": make_yaml}[kind](cluster.folder, name, n)
        for z in range(1, 4):
            cluster.start(z)
        wait_for("all zhosts are alive",
                 lambda: (cluster.ask_any(7331, "GET", "/v1/cluster") or {}).get("zhosts_alive") == 3, 120)
        before, began = term(cluster), time.monotonic()
        submit = subprocess.Popen([f"{BIN}/zshell", "--config", cluster.config(1), "topo", "submit", file],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT)
        try:
            placed = wait_for("its row is written", lambda: state(cluster, name), bound)
            accepted = time.monotonic() - began
            wait_for("all spaces run", lambda: state(cluster, name) == "running", bound, 0.1)
            runs = time.monotonic() - began
        finally:
            submit.kill()
            submit.wait()
        del placed
        return {"kind": kind, "spaces": n, "accepted_s": round(accepted, 2), "running_s": round(runs, 2),
                "after_accept_s": round(runs - accepted, 2), "term_before": before, "term_after": term(cluster),
                "terms_lost": len(cluster.events("zrms", "term_lost"))}
    finally:
        cluster.stop()


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--sizes", default="1000,5000,10000")
    arguments.add_argument("--out")
    arguments.add_argument("--base", help="loopback prefix; default: a free one")
    arguments.add_argument("--bound", type=float, default=300)
    arguments.add_argument("kinds", nargs="*", default=["mex", "yaml"])
    options = arguments.parse_args()
    results = []
    for n in (int(size) for size in options.sizes.split(",")):
        for kind in options.kinds:
            try:
                result = measure(options.base, kind, n, options.bound)
            except (Failed, subprocess.SubprocessError) as failure:
                result = {"kind": kind, "spaces": n, "failed": str(failure)}
            results.append(result)
            print(json.dumps(result), flush=True)
    if options.out:
        with open(options.out, "w", encoding="utf-8") as f:
            json.dump({"cores": os.cpu_count(), "load": os.getloadavg(), "results": results}, f, indent=1)
            f.write("\n")


if __name__ == "__main__":
    main()
