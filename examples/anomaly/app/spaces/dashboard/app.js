// SPDX-License-Identifier: Apache-2.0
// Draws what the store sends along `feed`; asks it for a summary along `query`.
"use strict";

const SHOWN = 2400; // readings in the chart
const points = new Map(); // number -> [value, z, anomaly]
let newest = -1;
let latest = [];
let lastResults = null;
const byId = (id) => document.getElementById(id);

function connect() {
  const socket = new WebSocket(new URL("ws", location.href.replace(/^http/, "ws")));
  let timer = null;
  socket.onopen = () => {
    byId("state").textContent = "live";
    byId("state").className = "on";
    const ask = () => socket.send(JSON.stringify({ path: "query", payload: "summary" }));
    ask();
    timer = setInterval(ask, 1000);
  };
  socket.onmessage = (event) => {
    const message = JSON.parse(event.data);
    if (message.path === "feed") take(JSON.parse(message.payload));
  };
  socket.onclose = () => {
    clearInterval(timer);
    byId("state").textContent = "disconnected; trying again";
    byId("state").className = "off";
    setTimeout(connect, 1000);
  };
}

function take(message) {
  if (message.type === "summary") return summary(message);
  if (message.type !== "points") return;
  for (const [number, value, z, anomaly] of message.points) {
    points.set(number, [value, z, anomaly]);
    newest = Math.max(newest, number);
    if (anomaly) latest.push([number, value, z]);
  }
  latest = latest.slice(-12);
  for (const number of points.keys()) if (number < newest - SHOWN) points.delete(number);
}

function summary(message) {
  byId("results").textContent = message.results.toLocaleString("en");
  byId("repeats").textContent = message.repeats.toLocaleString("en");
  byId("anomalies").textContent = message.anomalies.toLocaleString("en");
  const now = performance.now();
  if (lastResults) {
    const rate = ((message.results - lastResults.results) / (now - lastResults.now)) * 1000;
    byId("rate").textContent = Math.max(0, Math.round(rate)).toLocaleString("en");
  }
  lastResults = { results: message.results, now };
}

function draw() {
  const canvas = byId("chart"), g = canvas.getContext("2d");
  const { width, height } = canvas, pad = 36;
  const x = (n) => pad + ((n - (newest - SHOWN)) / SHOWN) * (width - pad - 12);
  const y = (v) => height - 24 - (v / 1000) * (height - 40);
  g.clearRect(0, 0, width, height);
  g.font = "12px system-ui";
  for (const percent of [0, 25, 50, 75, 100]) {
    g.fillStyle = "#8b93a7";
    g.fillText(percent + " %", 2, y(percent * 10) + 4);
    g.fillStyle = "#2a3040";
    g.fillRect(pad, y(percent * 10), width - pad - 12, 1);
  }
  const numbers = [...points.keys()].sort((a, b) => a - b);
  g.strokeStyle = "#4fb3ff";
  g.lineWidth = 1.2;
  g.beginPath();
  numbers.forEach((n, i) => (i ? g.lineTo(x(n), y(points.get(n)[0])) : g.moveTo(x(n), y(points.get(n)[0]))));
  g.stroke();
  g.fillStyle = "#ff5d5d";
  for (const n of numbers) {
    if (!points.get(n)[2]) continue;
    g.beginPath();
    g.arc(x(n), y(points.get(n)[0]), 5, 0, 7);
    g.fill();
  }
  byId("list").replaceChildren(
    ...latest.slice().reverse().map(([number, value, z]) => {
      const row = document.createElement("tr");
      for (const text of [number, (value / 10).toFixed(1) + " %", (z / 1000).toFixed(2)]) {
        const cell = document.createElement("td");
        cell.textContent = text;
        row.append(cell);
      }
      return row;
    }));
  requestAnimationFrame(draw);
}

connect();
requestAnimationFrame(draw);
