#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The main job: three zhosts run examples/anomaly, one of them is killed, nothing is lost."""
import argparse
import os
import random
import shutil
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import demo_machines  # noqa: E402
from samoza_test_cluster import BIN, ROOT, Cluster, Failed, Page, wait_for  # noqa: E402

EXAMPLE = os.path.join(ROOT, "examples", "anomaly")


def say(text):
    print(text, flush=True)


def build_application(folder, rate, count, live):
    """A signed MEX from a copy of the sources with this run's configuration."""
    source = os.path.join(folder, "anomaly")
    shutil.copytree(EXAMPLE, source, ignore=shutil.ignore_patterns("core.wasm"))
    path = os.path.join(source, "app/spaces/source/space.yaml")
    with open(path, encoding="utf-8") as f:
        text = f.read()
    for name, value in (("RATE", rate), ("COUNT", count), ("LIVE", int(live))):
        lines = [f'  {name}: "{value}"' if line.strip().startswith(name + ":") else line
                 for line in text.split("\n")]
        text = "\n".join(lines)
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
    subprocess.run([f"{BIN}/mex", "keygen", f"{folder}/key"], check=True, capture_output=True)
    mex = f"{folder}/anomaly.mex"
    subprocess.run([f"{BIN}/mex", "build", f"{source}/app", "-o", mex, "--key", f"{folder}/key"], check=True,
                   capture_output=True)
    subprocess.run([f"{BIN}/mex", "verify", mex], check=True, capture_output=True)
    return mex


def expected_anomalies(folder, count):
    program = f"{folder}/reference"
    subprocess.run(["cc", "-O2", "-o", program, f"{EXAMPLE}/reference.c"], check=True)
    run = subprocess.run([program, f"{EXAMPLE}/app/spaces/source/src/recording.txt", str(count)], check=True,
                         capture_output=True, text=True)
    return run.stdout


def with_page(cluster, use, but=(), seconds=60):
    """Calls use(page) on the page of the dashboard, wherever it is; again when it moved."""
    def attempt():
        try:
            n = cluster.where(cluster.topology("anomaly", but), "dashboard")
            if n is None or n in but:
                return None
            page = Page(cluster, n, "anomaly", "dashboard")
            try:
                return (use(page),)
            finally:
                page.close()
        except OSError:
            return None
    return wait_for("the dashboard answers", attempt, seconds)[0]


def summary(cluster, but=(), seconds=60):
    return with_page(cluster, lambda page: page.ask("summary", "summary"), but, seconds)


def listed(cluster, kind):
    """Everything the store keeps of a kind, a page at a time."""
    def all_of(page):
        lines, after = [], kind
        while True:
            items = page.ask(after, "list")["items"]
            if not items:
                return lines
            # "repeats" is a key of the store too.
            lines += [item for item in items if len(item.split(" ")[0]) == 9]
            after = items[-1].split(" ")[0]
    return with_page(cluster, all_of)


def timeline(cluster, killed_at, victim, moved):
    """Milliseconds since the kill, from the logs of those who did it."""
    def first(service, event, matches):
        for at, _, entry in cluster.events(service, event, killed_at):
            if matches(entry):
                return (at - killed_at) * 1000
        return None
    rows = [("detected", first("zrms", "zhost_dead", lambda e: e["dead"] == f"zhost-{victim}"))]
    for space in moved:
        placed = first("zrms", "space_placed", lambda e, s=space: e["space"] == s and e["epoch"] > 1)
        running = first("zrun", "space_state",
                        lambda e, s=space: e["space"] == s and e["epoch"] > 1 and e["state"] == "running")
        message = first("zrun", "first_message_finished", lambda e, s=space: e["space"] == s and e["epoch"] > 1)
        rows += [(f"{space} placed", placed), (f"{space} instantiated", running),
                 (f"{space} finished its first message", message)]
    return rows


def all_results(cluster, count):
    """The summary once every reading has its result. A busy disk makes it slow (each put is synced): only
    standing still is a failure."""
    results = -1
    while True:
        now = wait_for("more readings have their result", lambda: (
            lambda s: s if s["results"] > min(results, count - 1) else None)(summary(cluster)), 60, 0.3)
        if now["results"] >= count:
            return now
        results = now["results"]


