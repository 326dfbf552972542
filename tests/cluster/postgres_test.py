#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A whole cluster whose records are in PostgreSQL, and the database away for a while (S12):
nothing is declared dead, `status` says why, everything runs on, and goes on when it is back. Ends with 77
("not run") where PostgreSQL's server is not installed."""
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tools"))
from demo import build_application  # noqa: E402
from samoza_test_cluster import Cluster, Page, run_cases, wait_for  # noqa: E402

RATE = 1000


def server_programs():
    try:
        folder = subprocess.run(["pg_config", "--bindir"], capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None
    return folder if os.path.exists(f"{folder}/initdb") else None


class Postgres:
    """A server of this test alone: its own folder and Unix socket, no port."""

    def __init__(self, programs):
        self.programs = programs
        self.folder = tempfile.mkdtemp(prefix="samoza-pg-")
        self.as_user = []
        if os.geteuid() == 0:  # the server refuses to run as root
            self.as_user = ["runuser", "-u", "postgres", "--"]
            os.chown(self.folder, pwd.getpwnam("postgres").pw_uid, -1)
        self.run("initdb", "-A", "trust", "-U", "samoza", "-N", "-D", f"{self.folder}/data")
        self.start()
        self.sql("postgres", "CREATE DATABASE samoza")

    def run(self, program, *words):
        return subprocess.run([*self.as_user, f"{self.programs}/{program}", *words], check=True, cwd="/",
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, timeout=60).stdout

    def control(self, *words):
        # The server keeps what it inherits, so its output goes to its own log, not to our pipe.
        subprocess.run([*self.as_user, f"{self.programs}/pg_ctl", "-w", "-D", f"{self.folder}/data", "-l",
                        f"{self.folder}/log", *words], check=True, cwd="/", stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, timeout=60)

    def start(self):
        self.control("start", "-o", f"-k {self.folder} -c listen_addresses=")

    def stop(self):
        self.control("stop", "-m", "immediate")

    def sql(self, database, text):
        return self.run("psql", "-h", self.folder, "-U", "samoza", "-d", database, "-Atc", text).strip()


class DatabaseCluster(Cluster):
    """Three zhosts; the control plane of the first one has its records in `postgres`."""

    def __init__(self, postgres):
        super().__init__()
        self.postgres = postgres
        with open(self.config(1), encoding="utf-8") as f:
            text = f.read()
        store = f'store: postgres, postgres: "host={postgres.folder} user=samoza dbname=samoza"'
        with open(self.config(1), "w", encoding="utf-8") as f:
            f.write(text.replace("store: sqlite", store))

        self.before, self.gone = {}, 0.0

    def placements(self):
        return {p["space"]: (p["zhost"], p["epoch"]) for p in self.topology("anomaly")["placements"]}

    def results(self):
        """What the store counted, as the page of the dashboard shows it."""
        def attempt():
            for n in (1, 2, 3):
                try:
                    page = Page(self, n, "anomaly", "dashboard")
                    try:
                        return (page.ask("summary", "summary")["results"],)
                    finally:
                        page.close()
                except (OSError, TypeError):
                    continue
            return None
        return wait_for("the dashboard answers", attempt, 40)[0]


# R-SVC-10: the registry in PostgreSQL.
def records_are_rows_in_postgresql(cluster):
    cluster.zshell(2, "topo", "submit", build_application(cluster.folder, RATE, 0, False))
    kinds = dict(line.split("|") for line in cluster.postgres.sql(
        "samoza", "SELECT kind, count(*) FROM samoza_records WHERE value IS NOT NULL GROUP BY kind").split("\n"))
    assert kinds.get("topology") == "1" and kinds.get("space") == "5", kinds
    assert cluster.results() >= 0


def s12_while_the_database_is_away_nothing_is_declared_dead_and_status_says_why(cluster):
    before, gone = cluster.placements(), time.time()
    cluster.postgres.stop()
    wait_for("the leader's lease has ended", lambda: cluster.events("zrms", "term_lost", gone), 30)
    for n in (1, 2, 3):
        wait_for("status names what is away", lambda n=n: "nothing is placed or declared dead" in cluster.zshell(
            n, "status").stdout, 20)
    refused = cluster.zshell(2, "cluster", check=False)
    assert refused.returncode == 1 and "no leader" in refused.stdout, refused.stdout
    # Far longer than the silence that makes a zhost dead (3.4 s), told by what the application does meanwhile.
    count = cluster.results()
    wait_for("messages flow", lambda: cluster.results() > count + 8 * RATE, 60)
    for event in ("zhost_dead", "space_placed"):
        assert cluster.events("zrms", event, gone) == [], event
    cluster.before, cluster.gone = before, gone


def s12_when_it_is_back_the_cluster_goes_on_where_it_was(cluster):
    cluster.postgres.start()
    wait_for("the topology runs", lambda: (cluster.topology("anomaly") or {}).get("state") == "running", 60)
    assert cluster.placements() == cluster.before, "a space moved"
    assert cluster.events("zrms", "zhost_dead", cluster.gone) == []
    wait_for("status is well again", lambda: "declared dead" not in cluster.zshell(3, "status").stdout, 30)


def afterwards_a_zhost_may_die_and_an_operator_may_act(cluster):
    victim = cluster.where(cluster.topology("anomaly"), "worker-a")
    if victim == 1:  # the control plane's own
        victim = cluster.where(cluster.topology("anomaly"), "worker-b")
    worker = "worker-a" if cluster.where(cluster.topology("anomaly"), "worker-a") == victim else "worker-b"
    cluster.kill_zhost(victim)
    wait_for("the worker runs elsewhere",
             lambda: cluster.where(cluster.topology("anomaly", [victim]), worker) not in (None, victim), 60)
    cluster.start(victim)
    wait_for("the topology runs", lambda: (cluster.topology("anomaly") or {}).get("state") == "running", 60)
    cluster.zshell(1, "topo", "stop", cluster.topology("anomaly")["id"])


CASES = [records_are_rows_in_postgresql,
         s12_while_the_database_is_away_nothing_is_declared_dead_and_status_says_why,
         s12_when_it_is_back_the_cluster_goes_on_where_it_was,
         afterwards_a_zhost_may_die_and_an_operator_may_act]


def main():
    programs = server_programs()
    if programs is None:
        print("postgres_test: not run: no PostgreSQL server here")
        return 77
    postgres = Postgres(programs)
    cluster = DatabaseCluster(postgres)
    try:
        for n in (1, 2, 3):
            cluster.start(n)
        wait_for("three zhosts are alive",
                 lambda: (cluster.ask_any(7331, "GET", "/v1/cluster") or {}).get("zhosts_alive") == 3, 60)
        return run_cases("cluster_postgres", cluster, CASES)
    finally:
        cluster.stop(keep=True)
        subprocess.run([*postgres.as_user, f"{programs}/pg_ctl", "-D", f"{postgres.folder}/data", "-m", "immediate",
                        "stop"], check=False, capture_output=True, cwd="/")
        shutil.rmtree(postgres.folder, ignore_errors=True)


sys.exit(main())
