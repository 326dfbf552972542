// SPDX-License-Identifier: Apache-2.0
'use strict';
// Draws the last readings the store sent along "live"; asks for its figures along "query".
const kept = 600, points = [], found = [];
const canvas = document.getElementById('chart'), pen = canvas.getContext('2d');
const state = document.getElementById('state'), list = document.getElementById('anomalies');

function draw() {
  const step = canvas.width / kept, y = (v) => canvas.height - 12 - v / 1000 * (canvas.height - 24);
  pen.clearRect(0, 0, canvas.width, canvas.height);
  pen.strokeStyle = '#5fb3ff';
  pen.beginPath();
  points.forEach((p, i) => pen.lineTo(i * step, y(p.value)));
  pen.stroke();
  pen.fillStyle = '#ff6b57';
  points.forEach((p, i) => {
    if (!p.anomaly) return;
    pen.beginPath();
    pen.arc(i * step, y(p.value), 4, 0, 7);
    pen.fill();
  });
}
function take(text) {
  for (const line of text.split('\n').slice(1)) {
    const [number, value, anomaly] = line.split(' ').map(Number);
    if (!number) continue;
    points.push({ number, value, anomaly });
    if (anomaly) found.unshift(`reading ${number}: ${value / 10} %`);
  }
  points.splice(0, points.length - kept);
  found.splice(10);
  list.replaceChildren(...found.map((text) => {
    const item = document.createElement('li');
    item.textContent = text;
    return item;
  }));
  draw();
}
function connect() {
  const socket = new WebSocket(new URL('ws', location.href).href.replace(/^http/, 'ws'));
  const ask = () => socket.readyState === 1 && socket.send(JSON.stringify({ path: 'query', payload: 'status' }));
  const timer = setInterval(ask, 1000);
  socket.onopen = ask;
  socket.onmessage = (event) => {
    const message = JSON.parse(event.data);
    if (message.path === 'live') take(message.payload);
    if (message.path === 'answer' && message.payload.startsWith('results')) state.textContent = message.payload;
  };
  socket.onclose = () => {
    clearInterval(timer);
    state.textContent = 'connection lost; trying again';
    setTimeout(connect, 1000);
  };
}
connect();
