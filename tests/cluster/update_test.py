#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""New versions of a topology while messages flow through it, with real processes on two zhosts: nothing lost,
nothing twice unmarked, data and counts kept; a version that fails goes back by itself; what a person asks for.
usage: update_test.py [case]"""
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tools"))
from samoza_test_cluster import Cluster, build_mex, run_cases, wait_for  # noqa: E402

COMMON = """#include <samoza.h>
static char line[200]; static int used;
#define MAYBE static __attribute__((unused))
MAYBE void text(const char *s) { while (*s) line[used++] = *s++; }
MAYBE void number(uint32_t n) { char d[10]; int k = 0; do d[k++] = (char)('0' + n % 10); while (n /= 10);
  while (k) line[used++] = d[--k]; }
MAYBE uint32_t kept(const char *k, int n) { uint32_t v = 0; return data_get(k, n, &v, sizeof v) == sizeof v ? v : 0; }
MAYBE void keep(const char *k, int n, uint32_t v) { data_put(k, n, &v, sizeof v); }
"""
# 500 numbers a second, for ever.
SOURCE = COMMON + """SAMOZA_EXPORT("on_process") int on_process(void) {
  for (uint32_t n = 1;; n++) {
    if (sys_sleep(2) == SAMOZA_E_CLOSED) return 0;
    if (net_emit_to("up", 2, &n, sizeof n, -1) != 0) return 0;
  }
}
"""
RELAY = COMMON + """SAMOZA_EXPORT("on_process") int on_process(void) {
  uint32_t n; struct samoza_message m;
  for (;;) {
    int k = net_recv_next(&n, sizeof n, &m, -1);
    if (k == SAMOZA_E_CLOSED) return 0;
    if (m.flags & 1) n |= 0x80000000u; /* it may be a repeat, says the next hop, too */
    if (k == sizeof n) net_emit_to("down", 4, &n, sizeof n, -1);
  }
}
"""
# Its own book of what came: says how many numbers, the highest, how many are missing below it, how many came twice
# without a mark.
SINK = COMMON + """enum { MOST = 400000 };
static unsigned char seen[MOST];
static uint32_t count, highest, twice;
static void say(void) {
  used = 0; text("numbers="); number(count); text(" highest="); number(highest); text(" missing=");
  number(highest - count); text(" twice="); number(twice); sys_log(1, line, used);
}
SAMOZA_EXPORT("on_process") int on_process(void) {
  uint32_t n; struct samoza_message m;
  for (uint32_t since = 0;;) {
    int k = net_recv_next(&n, sizeof n, &m, 300);
    if (k == SAMOZA_E_CLOSED) return 0;
    if (k == sizeof n) {
      int marked = (m.flags & 1) || (n & 0x80000000u); n &= 0x7fffffffu;
      if (n < MOST) { if (seen[n]) { if (!marked) twice++; } else { seen[n] = 1; count++; if (n > highest) highest = n; } }
    }
    if (k < 0 || ++since % 250 == 0) say();
  }
}
"""
# Counts in its data, one turn each.
COUNTER = COMMON + """SAMOZA_EXPORT("on_process") int on_process(void) {
  uint32_t none;
  for (;;) {
    if (net_recv_next(&none, sizeof none, 0, 5) == SAMOZA_E_CLOSED) return 0;
    uint32_t n = kept("n", 1) + 1;
    net_emit_to("sure", 4, &n, sizeof n, -1);
    keep("n", 1, n);
  }
}
"""
BOOK = COMMON + """SAMOZA_EXPORT("on_process") int on_process(void) {
  uint32_t n; struct samoza_message m;
  for (;;) {
    int k = net_recv_next(&n, sizeof n, &m, -1);
    if (k == SAMOZA_E_CLOSED) return 0;
    if (k != sizeof n) continue;
    uint32_t last = kept("last", 4), bad = kept("bad", 3);
    if (n != last + 1 || (m.flags & 1)) keep("bad", 3, ++bad);
    keep("last", 4, n);
    if (n % 20 == 0) { used = 0; text("version=VERSION last="); number(n); text(" bad="); number(bad); sys_log(1, line, used); }
  }
}
"""
TRAPS = COMMON + """SAMOZA_EXPORT("on_process") int on_process(void) { __builtin_trap(); }
"""
PATHS = ("  - {name: up, from: source, to: relay}\n  - {name: down, from: relay, to: sink}\n"
         "  - {name: sure, from: counter, to: book, delivery: once}\n")


def version(cluster, number, spaces=None, leave_out=(), paths=PATHS):
    """A MEX of that version; the book and the relay are other modules in each."""
    store = "store: local\ncapabilities: [sys.log, data.read, data.write]\n"
    all_spaces = {"source": {"guest": SOURCE}, "sink": {"guest": SINK},
                  "relay": {"guest": RELAY.replace("COMMON", "") + f"\nint of_version = {number};\n"
                            + 'SAMOZA_EXPORT("on_close") int on_close(void) { return of_version ? 0 : 1; }\n'},
                  "counter": {"guest": COUNTER, "space": store},
                  "book": {"guest": BOOK.replace("VERSION", str(number)), "space": store}}
    all_spaces.update(spaces or {})
    for name in leave_out:
        del all_spaces[name]
    folder = f"{cluster.folder}/v{number}"
    os.makedirs(folder, exist_ok=True)
    manifest_version = f"{number}.0.0"
    types = {name: "DATA" for name in ("counter", "book") if name in all_spaces}
    return build_mex(folder, "shop", all_spaces, paths, types, version=manifest_version)


def said(cluster, space, pattern):
    """The newest numbers that the space logged in that form."""
    logs = cluster.zshell(1, "spaces", "logs", f"shop/{space}", check=False).stdout
    found = re.findall(pattern, logs)
    return tuple(int(n) for n in (found[-1] if isinstance(found[-1], tuple) else (found[-1],))) if found else None


def sink(cluster):
    return said(cluster, "sink", r"numbers=(\d+) highest=(\d+) missing=(\d+) twice=(\d+)")


def book(cluster):
    return said(cluster, "book", r"version=(\d+) last=(\d+) bad=(\d+)")


def more_comes(cluster, numbers):
    before = sink(cluster)
    wait_for(f"{numbers} more numbers come",
             lambda: (now := sink(cluster)) and now[0] >= (before or (0,))[0] + numbers, 120)


def roll(cluster, *words):
    """A command that brings a version; again where a change of the leader left its outcome open."""
    def done():
        run = cluster.zshell(1, "topo", *words, check=False)
        if "the leader changed" in run.stdout or "no leader" in run.stdout:
            return None
        assert run.returncode == 0, run
        return run
    return wait_for("the command is carried out", done, 120)


def placements(cluster):
    return {p["space"]: p for p in cluster.topology("shop").get("placements", [])}


def an_update_says_what_would_change_and_replaces_only_that_while_messages_flow(cluster):
    more_comes(cluster, 500)
    before = placements(cluster)
    mex = version(cluster, 2)
    diff = cluster.zshell(1, "topo", "diff", "shop", mex).stdout
    assert re.search(r"changed\s+book\s+module", diff) and re.search(r"changed\s+relay\s+module", diff), diff
    assert "source" not in diff and "sink" not in diff, diff
    done = roll(cluster, "update", "shop", mex)
    assert "version 2" in done.stdout, done.stdout
    more_comes(cluster, 1000)
    after = placements(cluster)
    for space in ("source", "sink", "counter"):
        assert after[space]["epoch"] == before[space]["epoch"], (space, after[space])
    for space in ("relay", "book"):
        assert int(after[space]["epoch"]) == int(before[space]["epoch"]) + 1, after[space]
        assert after[space]["mex_version"] == "2.0.0" and after[space]["zhost"] == before[space]["zhost"], after[space]
    wait_for("the new book goes on", lambda: (book(cluster) or (0,))[0] == 2, 60)
    assert sink(cluster)[2:] == (0, 0), sink(cluster)
    assert book(cluster)[2] == 0, book(cluster)


def a_restart_of_every_space_loses_no_message_of_those_that_were_accepted(cluster):
    last = book(cluster)[1]
    roll(cluster, "restart", "shop", "relay", "book", "counter")
    more_comes(cluster, 500)
    wait_for("the count goes on", lambda: (now := book(cluster)) and now[1] > last + 20, 60)
    assert sink(cluster)[2:] == (0, 0), sink(cluster)
    assert book(cluster)[2] == 0, book(cluster)


def a_version_that_fails_brings_the_former_one_back_by_itself(cluster):
    mex = version(cluster, 4, {"relay": {"guest": TRAPS}})
    run = cluster.zshell(1, "topo", "update", "shop", mex, check=False)
    assert run.returncode == 1 and "rolled back" in run.stdout and "trap" in run.stdout, run
    wait_for("all runs again", lambda: cluster.topology("shop")["state"] == "running", 60)
    more_comes(cluster, 500)
    assert sink(cluster)[2:] == (0, 0), sink(cluster)
    history = cluster.zshell(1, "topo", "history", "shop").stdout
    assert re.search(r"back to version \d+: version \d+ failed", history), history


def a_space_that_is_removed_keeps_its_data_until_it_is_purged(cluster):
    last = book(cluster)[1]
    mex = version(cluster, 6, leave_out=("counter", "book"), paths=PATHS.rsplit("  -", 1)[0])
    roll(cluster, "update", "shop", mex)
    assert placements(cluster)["book"]["state"] == "removed", placements(cluster)["book"]
    refused = cluster.zshell(1, "topo", "rollback", "shop", "--to", "99", check=False)
    assert refused.returncode == 1 and "version 99 of topology 'shop' is not kept" in refused.stdout, refused
    roll(cluster, "rollback", "shop")
    wait_for("its count goes on from where it was", lambda: (now := book(cluster)) and now[1] > last, 60)
    assert book(cluster)[2] == 0, book(cluster)
    roll(cluster, "update", "shop", mex)
    refused = cluster.zshell(1, "topo", "purge", "shop", check=False)
    assert refused.returncode == 2 and "book" in refused.stdout and "--yes" in refused.stdout, refused
    cluster.zshell(1, "topo", "purge", "shop", "--yes")
    wait_for("its row is gone", lambda: "book" not in placements(cluster), 60)


def what_runs_is_updated_and_not_submitted_again_and_a_deletion_asks(cluster):
    again = cluster.zshell(1, "topo", "submit", version(cluster, 2), check=False)
    assert again.returncode == 1 and "topo update shop" in again.stdout, again
    asked = cluster.zshell(1, "topo", "delete", "shop", check=False)
    assert asked.returncode == 2 and "--yes" in asked.stdout, asked
    cluster.zshell(1, "topo", "delete", "shop", "--keep-data", "--yes")
    wait_for("it ends", lambda: cluster.topology("shop")["state"] == "stopped", 60)
    cluster.zshell(1, "topo", "submit", version(cluster, 2))
    wait_for("it is back", lambda: cluster.topology("shop")["state"] == "running", 60)
    cluster.zshell(1, "topo", "delete", "shop", "--yes")
    wait_for("it is gone", lambda: cluster.topology("shop") is None, 60)


CASES = [an_update_says_what_would_change_and_replaces_only_that_while_messages_flow,
         a_restart_of_every_space_loses_no_message_of_those_that_were_accepted,
         a_version_that_fails_brings_the_former_one_back_by_itself,
         a_space_that_is_removed_keeps_its_data_until_it_is_purged,
         what_runs_is_updated_and_not_submitted_again_and_a_deletion_asks]


def main():
    cluster = Cluster(count=2)
    try:
        for n in (1, 2):
            cluster.start(n)
        wait_for("both zhosts are alive",
                 lambda: (cluster.ask_any(7331, "GET", "/v1/cluster") or {}).get("zhosts_alive") == 2, 60)
        cluster.zshell(1, "topo", "submit", version(cluster, 1))
        wait_for("the spaces run", lambda: (cluster.topology("shop") or {}).get("state") == "running", 60)
        return run_cases("cluster_update", cluster, CASES, sys.argv[1] if len(sys.argv) > 1 else "")
    finally:
        cluster.stop(keep=True)


sys.exit(main())
