#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A stand-alone topology.yaml over several MEX (R-TOPO-4, R-DEC-10), with real processes that take only
signed archives: the example's application split in two, the page under another name in its MEX."""
import json
import os
import re
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tools"))
from samoza_test_cluster import BIN, Cluster, Page, run_cases, wait_for  # noqa: E402

APP = f"{ROOT}/examples/anomaly/app"
HEAD = "apiVersion: samoza/v1\nkind: Topology\nmetadata: {name: %s}\n"
PIPELINE = {"source": "IO", "store": "DATA", "worker-a": "CALL", "worker-b": "CALL"}


def mex(*words):
    return subprocess.run([f"{BIN}/mex", *words], check=True, capture_output=True, text=True).stdout


def build_part(folder, name, spaces, key):
    """A project with these spaces, {name: (type, space of the example)}, built to folder/parts/name.mex."""
    project = f"{folder}/{name}/app"
    os.makedirs(f"{project}/spaces")
    shutil.copytree(f"{ROOT}/examples/anomaly/common", f"{folder}/{name}/common")
    for space, (_, original) in spaces.items():
        shutil.copytree(f"{APP}/spaces/{original}", f"{project}/spaces/{space}")
    with open(f"{APP}/manifest.yaml", encoding="utf-8") as f:
        manifest = f.read()
    with open(f"{project}/manifest.yaml", "w", encoding="utf-8") as f:
        f.write(manifest.replace("name: anomaly", f"name: {name}"))
    with open(f"{project}/topology.yaml", "w", encoding="utf-8") as f:
        f.write(HEAD % name + "spaces:\n" +
                "".join(f"  - {{name: {space}, type: {kind}}}\n" for space, (kind, _) in spaces.items()))
    os.makedirs(f"{folder}/parts", exist_ok=True)
    mex("build", project, "-o", f"{folder}/parts/{name}.mex", *(["--key", key] if key else []))


def topology_text():
    """The example's topology.yaml with a MEX for each space."""
    with open(f"{APP}/topology.yaml", encoding="utf-8") as f:
        text = f.read().replace("name: anomaly", "name: split")
    text = text.replace("{name: dashboard,", "{name: dashboard, mex: parts/page.mex,")
    for space in PIPELINE:
        text = text.replace(f"{{name: {space},", f"{{name: {space}, mex: parts/pipeline.mex,")
    return text


def write(cluster, name, text):
    path = f"{cluster.folder}/{name}"
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
    return path


def refused(cluster, text, *words):
    """One line that has all of these words, exit 1, and nothing submitted."""
    run = cluster.zshell(1, "topo", "submit", write(cluster, "wrong.yaml", text), check=False)
    assert run.returncode == 1 and len(run.stdout.strip().split("\n")) == 1, run.stdout
    for word in words:
        assert word in run.stdout, (word, run.stdout)
    assert cluster.ask_any(7331, "GET", "/v1/topologies")["topologies"] == []


# R-TOPO-15, R-DEC-27: without a good archive and signature there is no topology.
def r_topo_4_what_is_wrong_is_said_with_file_space_and_rule(cluster):
    good = topology_text()
    refused(cluster, good.replace("parts/page.mex", "parts/none.mex"), "wrong.yaml", "'dashboard'", "none.mex",
            "No such file")
    refused(cluster, good.replace("mex: parts/page.mex, ", ""), "wrong.yaml", "'dashboard'", "R-TOPO-4")
    refused(cluster, good.replace("name: source, mex", "name: sauce, mex").replace("from: source", "from: sauce")
            .replace("to: source", "to: sauce"), "'sauce'", "parts/pipeline.mex", "worker-a", "R-TOPO-4")
    refused(cluster, good.replace("to: dashboard", "to: nowhere"), "wrong.yaml", "'feed'", "'nowhere'")
    refused(cluster, good.replace("{name: feed", "{name: query"), "wrong.yaml", "'query' is declared twice")
    refused(cluster, good.replace("spaces:\n", "spaces:\n  - {name: store, mex: parts/pipeline.mex, type: DATA}\n"), "'store' is declared twice")
    refused(cluster, good.replace("parts/page.mex, type: UI", "parts/page.mex, type: IO"), "'dashboard'",
            "parts/page.mex", "UI", "R-TOPO-3")
    refused(cluster, good.replace("parts/page.mex", "parts/unsigned.mex"), "'dashboard'", "unsigned.mex",
            "not signed")


