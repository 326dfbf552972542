#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Figures of a real cluster on one machine: recovery after kills, idle cost of a zhost, messages between
zhosts. Prints a table and writes JSON. usage: cluster_bench.py [--kills N] [--out FILE] [part …]"""
import argparse
import json
import os
import platform
import random
import re
import shutil
import signal
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "tools"))
from demo import build_application, summary  # noqa: E402
from samoza_test_cluster import BIN, Cluster, Failed, wait_for  # noqa: E402


def machine():
    model = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo", encoding="utf-8")
                  if line.startswith("model name")), "?")
    return {"cpu": model, "cores": os.cpu_count(), "kernel": platform.release(),
            "memory_gib": round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30, 1)}


def percentile(values, p):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(p / 100 * len(ordered)))] if ordered else None


def start(count, base, build):
    """A cluster of `count` zhosts that was given the MEX that build(folder) makes."""
    cluster = Cluster(base, count)
    mex = build(cluster.folder)
    for n in range(1, count + 1):
        cluster.start(n)
    wait_for("all zhosts are alive", lambda: (cluster.ask_any(7331, "GET", "/v1/cluster") or {}).get(
        "zhosts_alive") == count, 60)
    cluster.zshell(1, "topo", "submit", mex)
    return cluster


def anomaly(readings):
    return lambda folder: build_application(folder, 1000, readings, False)


def crossing(folder):
    """The MEX of bench/crossing: ping and echo, kept on two zhosts."""
    shutil.copytree(os.path.join(ROOT, "bench/crossing"), f"{folder}/crossing")
    subprocess.run([f"{BIN}/mex", "build", f"{folder}/crossing", "-o", f"{folder}/crossing.mex"], check=True,
                   capture_output=True)
    return f"{folder}/crossing.mex"


def between_zhosts(cluster):
    """What ping measured: {"trip": {...}, "one_way": {...}} in the units of its lines."""
    def said():
        log = "\n".join(e["text"] for _, _, e in cluster.events("zrun", "guest_log"))
        lines = {name: {key: int(n) for key, n in re.findall(r"(\w+)=(\d+)", rest)}
                 for name, rest in re.findall(r"^(trip|one_way) (.*)$", log, re.M)}
        return lines if len(lines) == 2 else None
    measured = wait_for("ping has measured", said, 120, 0.5)
    if measured["one_way"]["arrived"] != measured["one_way"]["n"]:
        raise Failed(f"messages were lost or repeated: {measured['one_way']}")
    return measured


def raw_tcp():
    """The same payload over one TCP connection between two processes, in this run."""
    program = os.path.join(ROOT, "build-release/bench/tcp_ping")
    return json.loads(subprocess.run([program], check=True, capture_output=True, text=True).stdout)


def running(cluster, but=()):
    topology = cluster.topology("anomaly", but)
    return topology if topology and topology["state"] == "running" else None


def kills(cluster, n, whole, rng):
    """Milliseconds from a kill to the first message that a new instance of a worker finished."""
    samples = []
    while len(samples) < n:
        topology = wait_for("the topology runs", lambda: running(cluster), 60)
        # Not where the control plane is: without it nobody places.
        places = {w: cluster.where(topology, w) for w in ("worker-a", "worker-b")}
        workers = sorted(w for w, on in places.items() if on != 1)
        if not workers:
            raise Failed("no worker away from the control plane")
        worker = rng.choice(workers)
        victim = places[worker]
        time.sleep(rng.uniform(0.2, 1.2))  # the moment, by seed
        killed = time.time()
        if whole:
            cluster.kill_zhost(victim)
        else:
            os.kill(cluster.pid_of(victim, "zrun"), signal.SIGKILL)

        def first():
            return [at for at, _, e in cluster.events("zrun", "first_message_finished", killed)
                    if e["space"] == worker]
        done = wait_for("a new instance finished a message", first, 40, 0.02)[0]
        samples.append((done - killed) * 1000)
        if whole:
            cluster.start(victim)
            wait_for("it is back", lambda: any(
                z["zhost_id"] == f"zhost-{victim}" and z["state"] == "alive"
                for z in (cluster.ask_any(7331, "GET", "/v1/cluster/zhosts") or {}).get("zhosts", [])), 60)
            time.sleep(0.5)
        print(f"\r  {'zhost' if whole else 'zrun'} kill {len(samples)}/{n}: {samples[-1]:.0f} ms   ", end="", flush=True)
    print()
    return samples


def idle(cluster):
    """Sum of PSS and CPU of the processes of zhost-2, its application deployed and its traffic stopped."""
    time.sleep(60)

    def ticks():
        total = 0
        for pid in cluster.pids(2):
            with open(f"/proc/{pid}/stat", encoding="utf-8") as f:
                fields = f.read().rsplit(")", 1)[1].split()
                total += int(fields[11]) + int(fields[12])
        return total
    pss = 0
    for pid in cluster.pids(2):
        with open(f"/proc/{pid}/smaps_rollup", encoding="utf-8") as f:
            pss += next(int(line.split()[1]) for line in f if line.startswith("Pss:"))
    before = ticks()
    time.sleep(60)
    cpu = (ticks() - before) / os.sysconf("SC_CLK_TCK") / 60 * 100
    return pss / 1024, cpu


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--base", default=None)
    parser.add_argument("--out")
    parser.add_argument("parts", nargs="*", default=["crossing", "zrun", "zhost", "idle"])
    options = parser.parse_args()
    rng = random.Random(options.seed)
    report = {"machine": machine(), "date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
              "conditions": "profile lan, zhosts as processes on one machine, 1,000 messages/s", "figures": {}}
    rows = []
    if "crossing" in options.parts:
        base = raw_tcp()
        cluster = start(2, options.base, crossing)
        try:
            measured = between_zhosts(cluster)
        finally:
            cluster.stop()
        trip, rate = measured["trip"], measured["one_way"]["per_second"]
        report["figures"]["between_zhosts"] = {"payload_bytes": 128, "raw_tcp": base, **measured}
        rows += [(f"round trip between two zhosts, 128 B, p50 / p99 (n={trip['n']})",
                  f"{trip['p50_ns'] / 1000:.0f} / {trip['p99_ns'] / 1000:.0f} us", "-"),
                 (f"the same over raw TCP, this run (n={base['n']})",
                  f"{base['p50_ns'] / 1000:.0f} / {base['p99_ns'] / 1000:.0f} us", "-"),
                 ("one way between two zhosts, 128 B, one pair", f"{rate / 1000:.0f} k/s", "-")]
    for part, whole, limit in (("zrun", False, 2000), ("zhost", True, 6000)):
        if part not in options.parts:
            continue
        cluster = start(4, options.base, anomaly(0))
        try:
            samples = kills(cluster, options.kills, whole, rng)
        finally:
            cluster.stop()
        report["figures"][f"kill_{part}_ms"] = {"n": len(samples), "p50": percentile(samples, 50),
                                                "p99": percentile(samples, 99), "max": max(samples),
                                                "asked_p99": limit, "samples": [round(s) for s in samples]}
        rows.append((f"kill -9 of {part} to first message of a new instance, p50 / p99 (n={len(samples)})",
                     f"{percentile(samples, 50):.0f} / {percentile(samples, 99):.0f} ms", f"{limit} ms p99"))
    if "idle" in options.parts:
        # All spaces run; the source has sent its last reading.
        cluster = start(3, options.base, anomaly(3000))
        try:
            wait_for("all readings are done", lambda: summary(cluster)["results"] == 3000, 60)
            megabytes, cpu = idle(cluster)
        finally:
            cluster.stop()
        report["figures"]["idle_pss_mb"] = {"value": round(megabytes, 1), "asked": 80}
        report["figures"]["idle_cpu_percent"] = {"value": round(cpu, 2), "asked": 2}
        rows += [("idle zhost, PSS of its processes", f"{megabytes:.1f} MB", "80 MB"),
                 ("idle zhost, CPU", f"{cpu:.2f} % of a core", "2 %")]
    print(f"\n{report['machine']}\n{report['conditions']}")
    for row in rows:
        print(f"  {row[0]:<75} {row[1]:>20}   asked {row[2]}")
    if options.out:
        with open(options.out, "w", encoding="utf-8") as f:
            json.dump(report, f, indent=1)


if __name__ == "__main__":
    main()
