#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a zhost does where its disk, its descriptors or its memory are used up: the space that needs them gets
an error, everything else goes on, and all recovers by itself. Needs root (tmpfs, cgroups); exit 77 without.
usage: disk_test.py [case]"""
import os
import resource
import signal
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tools"))
from samoza_test_cluster import BIN, Cluster, build_mex, run_cases, wait_for  # noqa: E402

MIB = 1 << 20
# Stores 16 KiB under a new key each 100 ms and says when the answer changes; goes on after each error.
WRITER = """#include <samoza.h>
static char value[16384];
static char text[64];
static unsigned n;
static int last = 1;
static void store(void) {
  char key[4] = {(char)(n & 63), (char)(n >> 6 & 63), 'k', 'k'};
  int result = data_put(key, sizeof key, value, sizeof value);
  if (result == 0) ++n;
  if (result != last) {
    last = result;
    const char *said = result == 0 ? "put: good" : result == SAMOZA_E_IO ? "put: E_IO"
                     : result == SAMOZA_E_FULL ? "put: E_FULL" : "put: other";
    int length = 0;
    while (said[length]) ++length;
    sys_log(1, said, length);
  }
}
SAMOZA_EXPORT("on_process") int on_process(void) {
  do store();
  while (sys_sleep(100) != SAMOZA_E_CLOSED);
  return 0;
}
"""
# Counts on each 50 ms, without a store.
TICKER = """#include <samoza.h>
SAMOZA_EXPORT("on_process") int on_process(void) { sys_sleep(50); sys_log(1, "tick", 4); return 0; }
"""


def said(cluster, space, text):
    return sum(1 for e in cluster.events("zrun", "guest_log") if e[2]["space"] == space and e[2]["text"] == text)


def ticks(cluster):
    before = said(cluster, "ticker", "tick")
    wait_for("the ticker goes on", lambda: said(cluster, "ticker", "tick") > before + 3)


def running(cluster, name):
    wait_for(f"{name} runs", lambda: (cluster.topology(name) or {}).get("state") == "running", 60)


def starts(cluster):
    """Process ids of the services: the same ones as long as none was restarted."""
    return {s: cluster.pid_of(1, s) for s in ("zmesh-controlplane", "zmesh", "zrms", "zrun", "zbase")}


class Disk:
    """A tmpfs of its own at the cluster's state folder of zhost 1."""

    def __init__(self, cluster, mib):
        self.path = f"{cluster.folder}/s1"
        os.makedirs(self.path, 0o700)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={mib}m,mode=0700", "tmpfs", self.path], check=True)

    def fill(self):
        with open(f"{self.path}/ballast", "ab", buffering=0) as f:
            try:
                while True:
                    f.write(bytes(4096))
            except OSError:
                pass

    def free(self):
        os.unlink(f"{self.path}/ballast")

    def remove(self):
        subprocess.run(["umount", "-l", self.path], check=False)


def a_full_disk_gives_its_space_e_io_and_ends_no_process_and_no_other_space(cluster):
    before = starts(cluster)
    wait_for("the writer writes", lambda: said(cluster, "writer", "put: good") > 0)
    cluster.disk.fill()
    wait_for("the writer hears E_IO", lambda: said(cluster, "writer", "put: E_IO") > 0)
    wait_for("status names the cause", lambda: any(
        "writer" == p["space"] and "space is left" in p.get("reason", "") or "is full" in p.get("reason", "")
        for p in (cluster.topology("disk") or {}).get("placements", [])))
    ticks(cluster)
    assert starts(cluster) == before, (before, starts(cluster))
    assert cluster.events("zrun", "store_has_trouble"), "the log does not say so"
    cluster.disk.free()
    wait_for("the writer writes again", lambda: said(cluster, "writer", "put: good") > 1)
    wait_for("the reason is gone", lambda: not any(
        p.get("reason") for p in (cluster.topology("disk") or {"placements": [{"reason": "?"}]})["placements"]))
    assert starts(cluster) == before, (before, starts(cluster))