def bodies_that_are_no_topology_get_400_and_say_why(cluster):
    for body, word in (("", "JSON"), ("[]", ""), ('{"spaces": 7}', "spaces"), ('{"nmae": "x"}', "nmae"),
                       ('{"name": "x", "spaces": [{"name": "a", "type": "BOAT"}]}', "'a'")):
        status, text = cluster.answer(1, 7331, "POST", "/v1/topologies/standalone", body)
        assert status == 400 and word in json.loads(text)["error"]["message"], (body, status, text)
    absent = json.dumps({"name": "x", "spaces": [{"name": "a", "type": "UI", "mex": "a.mex", "mex_sha256": "0" * 64}]})
    status, text = cluster.answer(1, 7331, "POST", "/v1/topologies/standalone", absent)
    assert status == 404 and "a.mex" in text and "/v1/blobs" in text, (status, text)
    status, text = cluster.answer(1, 7331, "POST", "/v1/blobs", "no zip")
    assert status == 400, (status, text)


def r_dec_10_a_topology_of_two_mex_runs_and_each_archive_is_on_three_disks(cluster):
    path = write(cluster, "topology.yaml", topology_text())
    run = cluster.zshell(2, "topo", "submit", path)
    assert "running" in run.stdout, run.stdout
    topology = cluster.topology("split")
    hashes = {p["space"]: p["mex_sha256"] for p in topology["placements"]}
    assert len(set(hashes.values())) == 2 and hashes["dashboard"] != hashes["store"], hashes
    assert topology["blob_holders"] == ["zhost-1", "zhost-2", "zhost-3"], topology["blob_holders"]
    for n in (1, 2, 3):
        assert set(hashes.values()) <= set(os.listdir(f"{cluster.folder}/s{n}/blobs")), n

    def results():
        try:
            page = Page(cluster, cluster.where(cluster.topology("split"), "dashboard"), "split", "dashboard")
            try:
                return page.ask("summary", "summary")["results"]
            finally:
                page.close()
        except (OSError, TypeError):
            return 0
    wait_for("results reach the page along the paths of the stand-alone file", lambda: results() > 1000, 60)


def its_spaces_come_back_elsewhere_when_their_zhost_dies(cluster):
    victim = cluster.where(cluster.topology("split"), "worker-a")
    cluster.kill_zhost(victim)
    wait_for("the worker runs elsewhere", lambda: (
        cluster.where(cluster.topology("split", [victim]), "worker-a") not in (None, victim)), 60)
    cluster.start(victim)
    wait_for("the topology runs", lambda: (cluster.topology("split") or {}).get("state") == "running", 60)


CASES = [r_topo_4_what_is_wrong_is_said_with_file_space_and_rule, bodies_that_are_no_topology_get_400_and_say_why,
         r_dec_10_a_topology_of_two_mex_runs_and_each_archive_is_on_three_disks,
         its_spaces_come_back_elsewhere_when_their_zhost_dies]


def main():
    folder = Cluster(count=0).folder
    cluster = None
    try:
        key = f"{folder}/key"
        public = re.search(r"[A-Za-z0-9+/]{43}=", mex("keygen", key)).group(0)
        build_part(folder, "pipeline", {s: (kind, s) for s, kind in PIPELINE.items()}, key)
        build_part(folder, "page", {"screen": ("UI", "dashboard")}, key)
        build_part(folder, "unsigned", {"dashboard": ("UI", "dashboard")}, None)
        cluster = Cluster(extra=[f"trust: {{policy: prod, keys: [\"{public}\"]}}"])
        shutil.move(f"{folder}/parts", f"{cluster.folder}/parts")
        for n in (1, 2, 3):
            cluster.start(n)
        wait_for("three zhosts are alive",
                 lambda: (cluster.ask_any(7331, "GET", "/v1/cluster") or {}).get("zhosts_alive") == 3, 60)
        return run_cases("cluster_standalone_topology", cluster, CASES, sys.argv[1] if len(sys.argv) > 1 else "")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if cluster is not None:
            cluster.stop(keep=True)


sys.exit(main())
