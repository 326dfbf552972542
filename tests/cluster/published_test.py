#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The published commands on one real zhost: the prompt of zshell, its addresses, mex, and what an application
goes through from its sources to a space that runs. Prints "N passed, M failed"; one sentence a case."""
import os
import pty
import re
import select
import shutil
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tools"))
from samoza_test_cluster import BIN, Cluster, run_cases, wait_for  # noqa: E402


def mex(*words, expect=0):
    run = subprocess.run([f"{BIN}/mex", *words], capture_output=True, text=True, check=False)
    assert run.returncode == expect, (words, run.stdout, run.stderr)
    return run.stdout + run.stderr


def read_until(terminal, text, seconds=20):
    heard, end = "", time.monotonic() + seconds
    while text not in heard:
        ready, _, _ = select.select([terminal], [], [], max(0, end - time.monotonic()))
        assert ready, f"no {text!r} in {heard!r}"
        heard += os.read(terminal, 65536).decode(errors="replace")
    return heard


def r_shell_1_the_prompt_counts_from_0(cluster):
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ["HOME"] = cluster.folder
        os.execv(f"{BIN}/zshell", ["zshell", "--config", cluster.config(1)])
    try:
        read_until(terminal, "zshell[0] >> ")
        os.write(terminal, b"mesh\n")
        read_until(terminal, "zshell[1] >> ")
        os.write(terminal, b"exit\n")
        _, status = os.waitpid(pid, 0)
        pid = 0
        assert os.waitstatus_to_exitcode(status) == 0, status
    finally:
        os.close(terminal)
        if pid:
            os.kill(pid, 9)
            os.waitpid(pid, 0)


# R-SHELL-2..6: the groups of status as a real zhost fills them; R-DEC-1. R-SVC-5: zbase lists the services.
def r_shell_20_status_cluster_and_mesh_peers_show_a_well_zhost(cluster):
    status = cluster.zshell(1, "status").stdout
    for word in ("zshell:\n  zbase=connected assistant=disabled uptime=", "zmesh:\n  status=connected zhost=zhost-1 "
                 "mode=super connections=0", "zrms:\n  status=connected zhost=zhost-1 mode=super topologies=",
                 "zrun:\n  status=connected spaces="):
        assert word in status, (word, status)
    assert "zhosts: 1 of 1 alive" in cluster.zshell(1, "cluster").stdout
    assert "zhost-1" in cluster.zshell(1, "mesh", "peers").stdout
    services = wait_for("zbase knows them", lambda: {
        s["name"]: s for s in (cluster.ask(1, 7071, "GET", "/v1/services") or {}).get("services", [])}, 10)
    for name, port in (("zmesh", 9200), ("zrms", 7331), ("zrun", 8080), ("zmesh-controlplane", 9000)):
        scheme = "https" if port == 9000 else "http"
        assert services[name]["url"] == f"{scheme}://{cluster.ip(1)}:{port}" and services[name]["health"] == "up", services


# R-SVC-6, R-HTTP-4: without any, zshell asks the published ports on 127.0.0.1.
def r_env_5_the_address_of_each_service_can_be_changed_by_the_environment(cluster):
    here = {"ZSHELL_ZMESH": 9200, "ZSHELL_ZRMS": 7331, "ZSHELL_ZRUN": 8080, "ZSHELL_ZBASE": 7071}

    with open(f"{cluster.folder}/token", "w", encoding="utf-8") as f:
        f.write(cluster.token(1) + "\n")  # as an editor or `echo` leaves it

    def status(but=""):
        env = dict(os.environ, ZSHELL_TOKEN_FILE=f"{cluster.folder}/token")
        for name, port in here.items():
            env[name] = f"http://{cluster.ip(1)}:{1 if name == but else port}"
        return subprocess.run([f"{BIN}/zshell", "status"], env=env, capture_output=True, text=True, check=False).stdout
    assert status().count("connected") >= 4, status()
    for name in here:
        lost = status(name)
        assert "unreachable" in lost, (name, lost)
        service = name.replace("ZSHELL_", "").lower()
        assert ("zbase=unreachable" if service == "zbase" else f"{service}:\n  status=unreachable") in lost, lost
    run = subprocess.run([f"{BIN}/zshell", "mesh"], capture_output=True, text=True, check=False,
                         env=dict(os.environ, ZSHELL_ZMESH="https://x"))
    assert run.returncode == 2 and "ZSHELL" not in run.stdout, run


# R-SVC-8, R-MEX-13 (sources stay out), R-MEX-20 (compiled to core.wasm), R-MEX-1 (extension and form).
def r_mex_22_mex_build_packs_hashes_and_signs_what_mex_validate_found_good(cluster):
    folder, out = f"{cluster.folder}/app", f"{cluster.folder}/build/app.mex"
    os.makedirs(os.path.dirname(out))
    mex("init", folder)
    mex("build", folder, "-o", out)
    mex("validate", folder)
    shown = subprocess.run(["python3", "-m", "zipfile", "-l", out], capture_output=True, text=True, check=True).stdout
    for name in ("manifest.yaml", "topology.yaml", "spaces/hello/space.yaml", "spaces/hello/core.wasm"):
        assert name in shown, (name, shown)
    assert "hello.c" not in shown and "src" not in shown, shown
    mex("keygen", f"{cluster.folder}/key")
    mex("build", folder, "-o", out, "--key", f"{cluster.folder}/key")
    assert "signed by" in mex("verify", out)
    with open(f"{folder}/topology.yaml", encoding="utf-8") as f:
        good = f.read()
    for rule, wrong, words in (("b", good.replace("- name: hello", "- name: other"), "other"),
                               ("d", good.replace("to: hello}", "to: nowhere}"), "nowhere"),
                               ("e", good.replace("type: CALL", "type: BOAT"), "BOAT")):
        with open(f"{folder}/topology.yaml", "w", encoding="utf-8") as f:
            f.write(wrong)
        assert words in mex("validate", folder, expect=1), rule
    with open(f"{folder}/topology.yaml", "w", encoding="utf-8") as f:
        f.write(good)


# R-SPACE-5: a CALL space. R-ABI-4: a module of clang. R-MEX-23, R-ABI-23: on_init's line is in the log; R-SPACE-8: memory, mailbox and instance of its own are shown.
def r_shell_14_an_application_is_submitted_and_runs(cluster):
    shown = cluster.zshell(1, "topo", "submit", f"{cluster.folder}/build/app.mex").stdout
    for word in ("app.mex", "ID: ", "Name: app", "State: pending", "Spaces: hello", "running"):
        assert word in shown, (word, shown)
    wait_for("it says hello", lambda: "hello" in cluster.zshell(1, "spaces", "logs", "app/hello", check=False).stdout)
    view = cluster.ask(1, 8080, "GET", "/v1/spaces/hello")
    assert view["state"] == "running" and int(view["epoch"]) == 1 and view["topology"] == "app", view
    assert int(view["memory_limit_bytes"]) > 0 and int(view["mailbox_messages_limit"]) > 0, view


# R-OPS-1: the way out of today: stop, then submit or start again. R-SHELL-16.
def r_topo_12_a_topology_that_is_stopped_is_unloaded(cluster):
    cluster.zshell(1, "topo", "stop", "app")
    assert cluster.topology("app")["state"] == "stopped"
    assert not (cluster.ask(1, 8080, "GET", "/v1/spaces") or {}).get("spaces")
    cluster.zshell(1, "topo", "start", "app")
    cluster.zshell(1, "topo", "delete", "app", "--yes")


def every_metric_that_deploy_names_is_exported_by_a_zhost(cluster):
    named = set()
    for file in ("prometheus/alerts.yml", "grafana/samoza.json"):
        with open(f"{ROOT}/deploy/{file}", encoding="utf-8") as f:
            named |= set(re.findall(r"\bsamoza_[a-z_]+[a-z]", f.read()))
    def exported(port, path):
        text = cluster.get(1, port, path)
        return text, set(re.findall(r"^(samoza_\w+?)(?:\{[^}]*\})? ", text, re.M))
    whole, gathered = exported(7071, "/metrics/zhost")
    assert len(named) > 20 and named <= gathered, named - gathered
    for service, port, path in (("controlplane", 9000, ""), ("zmesh", 9200, ""), ("zrms", 7331, ""), ("zrun", 8080, ""),
                                ("zbase", 7071, ""), ("startz", 7071, "/startz")):
        assert exported(port, path + "/metrics")[1] <= gathered, service
        assert f'samoza_service_up{{service="{service}"}} 1\n' in whole, service
        assert re.search(f'^samoza_build_info{{service="{service}",version="[0-9.]+"}} 1$', whole, re.M), service
    assert re.search('^samoza_zrun_space_info{service="zrun",topology="app",space="[^"]+",.*state="running"', whole, re.M), whole
    if shutil.which("promtool"):
        check = subprocess.run(["promtool", "check", "metrics"], input=whole, capture_output=True, text=True, check=False)
        assert "error while linting" not in check.stderr and check.returncode in (0, 3), check.stderr


def every_program_says_its_usage_and_its_version(_):
    for name in ("startz", "zmesh-controlplane", "zmesh", "zrms", "zrun", "zbase", "zshell", "mex"):
        for flag, word in (("--help", "config" if name != "mex" else "validate"), ("--version", f"{name} 0.")):
            run = subprocess.run([f"{BIN}/{name}", flag], capture_output=True, text=True, check=False)
            assert run.returncode == 0 and word in run.stdout and not run.stderr, (name, flag, run)


CASES = [every_program_says_its_usage_and_its_version, r_shell_1_the_prompt_counts_from_0, r_shell_20_status_cluster_and_mesh_peers_show_a_well_zhost,
         r_env_5_the_address_of_each_service_can_be_changed_by_the_environment,
         r_mex_22_mex_build_packs_hashes_and_signs_what_mex_validate_found_good,
         r_shell_14_an_application_is_submitted_and_runs, every_metric_that_deploy_names_is_exported_by_a_zhost, r_topo_12_a_topology_that_is_stopped_is_unloaded]


def main():
    cluster = Cluster(count=1)
    try:
        cluster.start(1)
        wait_for("the zhost is alive",
                 lambda: (cluster.ask_any(7331, "GET", "/v1/cluster") or {}).get("zhosts_alive") == 1, 60)
        return run_cases("cluster_published", cluster, CASES, sys.argv[1] if len(sys.argv) > 1 else "")
    finally:
        cluster.stop(keep=True)
        shutil.rmtree(f"{cluster.folder}/app", ignore_errors=True)


sys.exit(main())
