#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Access tokens with real processes: what each role may, on every zhost, without a control plane, and after it was
revoked. usage: tokens_test.py [case]"""
import json
import os
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tools"))
from samoza_test_cluster import BIN, Cluster, build_mex, run_cases, wait_for  # noqa: E402

DESK = """#include <samoza.h>
static char buffer[256];
SAMOZA_EXPORT("on_process") int on_process(void) {
  int bytes = net_recv_next(buffer, sizeof buffer, 0, -1);
  if (bytes >= 0) net_reply(buffer, bytes);
  return 0;
}
"""
# A route that reads: of each service.
READS = [(9200, "/v1/mesh"), (7331, "/v1/topologies"), (8080, "/v1/spaces"), (7071, "/v1/services")]
made = {}


def make(cluster, n, *words):
    """(id, token)"""
    answer = json.loads(cluster.zshell(n, "--json", "cluster", "token", "create", *words).stdout)
    made[answer["view"]["id"]] = answer["token"]
    return answer["view"]["id"], answer["token"]


def status(cluster, n, port, path, token, method="GET", body=None):
    try:
        return cluster.answer(n, port, method, path, body, token=token)[0]
    except OSError:
        return None


def a_role_opens_what_it_names_on_every_zhost(cluster):
    _, reader = make(cluster, 1, "--role", "read", "--note", "dashboard")
    _, operator = make(cluster, 2, "--role", "operate", "--ttl", "1d")
    for n in (1, 2, 3):
        for port, path in READS:
            assert status(cluster, n, port, path, reader) == 200, (n, path)
            assert status(cluster, n, port, path, reader + "a") == 401, (n, path)
        code, text = cluster.answer(n, 7331, "POST", "/v1/topologies/roles/stop", token=reader)
        assert code == 403 and "has the role read" in text and "takes the role operate" in text, (code, text)
        code, text = cluster.answer(n, 7331, "GET", "/v1/cluster/tokens", token=operator)
        assert code == 403 and "takes the role admin" in text, (code, text)
        assert status(cluster, n, 7331, "/v1/nothing", operator) == 404
    assert status(cluster, 2, 7331, "/v1/topologies/roles/start", operator, "POST") == 200
    code, text = cluster.answer(1, 7331, "GET", "/v1/topologies", token="")
    assert code == 401 and "cluster token create" in text, (code, text)


def zshell_takes_a_token_from_a_file_the_environment_or_its_words(cluster):
    _, reader = make(cluster, 1, "--role", "read")
    path = f"{cluster.folder}/reader"
    with open(path, "w", encoding="utf-8") as f:
        f.write(reader + "\n")

    def zshell(words, **more):
        return subprocess.run([f"{BIN}/zshell", "--config", cluster.config(2), *words], capture_output=True, text=True,
                              env=dict(os.environ, **more), check=False)
    for words, more in ((["--token-file", path], {}), (["--token", reader], {}), ([], {"SAMOZA_TOKEN": reader})):
        assert "roles" in zshell(words + ["topo"], **more).stdout, (words, more)
        refused = zshell(words + ["topo", "stop", "roles"], **more)
        assert refused.returncode == 1 and "takes the role operate" in refused.stdout, refused
    assert zshell(["--token-file", path + "x", "topo"]).returncode == 2


def an_ingress_token_sends_to_its_topology_and_does_nothing_else(cluster):
    _, kiosk = make(cluster, 1, "--role", "ingress", "--topology", "roles")
    for n in (1, 2, 3):
        code, text = cluster.answer(n, 9200, "POST", "/v1/spaces/send?to=roles/desk&wait=1", b"hello", token=kiosk)
        assert (code, text) == (200, "hello"), (n, code, text)
        code, text = cluster.answer(n, 9200, "POST", "/v1/spaces/send?to=others/desk&wait=1", b"x", token=kiosk)
        assert code == 403 and "role ingress of topology roles" in text, (code, text)
        along = json.dumps({"topology": "roles", "from": "desk", "path": "out", "text": "x"})
        assert status(cluster, n, 9200, "/v1/spaces/send", kiosk, "POST", along) == 403
        for port, path in READS:
            assert status(cluster, n, port, path, kiosk) == 403, (n, path)
    refused = cluster.zshell(1, "cluster", "token", "create", "--role", "ingress", "--topology", "role", check=False)
    assert "did you mean 'roles'" in refused.stdout, refused


def a_revoked_token_is_refused_on_every_zhost_within_seconds(cluster):
    ident, token = make(cluster, 3, "--role", "admin")
    assert status(cluster, 1, 7331, "/v1/cluster/tokens", token) == 200
    cluster.zshell(2, "cluster", "token", "revoke", ident[:8])
    begun = time.monotonic()
    for n in (1, 2, 3):
        for port, path in READS + ([(9000, "/v1/members")] if n == 1 else []):
            wait_for(f"zhost-{n}:{port} refuses it", lambda n=n, port=port, path=path:
                     status(cluster, n, port, path, token) == 401, 30)
    print(f"  refused everywhere {time.monotonic() - begun:.2f} s after it was revoked")
    assert "was revoked" in cluster.answer(1, 7331, "GET", "/v1/topologies", token=token)[1]
    listed = cluster.zshell(1, "cluster", "token", "list").stdout
    assert ident in listed and "revoked" in listed, listed
    seen = wait_for("the events tell of it", lambda: (lambda text: text if "token revoked" in text else None)(
        cluster.zshell(1, "cluster", "events").stdout))
    assert f"by operator of zhost zhost-2" in seen and "token made" in seen, seen


def without_a_control_plane_tokens_are_checked_and_a_revoked_one_stays_so(cluster):
    ident, revoked = make(cluster, 2, "--role", "read")
    _, reader = make(cluster, 2, "--role", "read")
    cluster.zshell(2, "cluster", "token", "revoke", ident)
    wait_for("zhost-3 knows", lambda: status(cluster, 3, 8080, "/v1/spaces", revoked) == 401)
    wait_for("zhost-3 keeps it", lambda: os.path.exists(f"{cluster.folder}/s3/revoked-tokens") and ident in
             open(f"{cluster.folder}/s3/revoked-tokens", encoding="utf-8").read())
    cluster.kill_zhost(1)
    cluster.kill_zhost(3)
    cluster.start(3)
    for port, path in READS:
        if port == 7331:
            continue  # there is no leader to ask
        wait_for(f"zhost-3:{port} answers", lambda port=port, path=path:
                 status(cluster, 3, port, path, reader) == 200, 60)
        assert status(cluster, 3, port, path, revoked) == 401, path
    cluster.start(1)
    wait_for("the tokens are listed as before", lambda: ident in cluster.zshell(
        1, "cluster", "token", "list", check=False).stdout, 90)


def a_token_is_in_no_file_of_the_cluster(cluster):
    assert len(made) > 4
    for folder, _, names in os.walk(cluster.folder):
        for name in names:
            path = os.path.join(folder, name)
            if not os.path.isfile(path) or name == "reader":
                continue
            with open(path, "rb") as f:
                content = f.read()
            for token in made.values():
                assert token.encode() not in content, path


CASES = [a_role_opens_what_it_names_on_every_zhost, zshell_takes_a_token_from_a_file_the_environment_or_its_words,
         an_ingress_token_sends_to_its_topology_and_does_nothing_else,
         a_revoked_token_is_refused_on_every_zhost_within_seconds,
         without_a_control_plane_tokens_are_checked_and_a_revoked_one_stays_so, a_token_is_in_no_file_of_the_cluster]


def main():
    cluster = Cluster(count=3)
    try:
        for n in (1, 2, 3):
            cluster.start(n)
        wait_for("the zhosts are alive",
                 lambda: (cluster.ask_any(7331, "GET", "/v1/cluster") or {}).get("zhosts_alive") == 3, 60)
        for name in ("roles", "others"):
            cluster.zshell(1, "topo", "submit", build_mex(cluster.folder, name, {
                "desk": {"guest": DESK, "space": "ingress: true\nidle: wait\n"}}))
        for n in (1, 2, 3):
            wait_for("the directory is there", lambda n=n: status(
                cluster, n, 9200, "/v1/spaces/send?to=roles/desk&wait=1", cluster.token(n), "POST", b"x") == 200, 60)
        return run_cases("cluster_tokens", cluster, CASES, sys.argv[1] if len(sys.argv) > 1 else "")
    finally:
        cluster.stop()


sys.exit(main())