def others_go_on(cluster, victim, seconds):
    """Nobody places or judges: what is not on the victim keeps its place and its life, and messages flow on."""
    before = cluster.spaces("anomaly", (victim,))
    time.sleep(seconds)
    now = cluster.spaces("anomaly", (victim,))
    for space, was in before.items():
        life = {key: (was[key], now.get(space, {}).get(key)) for key in ("state", "epoch", "run", "restarts")}
        if any(a != b for a, b in life.values()):
            raise Failed(f"{space} was to go on without the control plane: {life}")
    finished = {space: int(now[space]["messages_finished"]) - int(was["messages_finished"])
                for space, was in before.items()}
    say(f"meanwhile {', '.join(f'{s} finished {n}' for s, n in sorted(finished.items()))} messages")
    for worker in ("worker-a", "worker-b"):
        if {"source", worker, "store"} <= finished.keys() and min(finished[worker], finished["store"]) < 100:
            raise Failed(f"messages stopped with the control plane: {finished}")


def shows_only(cluster, allowed, but, done):
    """Watches the topology until `done`(topology or None); it may be in no other state than these."""
    def look():
        t = cluster.topology("anomaly", but)
        if t and t["state"] not in allowed:
            raise Failed(f"the topology was to be {' or '.join(allowed)}, and is {t['state']}: {t.get('reason', '')}")
        return done(t)
    wait_for(f"the topology is {allowed[-1]}", look, 60, 0.01)


# R-GEN-1, R-GEN-4: a sensor, workers, a store and a page on three zhosts, through the loss of one of them.
def run(options):
    started = time.monotonic()
    rng = random.Random(options.seed)
    cluster = Cluster(None if options.base == "auto" else options.base)
    try:
        mex = build_application(cluster.folder, options.rate, options.count, options.live)
        for n in (1, 2, 3):
            cluster.start(n)
        wait_for("three zhosts are alive",
                 lambda: (cluster.ask_any(7331, "GET", "/v1/cluster") or {}).get("zhosts_alive") == 3, 60)
        say(f"three zhosts are up on {cluster.base}.1-3 ({time.monotonic() - started:.1f} s)")
        say(cluster.zshell(1, "topo", "submit", mex).stdout.rstrip())
        topology = wait_for("the topology runs", lambda: (lambda t: t if t and t["state"] == "running" else None)(
            cluster.topology("anomaly")))
        say(cluster.zshell(2, "topo", "status", topology["id"]).stdout.rstrip())
        workers = {cluster.where(topology, w) for w in ("worker-a", "worker-b")}
        if len(workers) != 2:
            raise Failed("the two workers are on one zhost, against their anti-affinity")
        if options.live:
            return follow_live(cluster, options)
        wait_for("results arrive", lambda: summary(cluster)["results"] > 2 * options.rate, 60)
        victim = options.victim or rng.choice(sorted(workers))
        store_on = cluster.where(topology, "store")
        moved = [p["space"] for p in topology["placements"] if p["zhost"] == f"zhost-{victim}"]
        before = summary(cluster)
        say(f"\n{before['results']} results, {before['repeats']} repeats, {before['anomalies']} anomalies so far; "
            f"{options.rate} messages/s flow")
        killed_at = time.time()
        killed = cluster.kill_zhost(victim)
        say(f"kill -9 of all {killed} processes of zhost-{victim} (it ran {', '.join(moved) or 'no space'})")
        control_plane_lost = victim == 1
        if control_plane_lost:
            # Nobody may judge or place now; everything else goes on.
            say("the control plane is lost with it: nothing is placed until it returns; the rest goes on")
            others_go_on(cluster, victim, options.away)
        elif store_on == victim:
            reason = f"data on zhost zhost-{victim}"
            shown = wait_for("the topology says what it waits for", lambda: (
                lambda t: t if t and t["state"] == "degraded" and reason in t["reason"] else None)(
                    cluster.topology("anomaly", (victim,))))
            say(f"topology: {shown['state']}: {shown['reason']}")
            until = time.monotonic() + options.away
            shows_only(cluster, ("degraded",), (victim,), lambda t: time.monotonic() > until)
        else:
            wait_for("the spaces run elsewhere", lambda: (
                lambda t: t and t["state"] == "running" and all(
                    cluster.where(t, s) not in (None, victim) for s in moved))(cluster.topology("anomaly", (victim,))))
        returned_at = time.time()
        cluster.start(victim)
        if store_on == victim and not control_plane_lost:
            shows_only(cluster, ("degraded", "running"), (), lambda t: t and t["state"] == "running")
        wait_for("the killed zhost is back", lambda: any(
            z["zhost_id"] == f"zhost-{victim}" and z["state"] == "alive" and int(z["incarnation"]) > 1
            for z in (cluster.ask_any(7331, "GET", "/v1/cluster/zhosts") or {}).get("zhosts", [])), 60)
        wait_for("the topology runs again", lambda: (cluster.topology("anomaly") or {}).get("state") == "running", 60)
        say(f"zhost-{victim} rejoined {(time.time() - returned_at) * 1000:.0f} ms after it was started again; "
            "the topology is running")
        final = all_results(cluster, options.count)
        say("\ntimeline (ms since the kill)")
        rows = timeline(cluster, killed_at, victim, moved)
        for what, ms in rows:
            say(f"  {what:<46} {'-' if ms is None else format(ms, '8.0f')}")
        unseen = [what for what, ms in rows if ms is None]
        # Who finds the death of the control plane's own zhost may lose the term before it can say so.
        if set(unseen) - ({"detected"} if control_plane_lost else set()):
            raise Failed(f"the logs do not show: {', '.join(unseen)}")
        return judge(cluster, options, final)
    finally:
        if options.keep or (sys.stdin.isatty() and sys.stdout.isatty() and not options.ci):
            say("\nthe cluster stays up; `exit` leaves zshell and stops it")
            subprocess.run([f"{BIN}/zshell", "--config", cluster.config(2)], check=False)
        cluster.stop()


