#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a person meets at the command line, with real processes: an installed tree, which configuration is taken, the
folders of a zhost, the shipped configurations together. Prints "N passed, M failed"; one sentence a case."""
import json
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time

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
                     "share/doc/samoza/README.md",
                     "share/bash-completion/completions/zshell", "share/zsh/site-functions/_zshell", "lib/systemd/system/samoza@.service"):
            assert os.path.exists(f"{prefix}/{path}"), path
        with open(f"{prefix}/lib/systemd/system/samoza@.service", encoding="utf-8") as f:
            unit = f.read()
        assert f"ExecStart={home.folder}/first/bin/startz -config /etc/samoza/%i.yaml" in unit, unit
        assert "/opt/samoza/" not in unit.replace(home.folder, ""), unit
        with open(f"{prefix}/share/bash-completion/completions/zshell", encoding="utf-8") as f:
            assert f.read() == home.run("zshell", "completion", "bash").stdout
        here = f"{prefix}/bin"
        for program in ("startz", "zshell", "mex", "zrun"):
            run = home.run(program, "--version", program=here)
            assert run.returncode == 0 and run.stdout.startswith(f"{program} "), (program, run)
        assert "usage: startz" in home.run("startz", "--help", program=here).stdout
        wrong = home.run("mex", "biuld", "hello", program=here)
        assert wrong.returncode == 2 and "did you mean 'build'?" in wrong.stderr, wrong
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
        # What is too large is said by whoever takes it in, also where the leader is another zhost.
        assert home.run("mex", "init", "big").returncode == 0
        with open(f"{home.folder}/big/spaces/hello/space.yaml", "a", encoding="utf-8") as f:
            f.write(f"config: {{large: {os.urandom(3_000_000).hex()}}}\n")
        assert home.run("mex", "build", "big").returncode == 0
        for config in ("samoza_dev.yaml", "samoza_edge.yaml"):
            run = home.run("zshell", "--config", config, "topo", "submit", "big.mex")
            for word in ("big.mex", "topology 'big'", "2883584 are allowed", "space 'hello'"):
                assert run.returncode == 1 and word in run.stdout, (config, word, run.stdout[:500])
            assert "frame" not in run.stdout, run.stdout[:500]


class Terminal:
    """A program on a terminal of its own."""

    def __init__(self, home, *words, env=None):
        self.heard = ""
        whole = {**home.env, "TERM": "xterm", **(env or {})}
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            try:
                os.chdir(home.folder)
                os.execve(f"{BIN}/{words[0]}", list(words), whole)
            finally:
                os._exit(127)

    def read_until(self, *texts, seconds=60):
        """What came until all of the texts had come, in any order."""
        end = time.monotonic() + seconds
        while not all(text in self.heard for text in texts):
            ready, _, _ = select.select([self.fd], [], [], max(0, end - time.monotonic()))
            assert ready, f"no {texts} in {self.heard!r}"
            try:
                self.heard += os.read(self.fd, 65536).decode(errors="replace")
            except OSError:
                assert all(text in self.heard for text in texts), f"ended without {texts}: {self.heard!r}"
        heard, self.heard = self.heard, ""
        return heard

    def write(self, keys):
        os.write(self.fd, keys)

    def end(self, number=None):
        """Its exit code; with a signal first, if one is given."""
        if number is not None:
            os.kill(self.pid, number)
        while True:  # what it still says must not hold it up
            ready, _, _ = select.select([self.fd], [], [], 30)
            try:
                if not ready or not os.read(self.fd, 65536):
                    break
            except OSError:
                break
        _, status = os.waitpid(self.pid, 0)
        os.close(self.fd)
        return os.waitstatus_to_exitcode(status)


def an_ordinary_start_on_a_terminal_ends_in_one_ready_line_and_no_warning(_):
    with Home() as home:
        with open(f"{ROOT}/configs/samoza_dev.yaml", encoding="utf-8") as f:
            config = home.write("dev.yaml", f.read().replace("127.0.0.", home.base + "."))
        terminal = Terminal(home, "startz", "-config", "dev.yaml")
        said = terminal.read_until(f"zhost dev-node-1 is ready: zmesh http://{home.base}.1:9200", "status` asks it")
        for service, port in (("zrms", 7331), ("zrun", 8080), ("zbase", 7071)):
            assert f"{service} http://{home.base}.1:{port}" in said, (service, said)
        assert f"startz: configuration {config} (as --config says)" in said, said
        status = home.run("zshell", "--config", "dev.yaml", "status").stdout
        uptime = re.search(r"uptime=(\S+)", status)
        assert uptime and re.fullmatch(r"(\d+m)?\d+s", uptime.group(1)), status
        os.kill(terminal.pid, signal.SIGTERM)
        said += terminal.read_until("zmesh-controlplane\",\"code\":0")
        assert terminal.end() == 0
        lines = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
        # How long a task takes is the machine's affair while tests share it.
        wrong = [e for e in lines if e["level"] in ("warn", "error") and e["event"] != "loop_stall"]
        assert not wrong and len(lines) > 10, wrong


def ctrl_c_at_the_prompt_drops_the_line_and_ctrl_d_ends_the_shell(_):
    with Home() as home:
        config = home.write("z.yaml", home.zhost())
        for end in (b"\x04", b"exit\n"):
            terminal = Terminal(home, "zshell", "--config", config)
            terminal.read_until("zshell[0] >> ")
            terminal.write(b"topo delete everyth\x1b[D\x1b[D")
            terminal.read_until("everyth", "\x08\x08")  # both keys whole: half of one would swallow the next
            terminal.write(b"\x03")
            terminal.read_until("^C", "zshell[0] >> ")
            terminal.write(b"help\n")
            said = terminal.read_until("topo submit", "zshell[1] >> ")
            assert "no command" not in said, said
            terminal.write(b"\x03\x03")
            terminal.read_until("zshell[1] >> ")
            terminal.write(end)
            assert terminal.end() == 0, end


def completion(home, line, names):
    """What bash would offer for the line."""
    script = (f'PATH={BIN}:$PATH; eval "$(zshell completion bash)"; complete -p zshell > /dev/null || exit 9; '
              f'COMP_WORDS=({line}); COMP_CWORD=$(( ${{#COMP_WORDS[@]}} - 1 )); _zshell; '
              'compgen -W "${COMPREPLY[*]}" | sort')
    run = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False, cwd=home.folder,
                         env=dict(home.env, SAMOZA_CONFIG="z.yaml"), timeout=30)
    assert run.returncode == 0, run.stderr
    offered = run.stdout.split()
    assert set(names) <= set(offered), (line, names, offered)
    return offered


def completion_knows_commands_options_and_the_names_of_the_running_zhost(_):
    with Home() as home:
        home.write("z.yaml", home.zhost())
        assert completion(home, "zshell topo st", ("start", "status", "stop"))
        assert not completion(home, "zshell topo status ''", ()), "no zhost, no names"
        home.start("-config", "z.yaml")
        home.wait_up("--config", "z.yaml")
        for words in (("mex", "init", "pump"), ("mex", "build", "pump"), ("zshell", "topo", "submit", "pump.mex")):
            run = home.run(*words, env={"SAMOZA_CONFIG": "z.yaml"})
            assert run.returncode == 0, (words, run.stdout, run.stderr)
        completion(home, "zshell topo status ''", ("pump",))
        assert completion(home, "zshell topo status --", ("--watch", "--json"))
        completion(home, "zshell --config z.yaml topo restart pump ''", ("hello",))
        completion(home, "zshell spaces pump/", ("pump/hello",))
        assert completion(home, "zshell mesh ping ''", ("z1",)) == ["z1"]
        assert "zshell" in home.run("zshell", "completion", "zsh").stdout
        # A topology by the beginning of its id, whatever the command; a name that is nearly right.
        listed = json.loads(home.run("zshell", "--config", "z.yaml", "--json", "topo").stdout)
        identity = listed["topologies"][0]["id"]
        assert completion(home, f"zshell topo status {identity[:6]}", (identity,)) == [identity]
        for words in (("topo", "status", identity[:4]), ("spaces", f"{identity[:8]}/hello"),
                      ("logs", f"{identity[:5]}/hello"), ("topo", "history", identity[:6])):
            run = home.run("zshell", "--config", "z.yaml", *words)
            assert run.returncode == 0, (words, run.stdout)
        for words, meant in ((("topo", "status", "pmup"), "pump"), (("spaces", "pump/helo"), "hello"),
                             (("spaces", "helol"), "hello"), (("mesh", "ping", "z11"), "z1"),
                             (("cluster", "forget", "z2"), "z1"), (("logs", "pmup/hello"), "pump"),
                             (("topo", "delete", "pumpp", "--yes"), "pump")):
            run = home.run("zshell", "--config", "z.yaml", *words)
            assert run.returncode != 0 and f"did you mean '{meant}'?" in run.stdout, (words, run.stdout)
        # Numbers are numbers.
        status = json.loads(home.run("zshell", "--config", "z.yaml", "--json", "status").stdout)
        assert isinstance(status["zrms"]["term"], int) and isinstance(status["zrun"]["uptime_ms"], int), status


def colours_are_for_terminals_unless_they_are_asked_for(_):
    with Home() as home:
        home.write("z.yaml", home.zhost())
        home.start("-config", "z.yaml")
        home.wait_up("--config", "z.yaml")
        project = home.run("mex", "init", "loud")
        assert project.returncode == 0, project
        source = f"{home.folder}/loud/spaces/hello/src/hello.c"
        with open(source, encoding="utf-8") as f:
            text = f.read()
        with open(source, "w", encoding="utf-8") as f:
            f.write(text.replace("sys_log(1,", "sys_log(3,"))  # an error
        for words in (("mex", "build", "loud"), ("zshell", "--config", "z.yaml", "topo", "submit", "loud.mex")):
            run = home.run(*words)
            assert run.returncode == 0, (words, run.stdout, run.stderr)
        words = ("zshell", "--config", "z.yaml", "logs", "loud/hello")
        wait_for("it has said something", lambda: home.run(*words).stdout, 30)
        for more, env, coloured in (((), {}, False), (("--color", "always"), {}, True),
                                    (("--color=always",), {"NO_COLOR": "1"}, True)):
            assert ("\033[" in home.run(*words, *more, env=env).stdout) == coloured, (more, env)
        for more, env, coloured in (((), {}, True), ((), {"NO_COLOR": "1"}, False), ((), {"TERM": "dumb"}, False),
                                    (("--color", "never"), {}, False)):
            terminal = Terminal(home, *words, *more, env=env)
            assert ("\033[" in terminal.read_until("\n")) == coloured, (more, env)
            terminal.end()
        wrong = home.run("zshell", "--color", "blue", "status")
        assert wrong.returncode == 2 and "always, never or auto" in wrong.stderr, wrong


class NoCluster:
    folder = ""

    def stop(self, keep=False):
        pass


if not os.path.exists(f"{BIN}/startz"):
    raise Failed(f"{BIN}/startz is not built")
sys.exit(run_cases("cluster_manners", NoCluster(), [
    an_installed_tree_works_away_from_the_checkout, startz_and_zshell_find_the_same_configuration_by_themselves,
    a_start_with_another_state_folder_is_said_with_both, the_shipped_dev_and_edge_configurations_are_one_cluster,
    an_ordinary_start_on_a_terminal_ends_in_one_ready_line_and_no_warning,
    ctrl_c_at_the_prompt_drops_the_line_and_ctrl_d_ends_the_shell,
    completion_knows_commands_options_and_the_names_of_the_running_zhost,
    colours_are_for_terminals_unless_they_are_asked_for],
    sys.argv[1] if len(sys.argv) > 1 else ""))
