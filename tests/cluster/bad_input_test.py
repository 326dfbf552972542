#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Bad input against the real programs: each gets one clear line that names file, field or space and the rule,
the exit code or HTTP status that fits, and nothing else of the zhost notices.
Here: configuration, HTTP and links; bad_packages_test.py has what is in a package."""
import errno
import json
import os
import re
import socket
import ssl
import stat
import struct
import subprocess
import sys

from bad_input import (
    archive, Cluster, good_files, module, one_line, program, project, run, submit, wait_for, with_file, write)


def an_unknown_key_is_named_with_file_line_and_the_nearest_known_one(cluster):
    path = write(cluster, "wrong.yaml", "zhost: {id: z}\nzmseh: {}\n")
    for name in ("startz", "zmesh-controlplane", "zmesh", "zrms", "zrun", "zbase"):
        one_line(program(name, "-config", path), 2, name, "wrong.yaml:2", "'zmseh'", "did you mean 'zmesh'")
    one_line(program("zshell", "--config", path, "status"), 2, "wrong.yaml:2", "'zmseh'")


def wrong_values_of_the_configuration_are_named_with_their_key_and_rule(cluster):
    for text, words in (("zhost: {id: z}\nzmesh: {port: 70000}\n", ("wrong.yaml:2", "port", "70000", "65535")),
                        ("zhost: {id: '../x'}\n", ("zhost.id", "../x", "letters")),
                        ("zhost: {id: z}\nzhost: {id: y}\n", ("wrong.yaml:2", "'zhost'", "twice")),
                        ("zhost: {id: z}\nbind: 300.1.2.3\n", ("bind", "300.1.2.3")),
                        ("", ("wrong.yaml", "empty")), (b"\xff\xfe\0", ("wrong.yaml",))):
        path = write(cluster, "wrong.yaml", text)
        one_line(program("startz", "-config", path), 2, *words)
    one_line(program("startz", "-config", f"{cluster.folder}/none.yaml"), 2, "none.yaml", "No such file")
    path = write(cluster, "wrong.yaml", "zhost: {id: z}\nbind: 10.1.2.3\n")
    one_line(program("startz", "-config", path), 2, "10.1.2.3", "loopback only", "bind:", "127.x")
    path = write(cluster, "wrong.yaml", f"zhost: {{id: z}}\nrun_dir: {cluster.folder}/{'x' * 100}\n")
    one_line(program("startz", "-config", path), 1, "too long", "shorter run_dir")


def yaml_with_aliases_or_deep_nesting_is_refused_by_every_reader(cluster):
    for text, words in (("a: &x [1]\nb: *x\n", ("anchor",)), ("- " * (512 << 10), ("nested deeper",)),
                        ("[" * (1 << 20), ("nested deeper",)), ("a: " + "x" * (8 << 20), ("8388608",))):
        path = write(cluster, "wrong.yaml", text)
        one_line(program("startz", "-config", path), 2, "wrong.yaml", *words)
        one_line(cluster.zshell(1, "topo", "submit", path, check=False), 1, "wrong.yaml", *words)
        folder = project(cluster, "yaml", {"a": (module(), "")}, text)
        one_line(program("mex", "validate", folder), 1, "topology.yaml", *words)
        files = with_file(good_files(cluster), "topology.yaml", text.encode(), hashed=True)
        submit(cluster, "wrong.mex", archive(files), *words[:1])


def a_port_in_use_is_named_with_the_process_that_holds_it_on_that_address(cluster):
    other = Cluster(count=1)
    listener = socket.socket()
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((other.ip(1), 7331))
        listener.listen()
        other.start(1)
        entry = wait_for("zrms says why it cannot start", lambda: other.events("zrms", "cannot_start"))[0][2]
        for word in (f"{other.ip(1)}:7331", f"(pid {os.getpid()})", "choose another port"):
            assert word in entry["why"], entry
    finally:
        listener.close()
        other.stop()


def a_control_plane_that_is_away_at_start_is_waited_for_and_status_says_so(cluster):
    late = Cluster(count=2)
    try:
        late.start(2)
        shown = wait_for("status answers", lambda: (
            lambda run: run.stdout if "unreachable: " in run.stdout else None)(late.zshell(2, "status", check=False)))
        # It makes the join token, too.
        assert "waiting for the join token" in shown and "status=degraded" in shown, shown
        run = wait_for("zrms answers", lambda: (
            lambda r: r if r.returncode != 3 else None)(late.zshell(2, "topo", check=False)))
        one_line(run, 1, "no leader")
        late.start(1)
        wait_for("both are alive", lambda: (late.ask_any(7331, "GET", "/v1/cluster") or {}).get("zhosts_alive") == 2, 60)
    finally:
        late.stop()


# --- HTTP and links ---

def http_bodies_that_are_empty_huge_no_json_or_of_wrong_types_get_their_status_and_reason(cluster):
    routes = ((7331, "/v1/topologies/standalone", '{"name": 7}'), (9200, "/v1/spaces/send", '{"topology": {}}'),
              (9200, "/v1/mesh/ping", '{"target": []}'), (9000, "/v1/register", '{"member": "x"}'))
    for port, path, wrong in routes:
        for body, statuses, word in ((wrong, (400,), ""), ("{", (400,), "JSON"), ("[]", (400,), ""), ("\0\xff", (400,), ""),
                                     ('{"no_such_field": 1}', (400,), "no_such_field"), ("[" * 100000, (400,), "")):
            status, text = cluster.answer(1, port, "POST", path, body.encode("latin-1"))
            assert status in statuses, (port, path, body[:40], status, text)
            message = json.loads(text)["error"]["message"]
            assert word in message and len(message) < 600, (path, message)
        if path != "/v1/mesh/ping":  # there an empty body asks everybody
            status, text = cluster.answer(1, port, "POST", path, b"")
            assert status == 400 and json.loads(text)["error"]["message"], (path, status, text)
        bound = 256 << 20 if path == "/v1/topologies/standalone" else 1 << 20
        status, text = huge(cluster, port, path, 2 * bound)
        assert status == 413 and str(bound) in text, (path, status, text)
    for path in ("/v1/topologies", "/v1/blobs"):
        assert cluster.answer(1, 7331, "POST", path, b"")[0] == 400
        assert huge(cluster, 7331, path, 1 << 40)[0] == 413, path


def huge(cluster, port, path, size):
    """What is answered to a body of that announced length; none of it is sent."""
    token = cluster.token(1)
    with socket.create_connection((cluster.ip(1), port), 10) as plain:
        s = cluster.tls().wrap_socket(plain, server_hostname=cluster.ip(1)) if port == 9000 else plain
        s.sendall((f"POST {path} HTTP/1.1\r\nHost: {cluster.ip(1)}:{port}\r\nAuthorization: Bearer {token}\r\n"
                   f"Content-Length: {size}\r\n\r\n").encode())
        answer = b""
        while chunk := s.recv(65536):
            answer += chunk
        answer = answer.decode(errors="replace")
    return int(answer.split()[1]), answer


def a_frame_of_4_gib_ends_its_link_without_its_memory_and_is_named(cluster):
    def resident():
        with open(f"/proc/{cluster.pid_of(1, 'zmesh')}/statm", encoding="utf-8") as f:
            return int(f.read().split()[1]) * 4096
    before = resident()
    addresses = [(socket.AF_INET, (cluster.ip(1), 9201))] + [
        (socket.AF_UNIX, f"{cluster.folder}/r1/{name}") for name in sorted(os.listdir(f"{cluster.folder}/r1"))
        if stat.S_ISSOCK(os.stat(f"{cluster.folder}/r1/{name}").st_mode)]
    assert len(addresses) >= 3, addresses
    for family, address in addresses:
        for first in (b"\x04", b"\x05", b"\x02"):
            with socket.socket(family) as s:
                s.settimeout(20)
                try:
                    s.connect(address)
                except OSError as error:
                    assert error.errno == errno.EPROTOTYPE, (address, error)  # not a stream: no frames there
                    continue
                try:
                    s.sendall(struct.pack("<I", 0xffffffff) + first + b"x" * 65536)
                    while s.recv(65536):
                        pass
                except ConnectionError:
                    pass  # closed with bytes unread
    assert resident() < before + (64 << 20), (before, resident())
    # On port 9201 it is no TLS to begin with.
    assert cluster.events("zmesh", "tls_refused")
    for service in ("zmesh", "startz"):
        why = [e[2]["why"] for e in cluster.events(service, "link_refused")]
        assert why and f"{2 ** 32 - 1} bytes" in why[0], (service, why)
    status, text = cluster.answer(1, 9200, "GET", "/metrics")
    assert re.search(r"^samoza_links_refused_total \d", text, re.M), text[-2000:]


# R-HTTP-1: the WebSocket is at / and at /ws.
def who_is_not_of_the_cluster_registers_nothing_and_gets_no_link(cluster):
    body = json.dumps({"cluster_id": "demo", "member": {"zhost_id": "zhost-1", "incarnation": 1000000}})
    for token in ("", cluster.token(1), cluster.join_token()):
        status, text = cluster.answer(1, 9000, "POST", "/v1/register", body, token=token)
        message = json.loads(text)["error"]["message"]
        assert status == 401 and "shows no certificate" in message and "\n" not in message, (status, message)
    no_certificate_is_given_for_garbage_or_a_false_token(cluster)
    def refused(port):
        return sum(float(line.split(" ")[1]) for line in cluster.get(1, port, "/metrics").splitlines()
                   if line.startswith("samoza_tls_refused_total"))
    # Without a certificate, and with one of another authority.
    other = a_certificate_of_another_authority(cluster)
    for service, protocol, port in (("zmesh", "samoza-peer/1", 9200), ("zrun", "samoza-data/1", 8080)):
        for certificate in (None, other):
            before = refused(port)
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            context.set_alpn_protocols([protocol])
            if certificate:
                context.load_cert_chain(*certificate)
            try:
                with socket.create_connection((cluster.ip(1), 9201), 10) as plain, context.wrap_socket(plain) as s:
                    assert s.recv(65536) == b"", "nothing is said to a stranger"
            except (ssl.SSLError, ConnectionError):
                pass
            wait_for(f"{service} counts it", lambda p=port, b=before: refused(p) > b, 10)
        why = [e[2]["why"] for e in cluster.events(service, "tls_refused")]
        assert any("shows no certificate" in w for w in why) and any("authority" in w for w in why), (service, why)
    for path in ("/", "/ws"):
        a_websocket_without_a_certificate_is_refused(cluster, path)
    wait_for("bad_hello", lambda: [e for e in cluster.events("zmesh-controlplane", "bad_hello")
                                   if "shows no certificate" in e[2]["why"]], 10)
    plain_text_is_not_taken_by_the_control_plane(cluster)
    for secret in (cluster.join_token_file(), f"{cluster.folder}/demo.ca/ca.key", f"{cluster.folder}/s1/credentials.json"):
        assert stat.S_IMODE(os.stat(secret).st_mode) == 0o600, secret
    for log in os.listdir(f"{cluster.folder}/l1"):
        with open(f"{cluster.folder}/l1/{log}", encoding="utf-8", errors="replace") as f:
            assert cluster.join_token() not in f.read(), log


def no_certificate_is_given_for_garbage_or_a_false_token(cluster):
    asked = {"cluster_id": "demo", "zhost": "zhost-1", "request": "x", "data_request": "x", "signature": "eA=="}
    key, request = f"{cluster.folder}/thief.key", f"{cluster.folder}/thief.csr"
    subprocess.run(["openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
                    "/", "-keyout", key, "-out", request], check=True, capture_output=True)
    with open(request, encoding="utf-8") as f:
        real = f.read()
    forged = dict(asked, request=real, data_request=real, token_id="0" * 16, token_secret="eA==")
    for body, statuses in ((asked, (400,)), (forged, (403,)), (dict(asked, cluster_id="other"), (403,)),
                           (dict(asked, zhost="../z"), (400,))):
        status, text = cluster.answer(1, 9000, "POST", "/v1/certificates", json.dumps(body))
        assert status in statuses and "certificate\":" not in text, (status, text)
    assert cluster.events("zmesh-controlplane", "certificate_refused")


def a_certificate_of_another_authority(cluster):
    """(certificate, key) of zhost-1 of "demo", signed by itself."""
    key, certificate = f"{cluster.folder}/other.key", f"{cluster.folder}/other.crt"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
                    "/CN=zhost-1", "-addext", "subjectAltName=URI:samoza://demo/zhost/zhost-1", "-keyout", key, "-out",
                    certificate], check=True, capture_output=True)
    return certificate, key


def plain_text_is_not_taken_by_the_control_plane(cluster):
    with socket.create_connection((cluster.ip(1), 9000), 10) as s:
        s.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        heard = s.recv(65536)
    assert b"HTTP" not in heard, heard
    wait_for("tls_refused", lambda: cluster.events("zmesh-controlplane", "tls_refused"), 10)


def a_websocket_without_a_certificate_is_refused(cluster, path):
    """It is answered before it is one, and no member is told."""
    with socket.create_connection((cluster.ip(1), 9000), 10) as plain, \
            cluster.tls().wrap_socket(plain, server_hostname=cluster.ip(1)) as s:
        s.sendall((f"GET {path} HTTP/1.1\r\nHost: {cluster.ip(1)}:9000\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                   "Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\nSec-WebSocket-Version: 13\r\n\r\n").encode())
        heard = b""
        try:
            while chunk := s.recv(65536):
                heard += chunk
        except (ConnectionError, ssl.SSLError):
            pass
        assert b" 401 " in heard.split(b"\r\n")[0] and b"shows no certificate" in heard, heard
        assert b"127." not in heard, "no member is named"


def a_forged_goodbye_changes_nothing_and_is_counted(cluster):
    def dropped():
        text = cluster.answer(1, 7071, "GET", "/startz/metrics")[1]
        return int(re.search(r"^samoza_startz_unauthenticated_datagrams_total (\d+)", text, re.M).group(1))
    before = dropped()
    # cluster "demo", zhost "zhost-2", incarnation and counter 1000000, goodbye; bare, and sealed with zeros.
    beat = b"\x0a\x04demo\x12\x07zhost-2\x18\xc0\x84\x3d\x20\xc0\x84\x3d\x30\x01"
    sealed = b"\x0a" + bytes([len(beat)]) + beat
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        for datagram in (beat, sealed, sealed + b"\x12\x20" + b"\0" * 32):
            s.sendto(datagram, (cluster.ip(1), 9201))
    wait_for("they are counted", lambda: dropped() >= before + 2, 10)
    assert not cluster.events("zrms", "zhost_dead")


def a_join_token_that_others_may_read_or_that_has_no_place_ends_the_program_with_one_line(cluster):
    token = write(cluster, "open.join", "0" * 64)
    os.chmod(token, 0o644)
    config = write(cluster, "open.yaml", f"zhost: {{id: z1}}\nrun_dir: {cluster.folder}/r9\n"
                   f"cluster: {{join_token_file: {token}}}\n")
    one_line(program("zmesh-controlplane", "-config", config), 1, "open.join", "0644", "chmod 600")
    os.chmod(token, 0o600)
    write(cluster, "open.join", "short")
    one_line(program("zmesh-controlplane", "-config", config), 1, "open.join", "is no join token", "Remove it")
    config = write(cluster, "none.yaml", f"zhost: {{id: z1}}\nrun_dir: {cluster.folder}/r9\n")
    home = {k: v for k, v in os.environ.items() if k not in ("HOME", "XDG_STATE_HOME")}
    one_line(program("startz", "-config", config, env=home), 2, "none.yaml", "cluster.join_token_file")


CASES = [an_unknown_key_is_named_with_file_line_and_the_nearest_known_one,
         wrong_values_of_the_configuration_are_named_with_their_key_and_rule,
         yaml_with_aliases_or_deep_nesting_is_refused_by_every_reader,
         a_port_in_use_is_named_with_the_process_that_holds_it_on_that_address,
         a_control_plane_that_is_away_at_start_is_waited_for_and_status_says_so,
         http_bodies_that_are_empty_huge_no_json_or_of_wrong_types_get_their_status_and_reason,
         a_frame_of_4_gib_ends_its_link_without_its_memory_and_is_named,
         who_is_not_of_the_cluster_registers_nothing_and_gets_no_link,
         a_forged_goodbye_changes_nothing_and_is_counted,
         a_join_token_that_others_may_read_or_that_has_no_place_ends_the_program_with_one_line]

sys.exit(run("cluster_bad_input", CASES))
