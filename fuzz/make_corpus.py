#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the seeds of fuzz/corpus/<target>/. Inputs that once crashed lie there too, as crash-*; this leaves them."""
import base64
import io
import os
import struct
import subprocess
import tempfile
import zipfile

HERE = os.path.dirname(os.path.abspath(__file__))


def save(target, name, data):
    if isinstance(data, str):
        data = data.encode()
    assert len(data) < 4096, (target, name, len(data))
    folder = os.path.join(HERE, "corpus", target)
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, name), "wb") as f:
        f.write(data)


def field(number, value):
    """A protobuf field: a number as varint, bytes with their length."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    value = value if isinstance(value, bytes) else value.encode()
    return varint(number << 3 | 2) + varint(len(value)) + value


def varint(n):
    out = b""
    while n > 127:
        out += bytes([n & 127 | 128])
        n >>= 7
    return out + bytes([n])


def frames():
    address = field(1, "zhost-1") + field(2, "zrms")
    envelope = (b"\x02" + field(1, address) + field(2, address) + field(3, 7) + field(4, 1) +
                field(5, "zrms.resource_report") + field(6, b"\0\xff") +
                field(7, field(1, 3) + field(2, "no")) + field(8, 2) + field(9, "a") + field(9, "b"))
    hello = field(1, "zrun") + field(2, "zhost-1") + field(3, 4) + field(4, 5) + field(5, "0.1")

    def data(payload=b"hi", size=None, kind=1, flags=1, reserved=0):
        return (struct.pack("<BBBBHHHHI", 3, kind, flags, 2, 1, 0, 1, reserved,
                            len(payload) if size is None else size) +
                bytes(range(16)) + struct.pack("<QQIIQ", 9, 8, 7, 6, 2**64 - 1) + payload)
    save("frame", "empty", b"")
    save("frame", "hello", b"\x01" + hello)
    save("frame", "hello_truncated", b"\x01" + hello[:-2])
    save("frame", "envelope", envelope)
    save("frame", "envelope_length_4gib", b"\x02" + varint(6 << 3 | 2) + varint(2**32 - 1) + b"x")
    save("frame", "envelope_bad_utf8", b"\x02" + field(5, b"\xff\xfe"))
    save("frame", "envelope_groups", b"\x02" + b"\x0b" * 200)
    save("frame", "peer_hello", b"\x04" + field(1, "samoza") + field(2, "z") + field(3, 1))
    save("frame", "data_hello", b"\x05" + field(1, "samoza") + field(2, "z") + field(99, "new"))
    save("frame", "data", data())
    save("frame", "data_empty_payload", data(b"", flags=0, kind=4))
    save("frame", "data_length_4gib", data(size=2**32 - 1))
    save("frame", "data_short_header", data()[:63])
    save("frame", "data_unknown_type", data(kind=6))
    save("frame", "data_reserved_bits", data(reserved=1))
    save("frame", "envelope.json", '{"from": {"zhost": "z"}, "request_id": "7", "body": "AP8=", "route": ["a"]}')
    save("frame", "deep.json", '{"from":' * 400)
    space = field(1, "a") + field(2, "CALL")
    save("frame", "topology_spec", field(1, "t") + field(3, space) + field(3, space))


def yamls():
    topology = ("apiVersion: samoza/v1\nkind: Topology\nmetadata: {name: t}\nspaces:\n  - {name: a, type: CALL}\n"
                "  - {name: ui, type: UI}\npaths:\n  - {name: p, from: a, to: ui}\n")
    with open(os.path.join(HERE, "..", "configs", "samoza_dev.yaml"), encoding="utf-8") as f:
        save("yaml", "zhost.yaml", f.read())
    save("yaml", "empty", "")
    save("yaml", "topology.yaml", topology)
    save("yaml", "topology_truncated.yaml", topology[:-9])
    save("yaml", "space.yaml", "type: DATA\ncapabilities: [data.read]\nlimits: {memory: 16MiB, mailbox_bytes: 1k}\n"
                               "runtime: {budgets: {on_init_deadline_ms: 99999999999999999999}}\n")
    save("yaml", "manifest_source.yaml", "name: app\nversion: 1.0.0\npublisher: me\n")
    save("yaml", "aliases.yaml", "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n")
    save("yaml", "merge_and_tags.yaml", "<<: {a: 1}\nb: !!binary AAAA\n")
    save("yaml", "duplicate_keys.yaml", "a: 1\na: 2\n")
    save("yaml", "two_documents.yaml", "a: 1\n---\nb: 2\n")
    save("yaml", "deep_flow.yaml", "[" * 3000)
    save("yaml", "deep_dashes.yaml", "- " * 1500)
    save("yaml", "deep_questions.yaml", "? " * 1500)
    save("yaml", "deep_indent.yaml", "".join(" " * i + "a:\n" for i in range(80)))
    save("yaml", "nul_and_mark.yaml", b"\xef\xbb\xbfa: \0\n")
    save("yaml", "url", "ws://[::1]:99999/ws")
    save("yaml", "numbers.yaml", "zhost: {id: z}\nports: {zmesh: -1, zrun: 0x10, zrms: 65536}\ntimes: {beat: 1e9h}\n")


def archive(files, compress=zipfile.ZIP_STORED):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as z:
        for name, content in files:
            info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            info.compress_type = compress
            z.writestr(info, content)
    return out.getvalue()


def signed_mex(module):
    """A whole archive that every check accepts, from bin/mex with a key known to all: where mutation starts to
    reach behind the hashes and the signature."""
    program = os.path.join(os.path.dirname(HERE), "bin", "mex")
    with tempfile.TemporaryDirectory() as folder:
        for name, content in {
                "key": base64.b64encode(b"fuzz" * 8) + b"\n",
                "app/manifest.yaml": b"apiVersion: samoza/v1\nkind: MEX\nmetadata: {name: f, version: 1.0.0, "
                                     b"publisher: fuzz, created: \"2026-01-01T00:00:00Z\"}\n",
                "app/topology.yaml": b"apiVersion: samoza/v1\nkind: Topology\nmetadata: {name: f}\nspaces:\n"
                                     b"  - {name: a, type: CALL}\n  - {name: ui, type: UI}\n"
                                     b"paths:\n  - {name: p, from: a, to: ui}\n",
                "app/spaces/a/space.yaml": b"type: CALL\ncapabilities: [sys.log]\n",
                "app/spaces/a/core.wasm": module,
                "app/spaces/ui/space.yaml": b"type: UI\n",
                "app/spaces/ui/index.html": b"<p>hi</p>\n"}.items():
            path = os.path.join(folder, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as f:
                f.write(content)
        os.chmod(f"{folder}/key", 0o600)
        subprocess.run([program, "build", f"{folder}/app", "-o", f"{folder}/out.mex", "--key", f"{folder}/key"],
                       check=True, stdout=subprocess.DEVNULL)
        with open(f"{folder}/out.mex", "rb") as f:
            return f.read()


def mexes():
    import warnings
    warnings.simplefilter("ignore")
    module = (b"\0asm\1\0\0\0" b"\x01\x05\x01\x60\x00\x01\x7f" b"\x03\x02\x01\x00" b"\x05\x03\x01\x00\x01"
              b"\x07\x17\x02\x06memory\x02\x00\x0aon_process\x00\x00" b"\x0a\x06\x01\x04\x00\x41\x00\x0b")
    plain = archive([("manifest.yaml", "apiVersion: samoza/v1\n"), ("topology.yaml", "x: 1\n")])
    save("mex", "empty", b"")
    save("mex", "signed.mex", signed_mex(module))
    save("mex", "plain.zip", plain)
    save("mex", "deflate.zip", archive([("a", b"ab" * 100)], zipfile.ZIP_DEFLATED))
    save("mex", "no_entries.zip", archive([]))
    save("mex", "truncated.zip", plain[:-10])
    save("mex", "dotdot.zip", archive([("../x", "y")]))
    save("mex", "duplicate.zip", archive([("a", "1"), ("a", "2")]))
    save("mex", "case.zip", archive([("A", "1"), ("a", "2")]))
    save("mex", "prefix.zip", b"MZ" + plain)
    end = plain.rindex(b"PK\5\6")
    save("mex", "directory_4gib.zip", plain[:end + 12] + b"\xff" * 8 + plain[end + 20:])
    local = plain.index(b"PK\3\4")
    save("mex", "local_size_4gib.zip", plain[:local + 18] + b"\xff" * 8 + plain[local + 26:])
    save("mex", "bomb.zip", archive([("zeros", b"\0" * 1000000)], zipfile.ZIP_DEFLATED))
    save("mex", "module", b"\x02" + module)
    save("mex", "module_length_4gib", b"\x02" + module[:8] + b"\x01\xff\xff\xff\xff\x0f\x01")
    save("mex", "layout", b"\x03" + b"locations: [{name: a, faces: {north: b}}]\nroutes: []\n")


def abis():
    # Arguments are (tag, bytes): 0 one byte, 1 near the memory's end, 2 four bytes, 3 eight bytes.
    # The order of the functions is that of guest_abi/table.cc.
    def small(n):
        return bytes([0, n])

    def end(n):  # memory + 8 - n
        return bytes([1, n])

    def word(n):
        return b"\x02" + struct.pack("<I", n)

    def wide(n):
        return b"\x03" + struct.pack("<Q", n)
    memory = b"\xff" + b"p" + b"machine" + struct.pack("<II", 1, 2) + b"kvw" + bytes(200)
    save("abi", "empty", b"")
    save("abi", "emit_and_receive", bytes([4]) + small(0) + small(1) + small(1) + small(8) + small(0) +
         bytes([5]) + small(20) + small(64) + small(40) + small(0) + memory)
    save("abi", "emit_until_full", (bytes([4]) + small(0) + small(1) + small(1) + small(8) + small(9)) * 5 + memory)
    save("abi", "length_4gib", bytes([0]) + small(1) + small(0) + word(2**32 - 1) + memory)
    save("abi", "wraps_around", bytes([0]) + small(1) + word(2**32 - 1) + small(2) + memory)
    save("abi", "high_half", bytes([0]) + small(1) + wide(2**32) + wide(2**63 + 4) + memory)
    save("abi", "one_past_the_end", bytes([0]) + small(1) + end(10) + small(3) + memory)
    save("abi", "put_many", bytes([7]) + small(8) + small(11) + bytes([9]) + small(0) + small(0) + small(0) + small(0) +
         small(30) + small(99) + memory)
    save("abi", "put_get_delete", bytes([6]) + small(0) + small(1) + small(1) + small(4) +
         bytes([8]) + small(0) + small(1) + small(30) + small(2) + bytes([10]) + small(0) + small(1) + memory)
    save("abi", "sensors", bytes([11]) + small(1) + small(7) + bytes([12]) + small(1) + small(30) + small(4) + small(0) +
         bytes([12]) + small(1) + small(30) + small(40) + small(0) + bytes([13]) + small(1) + memory)
    # Of WASI and AssemblyScript; what a function leaves of its arguments reads as further calls.
    for first in range(14, 69, 11):
        calls = (bytes([f]) + small(1) + small(40) + small(1) + end(12) + small(0) * 5 for f in range(first, first + 11))
        save("abi", f"toolchains_{first}", b"".join(calls) + memory)
    for first in range(0, 69, 23):
        save("abi", f"no_memory_{first}", b"".join(bytes([f]) + small(0) * 9 for f in range(first, first + 23)))
    save("abi", "imports", b"\x33" + b"sys" + b"log" + b"\x05iii>i" + b"\xa1" + b"x" + b"on_process" + b"\x02>i")


def tls():
    """h: first bytes of a connection; c: a certificate or a request for one; t: a join token."""
    import ssl

    def hello(*protocols):
        context = ssl.create_default_context()
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        if protocols:
            context.set_alpn_protocols(list(protocols))
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        try:
            context.wrap_bio(incoming, outgoing, server_hostname="z1").do_handshake()
        except ssl.SSLWantReadError:
            return b"h" + outgoing.read()

    def der(*words):
        return subprocess.run(["openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                               "-keyout", "/dev/null", "-subj", "/CN=z1", "-outform", "DER", *words],
                              check=True, capture_output=True).stdout
    save("tls", "hello", hello("samoza-peer/1"))
    save("tls", "hello_data", hello("samoza-data/1", "samoza-peer/1"))
    save("tls", "hello_others", hello("h2", "http/1.1"))
    save("tls", "hello_no_protocol", hello())
    save("tls", "hello_cut", hello("samoza-peer/1")[:-9])
    save("tls", "hello_http", b"hGET / HTTP/1.1\r\nHost: z1\r\n\r\n")
    save("tls", "hello_record_of_64k", b"h\x16\x03\x01\xff\xff\x01\x00\xff\xfb" + bytes(200))
    save("tls", "request", b"c" + der())
    save("tls", "certificate", b"c" + der("-x509", "-addext", "subjectAltName=URI:samoza://plant/zhost/z1"))
    save("tls", "certificate_cut", (b"c" + der("-x509"))[:-20])
    save("tls", "token", b"tsmj_" + b"aebagbafaydqqcik" * 8 + b"\n")


frames()
yamls()
mexes()
tls()
abis()
