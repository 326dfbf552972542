#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A message through three spaces on two zhosts is one trace at a collector of OTLP. usage: trace_test.py [case]"""
import http.client
import http.server
import json
import os
import signal
import sys
import threading

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tools"))
from samoza_test_cluster import Cluster, build_mex, free_base, run_cases, wait_for  # noqa: E402

# Takes a message, says it as an attribute, and passes it on or answers. MIDDLE traps at a "t..." that it sees first.
STEP = """#include <samoza.h>
static char buffer[64];
SAMOZA_EXPORT("on_process") int on_process(void) {
  struct samoza_message info;
  int bytes = net_recv_next(buffer, sizeof buffer, &info, -1);
  if (bytes < 0) return 0;
  sys_trace("text", 4, buffer, bytes);
  if (MIDDLE && buffer[0] == 't' && !(info.flags & SAMOZA_REDELIVERED)) __builtin_trap();
  if (LAST) return 0;
  net_emit_to("next", 4, buffer, bytes, -1);
  net_reply("done", 4);
  return 0;
}
"""
TRACE, CALLER = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


class Collector(http.server.BaseHTTPRequestHandler):
    """Keeps what is posted, as one dict a span: its own fields, and its attributes."""
    spans, status, lock = [], 200, threading.Lock()

    def do_POST(self):  # noqa: N802
        body = self.rfile.read(int(self.headers["content-length"]))
        assert self.path == "/v1/traces" and self.headers["content-type"] == "application/json", self.path
        if Collector.status == 200:
            with Collector.lock:
                for group in json.loads(body)["resourceSpans"]:
                    for scope in group["scopeSpans"]:
                        Collector.spans += [flat(span) for span in scope["spans"]]
        self.send_response(Collector.status)
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_):
        pass


def flat(span):
    attributes = {a["key"]: next(iter(a["value"].values())) for a in span["attributes"]}
    return attributes | {k: span.get(k) for k in ("traceId", "spanId", "parentSpanId", "name", "startTimeUnixNano",
                                                  "endTimeUnixNano")}


def spans(trace):
    with Collector.lock:
        return [s for s in Collector.spans if s["traceId"] == trace]


def send(cluster, n, text, trace):
    """Gives the header `traceparent` of the answer."""
    connection = http.client.HTTPConnection(cluster.ip(n), 9200, timeout=60)
    connection.request("POST", "/v1/spaces/send?to=line/door&wait=1", text,
                       {"Authorization": f"Bearer {cluster.token(n)}", "traceparent": f"00-{trace}-{CALLER}-01"})
    response = connection.getresponse()
    assert (response.status, response.read()) == (200, b"done"), response.status
    return response.headers["traceparent"]


def the_way_of_a_message_over_two_zhosts_is_one_trace_of_its_caller(cluster):
    answered = send(cluster, 2, "seven", TRACE)
    found = wait_for("three spans", lambda: spans(TRACE) if len(spans(TRACE)) >= 3 else None, 60)
    by_name = {s["name"]: s for s in found}
    door, middle, last = (by_name[f"line/{name}"] for name in ("door (outside)", "middle first", "last second"))
    assert len(found) == 3, found
    assert door["parentSpanId"] == CALLER and middle["parentSpanId"] == door["spanId"], found
    assert last["parentSpanId"] == middle["spanId"], found
    assert answered == f"00-{TRACE}-{door['spanId']}-01", answered
    assert {s["samoza.zhost"] for s in found} == {"zhost-1", "zhost-2"}, found
    assert all(s["text"] == "seven" and s["samoza.result"] == "finished" for s in found), found
    assert all(int(s["startTimeUnixNano"]) <= int(s["endTimeUnixNano"]) for s in found), found


