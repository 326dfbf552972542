#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a person meets at the command line, with real processes: an installed tree, which configuration is taken, the
folders of a zhost, the shipped configurations together. Prints "N passed, M failed"; one sentence a case."""
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tools"))
from samoza_test_cluster import BIN, Failed, NotRun, free_base, run_cases, wait_for  # noqa: E402


class Home:
    """A home folder of its own, with nothing of the person who runs the tests; ends what was started from it."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="samoza-m-")
        self.base = free_base()
        self.env = {"PATH": os.environ["PATH"], "HOME": self.folder, "LANG": "C.UTF-8"}
        self.started = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in self.started:
            if process.poll() is None:
                process.terminate()
        for process in self.started:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def write(self, path, text):
        path = f"{self.folder}/{path}"
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        return path

    def zhost(self, more=""):
        """A configuration without folders: they are those of this home."""
        return (f"zhost: {{id: z1}}\ncluster: {{id: m, control_plane: 'ws://{self.base}.1:9000/ws'}}\n"
                f"bind: {self.base}.1\ncontrol_plane: {{enabled: true}}\n{more}")

    def run(self, *words, cwd=None, env=None, program=BIN, seconds=60):
        return subprocess.run([f"{program}/{words[0]}", *words[1:]], capture_output=True, text=True, timeout=seconds,
                              check=False, cwd=cwd or self.folder, env=dict(self.env, **(env or {})))

    def start(self, *words, cwd=None, env=None, program=BIN):
        log = f"{self.folder}/startz{len(self.started)}.log"
        with open(log, "wb") as out:
            self.started.append(subprocess.Popen([f"{program}/startz", *words], stdout=out, stderr=out,
                                                 stdin=subprocess.DEVNULL, cwd=cwd or self.folder,
                                                 env=dict(self.env, **(env or {}))))
        return log

    def stop(self):
        self.started[-1].send_signal(signal.SIGTERM)
        self.started[-1].wait(30)

    def wait_up(self, *words, cwd=None, env=None, program=BIN):
        wait_for("zrms is up", lambda: "zrms:\n  status=connected" in self.run(
            "zshell", *words, "status", cwd=cwd, env=env, program=program).stdout, 60)


def events(log, event):
    """Log lines of that event."""
    with open(log, encoding="utf-8", errors="replace") as f:
        return [json.loads(line) for line in f if f'"event":"{event}"' in line]


def an_installed_tree_works_away_from_the_checkout(_):
    build = next((b for b in (os.environ.get("SAMOZA_BUILD", ""), f"{ROOT}/build")
                  if os.path.exists(f"{b}/cmake_install.cmake")), None)
    if build is None:
        raise NotRun("there is no build folder; SAMOZA_BUILD names it")
    with Home() as home:
        installed = subprocess.run(["cmake", "--install", build, "--prefix", f"{home.folder}/first"],
                                   capture_output=True, text=True, check=False)
        assert installed.returncode == 0, installed.stderr[-2000:]
        # Programs find the rest relative to themselves.
        os.rename(f"{home.folder}/first", f"{home.folder}/opt")
        prefix = f"{home.folder}/opt"
        for path in ("bin/startz", "bin/zmesh-controlplane", "bin/zmesh", "bin/zrms", "bin/zrun", "bin/zrun-compile",
                     "bin/zbase", "bin/mex", "bin/zshell", "share/samoza/sdk/c/samoza.h",
                     "share/samoza/sdk/templates/c/spaces/hello/src/hello.c", "share/samoza/configs/samoza_dev.yaml",
                     "share/samoza/deploy/prometheus/alerts.yml", "share/doc/samoza/docs/start.md",
                     "share/doc/samoza/README.md", "lib/systemd/system/samoza@.service"):
            assert os.path.exists(f"{prefix}/{path}"), path
        with open(f"{prefix}/lib/systemd/system/samoza@.service", encoding="utf-8") as f:
            unit = f.read()
        assert f"ExecStart={home.folder}/first/bin/startz -config /etc/samoza/%i.yaml" in unit, unit
        assert "/opt/samoza/" not in unit.replace(home.folder, ""), unit
        here = f"{prefix}/bin"
        for program in ("startz", "zshell", "mex", "zrun"):
            run = home.run(program, "--version", program=here)
            assert run.returncode == 0 and run.stdout.startswith(f"{program} "), (program, run)
        assert "usage: startz" in home.run("startz", "--help", program=here).stdout
        for words in (("mex", "init", "hello"), ("mex", "build", "hello"), ("mex", "verify", "hello.mex")):
            run = home.run(*words, program=here)
            assert run.returncode == 0, (words, run.stdout, run.stderr)
        # And a whole zhost: its children, its module compiler, its shell.
        with open(f"{prefix}/share/samoza/configs/samoza_dev.yaml", encoding="utf-8") as f:
            config = home.write("dev.yaml", f.read().replace("127.0.0.", home.base + "."))
        home.start("-config", config, program=here)
        home.wait_up("--config", config, program=here)
        run = home.run("zshell", "--config", config, "topo", "submit", "hello.mex", program=here)
        assert run.returncode == 0 and "running" in run.stdout, run


