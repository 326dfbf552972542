#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The pages for a newcomer, as commands: each is run line by line in a folder of its own, and what a page shows as
output must come. Numbers, ids and times may differ; loopback addresses are those of the test. Prints "N passed, M
failed"; one sentence a case."""
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tools"))
from samoza_test_cluster import BIN, Failed, free_base, run_cases, wait_for  # noqa: E402

COMMAND = re.compile(r"(bin/|export |curl |kill )")
# Asked again until it shows what the page shows: the cluster needs a moment.
ASKS_ONLY = re.compile(r"bin/zshell .*?(status|zhosts|ping|peers|spaces|logs)")


class Shell:
    """A shell in a folder with the programs and configurations of the checkout, on addresses of its own."""

    def __init__(self):
        self.base, self.folder = free_base(), tempfile.mkdtemp(prefix="samoza-docs-")
        os.symlink(BIN, f"{self.folder}/bin")
        os.makedirs(f"{self.folder}/configs")
        for name in os.listdir(f"{ROOT}/configs"):
            with open(f"{ROOT}/configs/{name}", encoding="utf-8") as f:
                text = self.here(f.read())
            with open(f"{self.folder}/configs/{name}", "w", encoding="utf-8") as f:
                f.write(text)
        env = dict(os.environ, HOME=self.folder)
        env.pop("XDG_STATE_HOME", None)
        self.bash = subprocess.Popen(["bash"], cwd=self.folder, env=env, stdin=subprocess.PIPE, stderr=subprocess.STDOUT,
                                     stdout=subprocess.PIPE, text=True, bufsize=1)

    def here(self, text):
        return text.replace("127.0.0.", self.base + ".")

    def run(self, command):
        self.bash.stdin.write(f"{self.here(command)}\necho \"\n== $?\"\n")
        self.bash.stdin.flush()
        said = ""
        while not (end := re.search(r"^== (\d+)\n", said, re.M)):
            line = self.bash.stdout.readline()
            assert line, f"the shell ended in: {command}\n{said}"
            said += line
        return said[:end.start()], int(end.group(1))

    def zhost(self, config):
        """The processes of the zhost of that configuration, startz first."""
        found = []
        for pid in (p for p in os.listdir("/proc") if p.isdigit()):
            try:
                with open(f"/proc/{pid}/cmdline", encoding="utf-8", errors="replace") as f:
                    words = f.read().split("\0")
                if any(w.endswith(config) for w in words) and os.readlink(f"/proc/{pid}/cwd").startswith(self.folder):
                    found.append((not words[0].endswith("startz"), int(pid)))
            except OSError:
                pass
        return [pid for _, pid in sorted(found)]

    def stop(self, keep=False):
        self.bash.stdin.close()
        for config in os.listdir(f"{self.folder}/configs"):
            for pid in self.zhost(config):
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
        self.bash.wait()
        if not keep:
            shutil.rmtree(self.folder, ignore_errors=True)


def chunks_of(page, without=()):
    """The indented blocks, cut at empty lines; those of the sections `without` are left out."""
    with open(f"{ROOT}/{page}", encoding="utf-8") as f:
        text = f.read()
    for section in re.split(r"^(?=## )", text, flags=re.M):
        if not section.startswith(tuple(f"## {name}" for name in without)):
            for chunk in re.findall(r"(?:^ {4}.*\n)+", section, re.M):
                yield re.sub(r"^ {4}", "", chunk, flags=re.M)


def shows(said, expected):
    """Whether the words of each expected line come in this order in one line of `said`, but for digits, sizes, ids."""
    def words(line):
        return [re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}|\d+(\.\d+)?([KMG]iB)?", "#", word) for word in line.split()]
    lines = [words(line) for line in said.splitlines()]
    return all(words(line) in lines for line in expected.splitlines() if line.strip())


def follow(shell, page, without=()):
    last, said, ran, shown = "", "", 0, 0
    for chunk in chunks_of(page, without):
        if COMMAND.match(chunk):
            for command in re.split(r"(?<!\\)\n(?! )", chunk.strip()):
                last = command
                said, code = shell.run(command)
                if code != 0 and ASKS_ONLY.match(command):
                    said, code = wait_for(f"{page}: `{command}`", lambda c=command: (
                        lambda answer: answer if answer[1] == 0 else None)(shell.run(c)), 90)
                assert code == 0, (command, said)
                ran += 1
                if (zhost := re.match(r"bin/startz -config (\S+)", command)):
                    wait_for(f"{command} answers", lambda z=zhost.group(1): "zrms:\n  status=connected" in shell.run(
                        f"bin/zshell --config {z} status")[0], 30)
        elif last and "{" not in chunk:  # code of a guest is no output
            if not shows(said, chunk) and ASKS_ONLY.match(last):
                wait_for(f"{page}: `{last}` shows:\n{chunk}", lambda c=last, e=chunk: shows(shell.run(c)[0], e), 90)
            else:
                assert shows(said, chunk), f"{page}: `{last}` does not show\n{chunk}\nbut\n{said}"
            shown += 1
    return ran, shown


def start_leads_from_a_zhost_to_a_space_that_has_a_message(_):
    shell = Shell()
    try:
        ran, shown = follow(shell, "docs/start.md", without=("Build", "Clean up"))
        assert ran >= 9 and shown >= 2, (ran, shown)
        wait_for("the message is in the log", lambda: "good morning" in shell.run(
            "bin/zshell spaces logs hello/hello")[0], 20)
        ran, _ = follow(shell, "docs/start.md", without=("Build", "Run", "Write", "Send", "Next"))
        assert ran == 3, ran
        wait_for("startz has ended", lambda: not shell.zhost("samoza_dev.yaml"), 30)
    finally:
        shell.stop()


def second_zhost_adds_one_loses_it_and_takes_it_out(_):
    shell = Shell()
    try:
        follow(shell, "docs/how-to/second-zhost.md", without=("5.",))
        wait_for("it is lost", lambda: "unavailable" in shell.run(
            "bin/zshell --config configs/samoza_cloud.yaml cluster zhosts")[0], 30)
        said, code = shell.run("bin/zshell --config configs/samoza_cloud.yaml cluster forget edge-node-1")
        assert code == 0, said
        wait_for("it is no member any more", lambda: "edge-node-1" not in shell.run(
            "bin/zshell --config configs/samoza_cloud.yaml cluster zhosts")[0], 30)
    finally:
        shell.stop()


class NoCluster:
    folder = ""

    def stop(self, keep=False):
        pass


if not os.path.exists(f"{BIN}/startz"):
    raise Failed(f"{BIN}/startz is not built")
sys.exit(run_cases("cluster_docs", NoCluster(), [start_leads_from_a_zhost_to_a_space_that_has_a_message,
                                                 second_zhost_adds_one_loses_it_and_takes_it_out],
                   sys.argv[1] if len(sys.argv) > 1 else ""))