def a_zhost_that_is_killed_starts_on_a_full_disk_and_recovers_when_there_is_room(cluster):
    cluster.disk.fill()
    cluster.kill_zhost(1)
    cluster.start(1)
    wait_for("startz runs", lambda: cluster.pid_of(1, "zbase") is not None)
    cluster.disk.free()
    running(cluster, "disk")
    ticks(cluster)


def a_store_past_its_bound_gives_its_space_e_full_and_deletes_nothing(cluster):
    mex = build_mex(cluster.folder, "quota", {
        "keeper": {"guest": WRITER, "space": "store: local\ncapabilities: [sys.log, data.read, data.write]\nlimits: {data: 1MiB}\n"}},
        types={"keeper": "DATA"})
    cluster.zshell(1, "topo", "submit", mex)
    running(cluster, "quota")
    wait_for("the keeper hears E_FULL", lambda: said(cluster, "keeper", "put: E_FULL") > 0, 90)
    assert said(cluster, "keeper", "put: good") > 0
    ticks(cluster)


def shared_folders_stay_as_they_are_and_are_refused_with_the_command_that_mends_it(cluster):
    for key in ("run_dir", "state_dir", "log_dir"):
        for mode in (0o755, 0o1777):
            shared = f"{cluster.folder}/shared-{key}-{mode:o}"
            os.mkdir(shared)
            os.chmod(shared, mode)
            config = f"{cluster.folder}/{key}.yaml"
            with open(cluster.config(1), encoding="utf-8") as f:
                lines = [line for line in f.read().splitlines() if not line.startswith(key)]
            folders = {"run_dir": "r9", "state_dir": "s9", "log_dir": "l9"}
            lines = [f"{line.split(':')[0]}: {cluster.folder}/{folders[line.split(':')[0]]}"
                     if line.split(":")[0] in folders else line for line in lines]
            with open(config, "w", encoding="utf-8") as f:
                f.write("\n".join(lines + [f"{key}: {shared}", ""]))
            run = subprocess.run([f"{BIN}/startz", "-config", config], capture_output=True, text=True, timeout=30,
                                 check=False)
            assert run.returncode == 1 and key in run.stderr and f"chmod 700 {shared}" in run.stderr, run
            assert os.stat(shared).st_mode & 0o7777 == mode, oct(os.stat(shared).st_mode)


def too_few_descriptors_are_named_before_anything_starts(cluster):
    config = f"{cluster.folder}/few.yaml"
    with open(cluster.config(1), encoding="utf-8") as f:
        text = f.read()
    for part in ("r1", "s1", "l1"):
        text = text.replace(f"{cluster.folder}/{part}", f"{cluster.folder}/few-{part}")
    with open(config, "w", encoding="utf-8") as f:
        f.write(text)
    run = subprocess.run([f"{BIN}/startz", "-config", config], capture_output=True, text=True, timeout=30, check=False,
                         preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64)))
    assert run.returncode == 1, run
    for word in ("limit of open files is 64", "256", "ulimit -n", "LimitNOFILE"):
        assert word in run.stderr, run.stderr


def more_data_spaces_than_descriptors_all_run_and_http_answers(cluster):
    other = Cluster(count=1, prepare=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (256, 300)))
    try:
        other.start(1)
        wait_for("it is alive", lambda: (other.ask_any(7331, "GET", "/v1/cluster") or {}).get("zhosts_alive") == 1, 60)
        names = [f"d{n}" for n in range(150)]
        mex = build_mex(other.folder, "many", {n: {
            "guest": WRITER, "space": "store: local\ncapabilities: [sys.log, data.read, data.write]\nlimits: {memory: 1MiB}\n"}
            for n in names}, types={n: "DATA" for n in names})
        other.zshell(1, "topo", "submit", mex)
        running(other, "many")
        for space in names:
            wait_for(f"{space} stores", lambda s=space: said(other, s, "put: good") > 0, 60)
        assert not any(said(other, space, "put: E_IO") for space in names), "a store had no descriptor"
        for port in (9200, 7331, 8080, 7071):
            assert other.answer(1, port, "GET", "/healthz")[0] == 200
        open_files = len(os.listdir(f"/proc/{other.pid_of(1, 'zrun')}/fd"))
        assert open_files < 300, open_files
    finally:
        other.stop()


