#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The page of the example in headless Chromium: it goes live over its WebSocket, counts results, lists
anomalies and draws the series. Ends with 77 ("not run") where there is no Chromium."""
import base64
import json
import os
import shutil
import socket
import struct
import subprocess
import sys
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tools"))
from demo import build_application  # noqa: E402
from samoza_test_cluster import Cluster, Page, wait_for  # noqa: E402


class DevTools(Page):
    """One page of a browser over the Chrome DevTools Protocol."""

    def __init__(self, url):
        address, path = url.removeprefix("ws://").split("/", 1)
        host, port = address.split(":")
        self.socket = socket.create_connection((host, int(port)), 120)
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall((f"GET /{path} HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\n"
                             f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n"
                             "Sec-WebSocket-Version: 13\r\n\r\n").encode())
        self.rest, self.last = b"", 0
        while b"\r\n\r\n" not in self.rest:
            self._more()
        self.rest = self.rest.split(b"\r\n\r\n", 1)[1]

    def call(self, method, **parameters):
        self.last += 1
        data = json.dumps({"id": self.last, "method": method, "params": parameters}).encode()
        self.socket.sendall(bytes([0x81, 0x80 | 126]) + struct.pack(">H", len(data)) + bytes(4) + data)
        while True:
            _, second = self._take(2)
            size = second & 0x7f
            if size == 126:
                size = struct.unpack(">H", self._take(2))[0]
            elif size == 127:
                size = struct.unpack(">Q", self._take(8))[0]
            answer = json.loads(self._take(size))
            if answer.get("id") == self.last:
                return answer.get("result", {})  # none where the page left meanwhile

    def value(self, expression):
        return self.call("Runtime.evaluate", expression=expression).get("result", {}).get("value")


def watch(cluster, browser_folder, address, token):
    def debugger():
        try:
            with open(f"{browser_folder}/DevToolsActivePort", encoding="utf-8") as f:
                port = f.readline().strip()
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list", timeout=5) as answer:
                pages = [p for p in json.load(answer) if p["type"] == "page" and address in p["url"]]
            return pages[0]["webSocketDebuggerUrl"] if pages else None
        except (OSError, ValueError):
            return None
    page = DevTools(wait_for("Chromium opens the page", debugger, 60))
    wait_for("the login form is there", lambda: page.value("document.querySelector('form [name=token]') !== null"))
    page.value(f"document.querySelector('form [name=token]').value = '{token}'; "
               "setTimeout(() => document.querySelector('form').submit())")
    wait_for("the page is live", lambda: page.value("document.getElementById('state').textContent") == "live")
    assert page.value("document.cookie") == "", "no script sees the session"
    wait_for("the page counts results", lambda: page.value(
        "Number(document.getElementById('results').textContent.replaceAll(',', '')) > 500"))
    wait_for("the page lists anomalies", lambda: page.value("document.querySelectorAll('#list tr').length > 0"))
    wait_for("the series is drawn", lambda: page.value(
        "[...document.getElementById('chart').getContext('2d').getImageData(0, 0, 1200, 360).data]"
        ".filter((v, i, d) => i % 4 == 2 && v > 200 && d[i - 2] < 120).length > 200"))
    wait_for("the anomalies are marked", lambda: page.value(
        "[...document.getElementById('chart').getContext('2d').getImageData(0, 0, 1200, 360).data]"
        ".filter((v, i, d) => i % 4 == 0 && v > 200 && d[i + 2] < 120).length > 10"))
    # The space gets another instance; the address and the session stay.
    page.value("window.samozaSeen = document.getElementById('results').textContent")
    cluster.zshell(1, "topo", "restart", "anomaly", "dashboard")
    wait_for("the page lives on", lambda: page.value(
        "document.getElementById('state').textContent == 'live' && "
        "document.getElementById('results').textContent != window.samozaSeen"))
    if len(sys.argv) > 1:
        with open(sys.argv[1], "wb") as f:
            f.write(base64.b64decode(page.call("Page.captureScreenshot")["data"]))
    page.close()


# R-SPACE-1, R-ANG-8: the page of the example in a browser, with messages of its space.
def main():
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        print("page_test: not run: no Chromium here")
        return 77
    cluster = Cluster(count=3)
    browser = None
    try:
        for n in (1, 2, 3):
            cluster.start(n)
        wait_for("three zhosts are alive",
                 lambda: (cluster.ask_any(7331, "GET", "/v1/cluster") or {}).get("zhosts_alive") == 3, 60)
        mex = build_application(cluster.folder, 1000, 60000, False)
        cluster.zshell(1, "topo", "submit", mex)
        n = wait_for("the dashboard is placed", lambda: cluster.where(cluster.topology("anomaly"), "dashboard"))
        other = n % 3 + 1  # any zhost shows it
        made = json.loads(cluster.zshell(other, "--json", "cluster", "token", "create", "--role", "ingress",
                                         "--topology", "anomaly").stdout)
        opened = wait_for("zmesh knows the page", lambda: cluster.zshell(
            other, "--json", "spaces", "open", "anomaly/dashboard", check=False).stdout.startswith("{\"url")
            and cluster.zshell(other, "--json", "spaces", "open", "anomaly/dashboard").stdout)
        address = json.loads(opened)["url"]
        assert address == "http://dashboard.anomaly.localhost:9200/", address
        folder = f"{cluster.folder}/chromium"
        with open(f"{cluster.folder}/chromium.log", "wb") as log:
            browser = subprocess.Popen(
                [chromium, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                 "--disable-background-networking", "--no-first-run", "--remote-debugging-port=0",
                 f"--host-resolver-rules=MAP *.localhost {cluster.ip(other)}",
                 f"--user-data-dir={folder}", address], stdout=log, stderr=log)
        watch(cluster, folder, address, made["token"])
        print("page_test: live, results counted, series drawn, anomalies marked and listed")
        return 0
    finally:
        if browser is not None:
            browser.terminate()
            browser.wait(20)
        cluster.stop()


if __name__ == "__main__":
    sys.exit(main())
