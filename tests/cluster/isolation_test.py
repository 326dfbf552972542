#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The isolation promises (R-ISO-1..3) with real processes under traffic, and the
published doorway for messages (R-SEND-1). Prints "N passed, M failed"; one sentence a case."""
import http.client
import json
import os
import signal
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tools"))
from samoza_test_cluster import BIN, Cluster, Page, open_page, run_cases, wait_for  # noqa: E402

# How long zmesh is killed in a loop; ./check keeps it short, ./check --deep asks for the 60 s.
LOOP_SECONDS = float(os.environ.get("SAMOZA_ZMESH_LOOP_SECONDS", "12"))


def results(cluster):
    def attempt():
        try:
            n = cluster.where(cluster.topology("anomaly"), "dashboard")
            page = Page(cluster, n, "anomaly", "dashboard")
            try:
                return (page.ask("summary", "summary")["results"],)
            finally:
                page.close()
        except (OSError, TypeError):
            return None
    return wait_for("the dashboard answers", attempt, 40)[0]


def epochs(cluster):
    return {p["space"]: (p["zhost"], p["epoch"]) for p in cluster.topology("anomaly")["placements"]}


def lives(cluster):
    """What changes when a space ends, whoever starts it again."""
    return {space: (view["epoch"], view["run"], view["restarts"], view["state"])
            for space, view in cluster.spaces("anomaly").items()}


def stored(cluster):
    """Messages the store is done with, as its own zrun counts them."""
    return int(cluster.spaces("anomaly")["store"]["messages_finished"])


def r_iso_1_kill_of_zmesh_in_a_loop_moves_no_space_and_ends_none(cluster):
    before, count, lived = epochs(cluster), results(cluster), lives(cluster)
    runs = {n: cluster.pid_of(n, "zrun") for n in (1, 2, 3)}
    end = time.monotonic() + LOOP_SECONDS
    kills = 0
    while time.monotonic() < end:
        pid = cluster.pid_of(2, "zmesh")
        if pid is None:
            time.sleep(0.02)  # it is being started; the next kill needs a process
            continue
        os.kill(pid, signal.SIGKILL)
        kills += 1
        time.sleep(0.3)
    wait_for("the mesh is whole again", lambda: (cluster.ask(2, 9200, "GET", "/v1/mesh") or {}).get("connections") == 2)
    wait_for("every zhost is alive", lambda: (cluster.ask_any(7331, "GET", "/v1/cluster") or {}).get("zhosts_alive") == 3)
    assert kills >= 5, kills
    assert epochs(cluster) == before, "a space moved"
    assert {n: cluster.pid_of(n, "zrun") for n in (1, 2, 3)} == runs, "a zrun ended"
    assert lives(cluster) == lived, "a space ended"
    wait_for("messages flow", lambda: results(cluster) > count + 1000)


def r_iso_2_without_zrms_nothing_stops(cluster):
    before, count, lived = epochs(cluster), stored(cluster), lives(cluster)
    end = time.monotonic() + 4
    while time.monotonic() < end:
        for n in (1, 2, 3):
            pid = cluster.pid_of(n, "zrms")
            if pid is not None:
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.1)
    assert stored(cluster) > count + 500, "messages stopped while no zrms lived"
    assert lives(cluster) == lived, "a space ended"
    wait_for("there is a leader again", lambda: (cluster.topology("anomaly") or {}).get("state") == "running", 40)
    assert epochs(cluster) == before, "a space moved"


def r_iso_3_after_kill_of_zrun_its_spaces_come_back_in_place(cluster):
    count = results(cluster)
    victim = cluster.where(cluster.topology("anomaly"), "worker-a")
    before = epochs(cluster)
    killed = time.time()
    os.kill(cluster.pid_of(victim, "zrun"), signal.SIGKILL)
    wait_for("the worker runs again", lambda: any(
        e["space"] == "worker-a" for _, _, e in cluster.events("zrun", "first_message_finished", killed)))
    wait_for("the topology runs", lambda: cluster.topology("anomaly")["state"] == "running")
    assert epochs(cluster)["worker-a"] == before["worker-a"], "in place: same zhost, same epoch (P3)"
    wait_for("messages flow", lambda: results(cluster) > count + 1000)


# R-ISO-4: nothing that runs needs the control plane.
def the_control_plane_gone_everything_runs_on_and_status_says_so(cluster):
    before, count, lived, said = epochs(cluster), stored(cluster), lives(cluster), ""
    end = time.monotonic() + 6  # longer than the leader's lease
    while time.monotonic() < end:
        pid = cluster.pid_of(1, "zmesh-controlplane")
        if pid is not None:
            os.kill(pid, signal.SIGKILL)
        if time.monotonic() > end - 2 and "no leader" not in said:
            said = cluster.zshell(2, "topo", check=False).stdout
        time.sleep(0.1)
    assert stored(cluster) > count + 1000, "messages stopped while the control plane was away"
    assert lives(cluster) == lived, "a space ended"
    assert "the cluster has no leader" in said, said
    wait_for("the topology runs", lambda: (cluster.topology("anomaly") or {}).get("state") == "running", 40)
    assert epochs(cluster) == before, "a space moved"


# R-HTTP-3, R-ROLE-8, R-SEND-7: along a declared path, in its direction.
def r_send_1_a_message_goes_through_the_published_doorway(cluster):
    topology = cluster.topology("anomaly")
    n = cluster.where(topology, "dashboard")
    body = json.dumps({"topology": "anomaly", "from": "dashboard", "path": "query", "payload": "c3VtbWFyeQ=="})
    assert cluster.ask(n, 9200, "POST", "/v1/spaces/send", body)["outcome"] == "accepted"
    other = cluster.where(topology, "store")
    if other != n:
        assert cluster.ask(other, 9200, "POST", "/v1/spaces/send", body)["outcome"] == "accepted", "passed on"
    undeclared = json.dumps({"topology": "anomaly", "from": "dashboard", "path": "feed", "payload": ""})
    status, text = cluster.answer(n, 9200, "POST", "/v1/spaces/send", undeclared)
    assert status == 403 and "'feed'" in text, f"R-SEND-5: no such path from it: {status} {text}"


# R-SPACE-1, R-DEC-15: the page is served from the zhost of its space, by every zhost.
def ui_pages_are_served_read_only_with_a_policy(cluster):
    host = "dashboard.anomaly.localhost:9200"

    def ask(n, method, path="/", headers=None):
        connection = http.client.HTTPConnection(cluster.ip(n), 9200, timeout=20)
        connection.request(method, path, None if method == "GET" else b"x", dict({"Host": host}, **(headers or {})))
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    cookies = {n: open_page(cluster, n, "anomaly", "dashboard") for n in (1, 2, 3)}
    for n in (1, 2, 3):
        # A session is good on every zhost.
        with_session = {"Cookie": cookies[n % 3 + 1]}
        status, headers, body = ask(n, "GET", headers=with_session)
        assert status == 200 and b"<canvas" in body, (n, status, body[:200])
        policy = headers["Content-Security-Policy"]
        assert policy and policy.startswith("default-src 'none'"), policy
        assert "unsafe" not in policy and "*" not in policy, policy
        assert ask(n, "GET")[0] == 401, "a page needs its session"
        status, _, body = ask(n, "GET", headers={"Accept": "text/html"})
        assert status == 401 and b"<form" in body, (status, body)
        other = dict(with_session, Host="store.anomaly.localhost:9200")
        assert ask(n, "GET", headers=other)[0] == 404, "not a UI space"
        for method in ("PUT", "POST", "DELETE"):
            assert ask(n, method, "/index.html", with_session)[0] in (403, 405), method
        for outside in ("/../../../manifest.yaml", "/%2e%2e/store/core.wasm", "/space.yaml", "/../store/space.yaml"):
            status, _, body = ask(n, "GET", outside, with_session)
            assert status in (400, 404), (outside, status, body[:80])
        # What opens the page opens nothing else.
        assert ask(n, "GET", "/v1/mesh", {"Host": f"{cluster.ip(n)}:9200", "Cookie": cookies[n]})[0] == 401


# R-SVC-1..5: the published services on their ports.
def every_service_shows_its_health_and_numbers(cluster):
    def shows(port, path, word):
        try:
            return word in cluster.get(1, port, path)
        except OSError:
            return False  # killed by a case before, and not back yet
    for port, path in ((9000, ""), (9200, ""), (7331, ""), (8080, ""), (7071, ""), (7071, "/startz")):
        for what, word in (("healthz", "ok"), ("metrics", "samoza_")):
            wait_for(f"{port}{path}/{what}", lambda p=port, f=f"{path}/{what}", w=word: shows(p, f, w))


def a_second_submit_is_refused_and_names_the_first(cluster):
    topology = cluster.topology("anomaly")
    run = cluster.zshell(3, "topo", "submit", f"{cluster.folder}/anomaly.mex", check=False)
    assert run.returncode == 1 and topology["id"] in run.stdout, run.stdout


def wrong_input_gets_one_clear_line_and_the_rest_keeps_running(cluster):
    bad = f"{cluster.folder}/bad.mex"
    with open(f"{cluster.folder}/anomaly.mex", "rb") as f:
        archive = f.read()
    for content in (archive[:-30], archive[:500] + b"x" + archive[501:], b"PK\3\4", b""):
        with open(bad, "wb") as f:
            f.write(content)
        run = cluster.zshell(1, "topo", "submit", bad, check=False)
        assert run.returncode == 1 and len(run.stdout.strip().split("\n")) == 1, run.stdout
    for path, body in (("/v1/mesh/ping", "{"), ("/v1/mesh/ping", "[]"), ("/v1/spaces/send", '{"topology":7}'),
                       ("/v1/spaces/send", "")):
        status, text = cluster.answer(1, 9200, "POST", path, body)
        assert status == 400 and json.loads(text)["error"]["message"], (path, body, status, text)
    assert subprocess.run([f"{BIN}/zshell", "--config", cluster.config(1), "fly"], capture_output=True,
                          check=False).returncode == 2
    again = subprocess.run([f"{BIN}/startz", "-config", cluster.config(1)], capture_output=True, text=True,
                           check=False)
    assert again.returncode == 1 and "startz.lock" in again.stderr, again.stderr
    with open(f"{cluster.folder}/wrong.yaml", "w", encoding="utf-8") as f:
        f.write("zhost: {id: z}\nzmseh: {}\n")
    wrong = subprocess.run([f"{BIN}/startz", "-config", f"{cluster.folder}/wrong.yaml"], capture_output=True,
                           text=True, check=False)
    assert wrong.returncode == 2 and "did you mean 'zmesh'" in wrong.stderr, wrong.stderr
    assert cluster.topology("anomaly")["state"] == "running"


# R-SVC-13, R-SVC-14, R-DEC-9: one file starts every service of a zhost, each once.
def startz_killed_leaves_no_orphan_and_the_zhost_comes_back(cluster):
    children = [p for p in cluster.pids(3) if p != cluster.processes[3].pid]
    assert len(children) == 4, children
    for service in ("zmesh", "zrms", "zrun", "zbase"):
        assert cluster.pid_of(3, service) in children, service
    os.kill(cluster.processes[3].pid, signal.SIGKILL)
    cluster.processes[3].wait()
    wait_for("its children are gone", lambda: not any(os.path.exists(f"/proc/{p}") for p in children), 10)
    cluster.start(3)
    wait_for("the topology runs", lambda: (cluster.topology("anomaly") or {}).get("state") == "running", 60)


def stopping_a_topology_unloads_its_spaces_and_starting_brings_its_data_back(cluster):
    count = results(cluster)
    identity = cluster.topology("anomaly")["id"]
    cluster.zshell(1, "topo", "stop", identity)
    wait_for("no space is left", lambda: all(
        not (cluster.ask(n, 8080, "GET", "/v1/spaces") or {"spaces": [1]})["spaces"] for n in (1, 2, 3)))
    cluster.zshell(2, "topo", "start", identity)
    assert results(cluster) >= count, "stored results were lost"
    wait_for("messages flow", lambda: results(cluster) > count + 1000)


CASES = [r_iso_1_kill_of_zmesh_in_a_loop_moves_no_space_and_ends_none, r_iso_2_without_zrms_nothing_stops,
         r_iso_3_after_kill_of_zrun_its_spaces_come_back_in_place,
         the_control_plane_gone_everything_runs_on_and_status_says_so,
         r_send_1_a_message_goes_through_the_published_doorway, every_service_shows_its_health_and_numbers,
         ui_pages_are_served_read_only_with_a_policy, a_second_submit_is_refused_and_names_the_first,
         wrong_input_gets_one_clear_line_and_the_rest_keeps_running,
         startz_killed_leaves_no_orphan_and_the_zhost_comes_back,
         stopping_a_topology_unloads_its_spaces_and_starting_brings_its_data_back]


def main():
    cluster = Cluster()
    try:
        subprocess.run([f"{BIN}/mex", "build", f"{ROOT}/examples/anomaly/app", "-o",
                        f"{cluster.folder}/anomaly.mex"], check=True, capture_output=True)
        for n in (1, 2, 3):
            cluster.start(n)
        wait_for("three zhosts are alive",
                 lambda: (cluster.ask_any(7331, "GET", "/v1/cluster") or {}).get("zhosts_alive") == 3, 60)
        cluster.zshell(1, "topo", "submit", f"{cluster.folder}/anomaly.mex")
        return run_cases("cluster_isolation", cluster, CASES, sys.argv[1] if len(sys.argv) > 1 else "")
    finally:
        cluster.stop(keep=True)


sys.exit(main())
