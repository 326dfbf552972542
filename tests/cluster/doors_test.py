#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Messages from outside with real processes: answers, ids that come again, refusals, an update while callers wait.
usage: doors_test.py [case]"""
import concurrent.futures
import http.client
import json
import os
import sys
import urllib.parse

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tools"))
from samoza_test_cluster import Cluster, build_mex, run_cases, wait_for  # noqa: E402

# Answers with the message behind its version; logs each message that it takes; traps on "trap", is silent on "quiet".
DESK = """#include <samoza.h>
static char buffer[65536];
SAMOZA_EXPORT("on_process") int on_process(void) {
  struct samoza_message info;
  int bytes = net_recv_next(buffer + 2, sizeof buffer - 2, &info, -1);
  if (bytes < 0) return 0;
  buffer[0] = VERSION;
  buffer[1] = info.flags & SAMOZA_OUTSIDE ? '!' : '?';
  sys_log(1, buffer + 2, bytes < 60 ? bytes : 60);
  if (buffer[2] == 't' && buffer[3] == 'r' && buffer[4] == 'a') __builtin_trap();
  if (buffer[2] == 'q') return 0;
  if (buffer[2] == 's') sys_sleep(700);
  net_reply(buffer, bytes + 2);
  return 0;
}
"""
# A shop: /shop shows the query, POST is echoed with a header of the request, /shop/broken is no response.
SHOP = """#include <samoza_http.h>
static char message[65536], answer[65536];
static const char split[] = "HTTP/1.1 200 OK\\r\\nx: a\\rset-cookie: b\\r\\n\\r\\n";
SAMOZA_EXPORT("on_process") int on_process(void) {
  struct samoza_http_request request;
  struct samoza_message info;
  int bytes = net_recv_next(message, sizeof message, &info, -1);
  if (bytes < 0) return 0;
  if (!(info.flags & SAMOZA_HTTP) || samoza_http_parse(message, bytes, &request)) {
    net_reply("no request", 10);
    return 0;
  }
  struct samoza_http_text agent = samoza_http_header(&request, "x-agent");
  if (samoza_http_is(request.path, "/shop"))
    samoza_http_answer(answer, sizeof answer, 200, "text/html", request.query.at, request.query.bytes);
  else if (samoza_http_is(request.path, "/shop/agent"))
    samoza_http_answer(answer, sizeof answer, 200, "text/plain", agent.at, agent.bytes);
  else if (samoza_http_is(request.path, "/shop/headers"))
    samoza_http_answer(answer, sizeof answer, 200, "text/plain", request.header.at, request.header.bytes);
  else if (samoza_http_is(request.path, "/shop/trap"))
    __builtin_trap();
  else if (samoza_http_is(request.path, "/shop/silent"))
    return 0;
  else if (samoza_http_is(request.path, "/shop/plain"))
    net_reply("plain", 5);
  else if (samoza_http_is(request.path, "/shop/split"))
    net_reply(split, sizeof split - 1);
  else if (samoza_http_is(request.method, "POST"))
    samoza_http_answer(answer, sizeof answer, 201, "application/octet-stream", request.body.at, request.body.bytes);
  else
    samoza_http_answer(answer, sizeof answer, 404, "text/plain", "not here", 8);
  return 0;
}
"""
# Passes each message on along "next", with what it calls the path that it came by.
STAGE = """#include <samoza.h>
static char buffer[256];
SAMOZA_EXPORT("on_process") int on_process(void) {
  struct samoza_message info;
  int bytes = net_recv_next(buffer, 100, &info, -1);
  if (bytes < 0) return 0;
  buffer[bytes++] = '<';
  for (int i = 0; info.path[i]; i++) buffer[bytes++] = info.path[i];
  sys_log(1, buffer, bytes);
  net_emit_to("next", 4, buffer, bytes, -1);
  return 0;
}
"""
# Counts in its store; a message that begins with x fails after it has counted and answered.
COUNTER = """#include <samoza.h>
static char buffer[256], number[8];
SAMOZA_EXPORT("on_process") int on_process(void) {
  int bytes = net_recv_next(buffer, sizeof buffer, 0, -1);
  if (bytes < 0) return 0;
  if (data_get("n", 1, number, 8) < 0) number[0] = '0';
  number[0]++;
  data_put("n", 1, number, 1);
  net_reply(number, 1);
  if (buffer[0] == 'x') __builtin_trap();
  return 0;
}
"""


def ask(cluster, n, to, body, wait=True, key=None, timeout_ms=None):
    """(status, body) of the raw form."""
    query = {"to": to}
    if wait:
        query["wait"] = "1"
    if timeout_ms:
        query["timeout_ms"] = str(timeout_ms)
    headers = {"Authorization": "Bearer " + cluster.token(n), "Content-Type": "application/octet-stream"}
    if key:
        headers["Idempotency-Key"] = key
    connection = http.client.HTTPConnection(cluster.ip(n), 9200, timeout=60)
    connection.request("POST", "/v1/spaces/send?" + urllib.parse.urlencode(query), body, headers)
    response = connection.getresponse()
    return response.status, response.read()


def taken(cluster, text):
    return sum(1 for e in cluster.events("zrun", "guest_log") if e[2].get("text") == text)


def a_message_is_answered_from_every_zhost_byte_for_byte(cluster):
    for n in (1, 2):
        for body in (b"hello", bytes(range(256)) * 200):
            assert ask(cluster, n, "doors/desk", body) == (200, b"1!" + body), n
        topology = cluster.topology("doors")["id"]
        assert ask(cluster, n, f"{topology}/desk", b"by its id")[0] == 200
        answer = cluster.ask(n, 9200, "POST", "/v1/spaces/send", json.dumps(
            {"topology": "doors", "to": "desk", "text": "as JSON", "wait": True}))
        assert answer["outcome"] == "answered" and answer["text"] == "1!as JSON", answer
        assert ask(cluster, n, "doors/desk", b"quiet") == (204, b"")
        status, body = ask(cluster, n, "doors/desk", b"no hurry", wait=False)
        assert status == 202 and b"accepted" in body, (status, body)


def an_id_that_came_before_is_answered_and_not_handled_again(cluster):
    with concurrent.futures.ThreadPoolExecutor() as pool:
        calls = [pool.submit(ask, cluster, 1 + i % 2, "doors/desk", b"slow once", key="k") for i in range(6)]
        answers = {call.result() for call in calls}
    assert answers == {(200, b"1!slow once")}, answers
    assert ask(cluster, 2, "doors/desk", b"slow once", key="k") == (200, b"1!slow once")
    wait_for("it is in the log", lambda: taken(cluster, "slow once"))
    assert taken(cluster, "slow once") == 1


def each_refusal_says_what_to_do(cluster):
    for to, wanted, what in (("doors/dsk", 404, "did you mean 'doors/desk'"), ("doors/feeder", 403, "ingress: true"),
                             ("desk", 400, "TOPOLOGY/SPACE")):
        for n in (1, 2):
            status, body = ask(cluster, n, to, b"x")
            assert status == wanted and what in body.decode(), (to, status, body)
    status, body = ask(cluster, 1, "doors/desk", b"sleep", timeout_ms=100)
    assert status == 504 and b"may still handle it" in body, (status, body)
    assert ask(cluster, 1, "doors/desk", b"x" * (1 << 20))[0] in (200, 500), "1 MiB is taken"


def a_message_that_cannot_be_handled_fails_its_caller_and_is_kept(cluster):
    status, body = ask(cluster, 2, "doors/desk", b"trap")
    assert status == 500 and b"5 deliveries failed" in body and b"dead letter" in body, (status, body)
    letters = [letter for n in (1, 2) for letter in
               (cluster.ask(n, 8080, "GET", "/v1/dead-letters") or {}).get("letters", []) if letter["to"] == "desk"]
    assert any(letter["path"] == "(outside)" and int(letter["bytes"]) == 4 for letter in letters), letters


def in_a_transaction_nobody_hears_an_answer_that_did_not_happen(cluster):
    assert ask(cluster, 1, "doors/counter", b"one") == (200, b"1")
    status, body = ask(cluster, 2, "doors/counter", b"x")
    assert status == 500 and b"deliveries failed" in body, (status, body)
    assert ask(cluster, 2, "doors/counter", b"two") == (200, b"2"), "what failed has left no trace"


def zshell_sends_along_a_path_and_from_outside_on_any_zhost(cluster):
    for n in (1, 2):
        assert cluster.zshell(n, "send", "doors/desk", "--data", "two words", "--wait").stdout == "1!two words\n"
        assert cluster.zshell(n, "send", "doors/feeder", "in", "--data", f"along {n}").stdout == "accepted\n"
        wait_for("it came along the path", lambda text=f"along {n}": taken(cluster, text))
    refused = cluster.zshell(1, "send", "doors/feeder", "--data", "x", check=False)
    assert refused.returncode == 1 and "ingress: true" in refused.stdout + refused.stderr, refused


def an_update_loses_no_message_of_a_caller_that_waits(cluster):
    with concurrent.futures.ThreadPoolExecutor(max_workers=8) as pool:
        calls = []
        for i in range(8):
            calls.append(pool.submit(ask, cluster, 1 + i % 2, "doors/desk", b"slow %d" % i, key=f"update {i}"))
        cluster.zshell(1, "topo", "update", "doors", cluster.next_version)
        answers = [call.result() for call in calls]
    for i, (status, body) in enumerate(answers):
        if status == 503:  # between two instances: the caller sends it again with its id
            status, body = ask(cluster, 1, "doors/desk", b"slow %d" % i, key=f"update {i}")
        assert status == 200 and body[1:] == b"!slow %d" % i, (status, body)
    assert ask(cluster, 1, "doors/desk", b"now") == (200, b"2!now")


def web(cluster, n, method, path, body=None, headers=None):
    """(status, headers, body) without any token."""
    connection = http.client.HTTPConnection(cluster.ip(n), 9200, timeout=60)
    connection.request(method, path, body, headers or {})
    response = connection.getresponse()
    return response.status, response.headers, response.read()


def requests_below_a_route_are_answered_by_its_space_on_every_zhost(cluster):
    for n in (1, 2):
        status, headers, body = web(cluster, n, "GET", "/shop?q=a%20b&x", headers={"Host": "shop.example"})
        assert (status, body) == (200, b"q=a%20b&x") and headers["Content-Type"] == "text/html", (status, body)
        assert web(cluster, n, "POST", "/shop/echo", bytes(range(256)))[::2] == (201, bytes(range(256)))
        assert web(cluster, n, "GET", "/shop/agent", headers={"X-Agent": "me"})[2] == b"me"
        assert web(cluster, n, "GET", "/shop/plain")[::2] == (200, b"plain")
        assert web(cluster, n, "GET", "/shop/silent")[::2] == (204, b"")
        assert web(cluster, n, "GET", "/shop/other")[0] == 404
        status, headers, body = web(cluster, n, "HEAD", "/shop?q=1")
        assert (status, headers["Content-Length"], body) == (200, "3", b""), (status, headers, body)


def a_route_opens_nothing_but_itself(cluster):
    for path in ("/v1/status", "/v1/mesh/spaces", "/v1/nothing"):
        assert web(cluster, 1, "GET", path)[0] == 401, path
    for path in ("/shopping", "/", "/v10"):
        status, headers, body = web(cluster, 1, "GET", path)
        assert status == 404 and b"token" not in body and "WWW-Authenticate" not in headers, (path, status, body)
    token = cluster.token(1)
    _, _, seen = web(cluster, 1, "GET", "/shop/headers", headers={
        "Authorization": f"Bearer {token}", "Cookie": "a=1; samoza_session=s", "Connection": "X-Mine", "X-Mine": "1"})
    assert token.encode() not in seen and b"samoza_session" not in seen and b"x-mine" not in seen, seen
    assert b"cookie: a=1" in seen, seen
    assert web(cluster, 1, "GET", "/shop/headers", headers={"Authorization": "Bearer other"})[2].count(b"other") == 1
    status, _, body = web(cluster, 1, "GET", "/shop/split")
    assert status == 502 and b"no HTTP response" in body, (status, body)
    status, _, body = web(cluster, 2, "GET", "/shop/trap")
    assert status == 502 and b"deliveries failed" in body, (status, body)


def a_route_is_of_one_topology(cluster):
    mex = build_mex(cluster.folder, "other", {"late": {"guest": SHOP, "space": "http: {route: /shop}\nidle: wait\n"}})
    refused = cluster.zshell(1, "topo", "submit", mex, check=False)
    assert refused.returncode == 1 and "of topology 'doors' already" in refused.stdout + refused.stderr, refused


def one_module_serves_spaces_whose_paths_have_other_names(cluster):
    cluster.zshell(2, "send", "doors/feeder", "to-one", "--data", "x")
    wait_for("it came through both", lambda: taken(cluster, "x<work<work"))


def a_route_whose_space_is_stopped_says_when_to_come_again(cluster):
    cluster.zshell(1, "topo", "stop", "doors")

    def gone():
        status, headers, _ = web(cluster, 1, "GET", "/shop")
        return status in (503, 404) and (status, headers.get("Retry-After"))
    assert wait_for("it does not run", gone, 30) in ((503, "1"), (404, None)), gone()


CASES = [a_message_is_answered_from_every_zhost_byte_for_byte, an_id_that_came_before_is_answered_and_not_handled_again,
         each_refusal_says_what_to_do, a_message_that_cannot_be_handled_fails_its_caller_and_is_kept,
         in_a_transaction_nobody_hears_an_answer_that_did_not_happen,
         zshell_sends_along_a_path_and_from_outside_on_any_zhost,
         requests_below_a_route_are_answered_by_its_space_on_every_zhost, a_route_opens_nothing_but_itself,
         a_route_is_of_one_topology, one_module_serves_spaces_whose_paths_have_other_names, an_update_loses_no_message_of_a_caller_that_waits,
         a_route_whose_space_is_stopped_says_when_to_come_again]


def doors(folder, version):
    return build_mex(folder, "doors", {
        "desk": {"guest": DESK.replace("VERSION", f"'{version}'"), "space": "ingress: true\nidle: wait\n"},
        "feeder": {"guest": DESK.replace("VERSION", "'1'"), "space": "idle: wait\n"},
        "shop": {"guest": SHOP, "space": "http: {route: /shop}\nidle: wait\n"},
        "one": {"guest": STAGE, "space": "idle: wait\n"}, "two": {"guest": STAGE, "space": "idle: wait\n"},
        "counter": {"guest": COUNTER, "space": "ingress: true\nidle: wait\n"
                                               "capabilities: [data.read, data.write]\n"}},
        "  - {name: in, from: feeder, to: desk}\n  - {name: to-one, from: feeder, to: one, in: work}\n"
        "  - {name: one-two, from: one, to: two, out: next, in: work}\n  - {name: end, from: two, to: desk, out: next}\n"
        "  - {name: self, from: counter, to: counter, delivery: once}\n",
        types={"counter": "DATA"}, version=f"{version}.0.0")


def main():
    cluster = Cluster(count=2)
    try:
        mex = doors(cluster.folder, 1)
        for n in (1, 2):
            cluster.start(n)
        wait_for("the zhosts are alive",
                 lambda: (cluster.ask_any(7331, "GET", "/v1/cluster") or {}).get("zhosts_alive") == 2, 60)
        cluster.zshell(1, "topo", "submit", mex)
        wait_for("the spaces run", lambda: (cluster.topology("doors") or {}).get("state") == "running", 60)
        for n in (1, 2):
            wait_for("the directory is there", lambda n=n: ask(cluster, n, "doors/desk", b"quiet")[0] == 204, 30)
        os.rename(mex, mex + ".1")
        cluster.next_version = doors(cluster.folder, 2)
        return run_cases("cluster_doors", cluster, CASES, sys.argv[1] if len(sys.argv) > 1 else "")
    finally:
        cluster.stop(keep=True)


sys.exit(main())