def judge(cluster, options, final):
    say(f"\n{final['results']} results for {options.count} readings, {final['repeats']} repeats that changed "
        f"nothing, {final['anomalies']} anomalies")
    results = listed(cluster, "r")
    numbers = [int(line.split(" ")[0][1:], 16) for line in results]
    if numbers != list(range(options.count)):
        missing = sorted(set(range(options.count)) - set(numbers))[:5]
        raise Failed(f"DATA holds {len(numbers)} results, not exactly one per reading; missing: {missing}")
    found = "".join(line + "\n" for line in listed(cluster, "a"))
    expected = expected_anomalies(cluster.folder, options.count)
    if found != expected:
        raise Failed("the anomalies differ from those of an undisturbed run")
    say("exactly one result per reading; the anomalies equal those of an undisturbed run, byte for byte")
    say("\nthe strongest anomalies\n  reading     CPU    z-score")
    rows = [line.split(" ") for line in found.split("\n") if line]
    for key, value, z, _ in sorted(rows, key=lambda r: -abs(int(r[2])))[:8]:
        say(f"  {int(key[1:], 16):>7}  {int(value) / 10:5.1f} %  {int(z) / 1000:8.2f}")
    return 0


def follow_live(cluster, options):
    say("\nlive readings of this machine:")
    for _ in range(options.away * 2):
        s = summary(cluster)
        say(f"  {s['results']} results, {s['anomalies']} anomalies")
        time.sleep(1)
    return 0 if summary(cluster)["results"] > 20 else 1


def main():
    parser = argparse.ArgumentParser(prog="./demo", description=__doc__)
    parser.add_argument("--ci", action="store_true", help="tear down at the end; exit 0 only if all held")
    parser.add_argument("--keep", action="store_true", help="keep the cluster and open zshell")
    parser.add_argument("--victim", type=int, choices=(1, 2, 3), help="zhost to kill")
    parser.add_argument("--seed", type=int, default=1, help="chooses the victim")
    parser.add_argument("--base", default="127.0.0", help="address prefix of the three zhosts, or `auto` for one that is free")
    parser.add_argument("--rate", type=int, default=1000, help="readings per second")
    parser.add_argument("--count", type=int, default=20000, help="readings in all")
    parser.add_argument("--away", type=int, default=6, help="seconds that a zhost with data or the control plane is away")
    parser.add_argument("--live", action="store_true", help="read this machine instead of the recording")
    parser.add_argument("--machines", action="store_true",
                        help="three machines, as network namespaces (as root), instead of three zhosts on this one")
    options = parser.parse_args()
    if options.machines:
        return demo_machines.run_demo()
    try:
        return run(options)
    except (Failed, subprocess.CalledProcessError) as failure:
        say(f"\ndemo: FAILED: {failure}")
        return 1


if __name__ == "__main__":
    sys.exit(main())