def startz_and_zshell_find_the_same_configuration_by_themselves(_):
    with Home() as home:
        none = home.run("startz")
        assert none.returncode == 2, none
        for place in ("SAMOZA_CONFIG", "./zhost.yaml", f"{home.folder}/.config/samoza/zhost.yaml",
                      "/etc/samoza/zhost.yaml", "-config FILE.yaml"):
            assert place in none.stderr, (place, none.stderr)
        missing = home.run("startz", env={"SAMOZA_CONFIG": "nowhere.yaml"})
        assert missing.returncode == 2 and "nowhere.yaml" in missing.stderr, missing
        home.write(".config/samoza/zhost.yaml", home.zhost())
        elsewhere = os.path.dirname(home.write("elsewhere/x", ""))
        override = {"ZMESH_ZHOST_ID": "renamed"}
        log = home.start(cwd=elsewhere, env=override)
        home.wait_up(cwd=elsewhere, env=override)
        started = wait_for("it says which", lambda: events(log, "zhost_started"))[0]
        assert started["config"] == f"{home.folder}/.config/samoza/zhost.yaml", started
        assert started["zhost"] == "renamed" and started["chosen"], started
        status = home.run("zshell", "status", cwd=elsewhere, env=override).stdout
        assert "zhost=renamed" in status, status
        # Its folders are those of the user, so a start from another folder finds the same cluster.
        state = f"{home.folder}/.local/state/samoza/m/renamed"
        assert os.path.exists(f"{state}/run/token") and os.path.exists(f"{state}/state/controlplane.db"), state
        assert os.listdir(elsewhere) == ["x"], os.listdir(elsewhere)


def a_start_with_another_state_folder_is_said_with_both(_):
    with Home() as home:
        config = home.write("zhosts/z.yaml", home.zhost("state_dir: one\nrun_dir: ../r\n"))
        log = home.start("-config", config)
        home.wait_up("--config", config)
        assert os.path.exists(f"{home.folder}/zhosts/one/incarnation"), "relative to the file"
        home.stop()
        assert not events(log, "state_folder_changed")
        home.write("zhosts/z.yaml", home.zhost("state_dir: two\nrun_dir: ../r\n"))
        log = home.start("-config", config)
        said = wait_for("it is said", lambda: events(log, "state_folder_changed"))[0]
        assert said["was"] == f"{home.folder}/zhosts/one" and said["is"] == f"{home.folder}/zhosts/two", said
        assert said["level"] == "warn", said
        home.wait_up("--config", config)
        home.stop()
        log = home.start("-config", config)
        home.wait_up("--config", config)
        assert not events(log, "state_folder_changed"), "once is enough"


def the_shipped_dev_and_edge_configurations_are_one_cluster(_):
    with Home() as home:
        for name in ("samoza_dev.yaml", "samoza_edge.yaml"):
            with open(f"{ROOT}/configs/{name}", encoding="utf-8") as f:
                home.write(name, f.read().replace("127.0.0.", home.base + "."))
            home.start("-config", name)

        def alive():
            listed = home.run("zshell", "--config", "samoza_dev.yaml", "--json", "cluster", "zhosts")
            try:
                return {z["zhost_id"]: z["state"] for z in json.loads(listed.stdout)["zhosts"]}
            except (ValueError, KeyError):
                return {}
        wait_for("both are alive", lambda: alive() == {"dev-node-1": "alive", "edge-node-1": "alive"}, 60)
        peers = wait_for("both are linked", lambda: (lambda said: said if "edge-node-1" in said else None)(
            home.run("zshell", "--config", "samoza_edge.yaml", "mesh", "peers").stdout), 30)
        assert "dev-node-1" in peers, peers


class NoCluster:
    folder = ""

    def stop(self, keep=False):
        pass


if not os.path.exists(f"{BIN}/startz"):
    raise Failed(f"{BIN}/startz is not built")
sys.exit(run_cases("cluster_manners", NoCluster(), [
    an_installed_tree_works_away_from_the_checkout, startz_and_zshell_find_the_same_configuration_by_themselves,
    a_start_with_another_state_folder_is_said_with_both, the_shipped_dev_and_edge_configurations_are_one_cluster],
    sys.argv[1] if len(sys.argv) > 1 else ""))