def a_message_that_is_delivered_again_is_a_second_span_of_the_same_parent(cluster):
    trace = TRACE[::-1]
    send(cluster, 1, "trap", trace)
    found = wait_for("four spans", lambda: spans(trace) if len(spans(trace)) >= 4 else None, 60)
    door = next(s for s in found if s["name"] == "line/door (outside)")
    tries = sorted((s for s in found if s["name"] == "line/middle first"), key=lambda s: s["samoza.delivery"])
    assert [s["samoza.result"] for s in tries] == ["failed", "finished"], tries
    assert [s["samoza.redelivered"] for s in tries] == [False, True], tries
    assert all(s["parentSpanId"] == door["spanId"] for s in tries), tries
    last = next(s for s in found if s["name"] == "line/last second")
    assert last["parentSpanId"] == tries[1]["spanId"], found


def a_message_that_waits_while_its_receivers_zrun_is_killed_keeps_its_trace(cluster):
    trace = "1" + TRACE[1:]
    middle = cluster.where(cluster.view, "middle")
    zrun = cluster.pid_of(middle, "zrun")
    os.kill(zrun, signal.SIGSTOP)
    send(cluster, cluster.where(cluster.view, "door"), "wait", trace)
    os.kill(zrun, signal.SIGKILL)
    found = wait_for("three spans", lambda: spans(trace) if len({s["name"] for s in spans(trace)}) >= 3 else None, 120)
    door = next(s for s in found if s["name"] == "line/door (outside)")
    handled = [s for s in found if s["name"] == "line/middle first"]
    assert all(s["parentSpanId"] == door["spanId"] for s in handled), found
    assert any(s["samoza.run"] == "2" for s in handled), found


def a_collector_that_fails_holds_no_message_up_and_is_named_in_the_log(cluster):
    Collector.status = 500
    try:
        for i in range(20):
            send(cluster, 1, "eight", f"{i + 2:032x}")
        wait_for("it is said", lambda: cluster.events("zrun", "traces_not_exported"), 60)
    finally:
        Collector.status = 200
    said = [entry for _, _, entry in cluster.events("zrun", "traces_not_exported")]
    assert len(said) <= 4 and "500" in said[0]["why"] and "tracing.endpoint" in said[0]["next"], said


CASES = [the_way_of_a_message_over_two_zhosts_is_one_trace_of_its_caller,
         a_message_that_is_delivered_again_is_a_second_span_of_the_same_parent,
         a_message_that_waits_while_its_receivers_zrun_is_killed_keeps_its_trace,
         a_collector_that_fails_holds_no_message_up_and_is_named_in_the_log]


def step(middle=0, last=0):
    return f"#define MIDDLE {middle}\n#define LAST {last}\n" + STEP


def main():
    base = free_base()
    collector = http.server.ThreadingHTTPServer((f"{base}.100", 0), Collector)
    threading.Thread(target=collector.serve_forever, daemon=True).start()
    url = f"http://{base}.100:{collector.server_address[1]}"
    cluster = Cluster(base=base, count=2, extra=[f'tracing: {{endpoint: "{url}", ratio: 0}}'])
    try:
        mex = build_mex(cluster.folder, "line", {
            "door": {"guest": step(), "space": "ingress: true\n"},
            "middle": {"guest": step(middle=1), "space": "placement: {anti_affinity: [door]}\n"},
            "last": {"guest": step(last=1), "space": "placement: {affinity: [door]}\n"}},
            "  - {name: first, from: door, to: middle, out: next}\n"
            "  - {name: second, from: middle, to: last, out: next}\n")
        for n in (1, 2):
            cluster.start(n)
        wait_for("the zhosts are alive",
                 lambda: (cluster.ask_any(7331, "GET", "/v1/cluster") or {}).get("zhosts_alive") == 2, 60)
        cluster.zshell(1, "topo", "submit", mex)
        wait_for("it runs", lambda: (cluster.topology("line") or {}).get("state") == "running", 60)
        cluster.view = cluster.ask_any(7331, "GET", f"/v1/topologies/{cluster.topology('line')['id']}")
        return run_cases("cluster_trace", cluster, CASES, sys.argv[1] if len(sys.argv) > 1 else "")
    finally:
        collector.shutdown()
        cluster.stop(keep=True)


sys.exit(main())