def the_memory_of_a_zhost_is_the_bound_of_its_cgroup(cluster):
    group = "/sys/fs/cgroup/memory/samoza-test-" + os.path.basename(cluster.folder)
    files = {"limit": f"{group}/memory.limit_in_bytes", "procs": f"{group}/cgroup.procs"}
    if not os.path.exists("/sys/fs/cgroup/memory"):
        group = "/sys/fs/cgroup/samoza-test-" + os.path.basename(cluster.folder)
        files = {"limit": f"{group}/memory.max", "procs": f"{group}/cgroup.procs"}
    try:
        os.mkdir(group)
        with open(files["limit"], "w", encoding="ascii") as f:
            f.write(str(512 * MIB))
    except OSError as no:
        print(f"not run: no memory cgroup can be made here ({no})")
        return

    def enter():
        with open(files["procs"], "w", encoding="ascii") as f:
            f.write(str(os.getpid()))
    other = Cluster(count=1, prepare=enter)
    try:
        other.start(1)
        wait_for("it is alive", lambda: (other.ask_any(7331, "GET", "/v1/cluster") or {}).get("zhosts_alive") == 1, 60)
        wait_for("its memory is the bound", lambda: "512" in other.zshell(1, "cluster", "zhosts").stdout)
        mex = build_mex(other.folder, "large", {f"l{n}": {"guest": TICKER, "space": "limits: {memory: 200MiB}\n"}
                                                for n in range(4)})
        run = other.zshell(1, "topo", "submit", mex, check=False)
        assert run.returncode != 0 and "of 512" in run.stdout + run.stderr, (run.stdout, run.stderr)
    finally:
        other.stop()
        wait_for("its processes are gone", lambda: not open(files["procs"], encoding="ascii").read().strip())
        os.rmdir(group)


CASES = [a_full_disk_gives_its_space_e_io_and_ends_no_process_and_no_other_space,
         a_zhost_that_is_killed_starts_on_a_full_disk_and_recovers_when_there_is_room,
         a_store_past_its_bound_gives_its_space_e_full_and_deletes_nothing,
         shared_folders_stay_as_they_are_and_are_refused_with_the_command_that_mends_it,
         too_few_descriptors_are_named_before_anything_starts, more_data_spaces_than_descriptors_all_run_and_http_answers,
         the_memory_of_a_zhost_is_the_bound_of_its_cgroup]


def main():
    if os.geteuid() != 0:
        print("disk_test: not run: needs root for tmpfs and cgroups")
        return 77
    cluster = Cluster(count=1)
    cluster.disk = Disk(cluster, 48)
    try:
        mex = build_mex(cluster.folder, "disk", {
            "writer": {"guest": WRITER, "space": "store: local\ncapabilities: [sys.log, data.read, data.write]\n"},
            "ticker": {"guest": TICKER}}, types={"writer": "DATA"})
        cluster.start(1)
        wait_for("the zhost is alive",
                 lambda: (cluster.ask_any(7331, "GET", "/v1/cluster") or {}).get("zhosts_alive") == 1, 60)
        cluster.zshell(1, "topo", "submit", mex)
        running(cluster, "disk")
        return run_cases("cluster_disk", cluster, CASES, sys.argv[1] if len(sys.argv) > 1 else "")
    finally:
        cluster.disk.remove()
        cluster.stop(keep=True)


sys.exit(main())
