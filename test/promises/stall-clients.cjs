// Opens streams, says `ready` when each has had its hello, then when the last one had its first action.
'use strict';
const net = require('node:net');
const { parentPort, workerData } = require('node:worker_threads');

let greeted = 0;
let arrived = 0;
for (let i = 0; i < workerData.clients; i++) {
  const socket = net.connect(workerData.port, '127.0.0.1', () => {
    socket.write('GET / HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n');
  });
  let text = '';
  let [hello, action] = [false, false];
  socket.on('data', (chunk) => {
    text += chunk.toString('latin1');
    if (!hello && text.includes('"type":"hello"')) {
      hello = true;
      if (++greeted === workerData.clients) parentPort.postMessage('ready');
    }
    if (!action && text.includes('"type":"update"')) {
      action = true;
      if (++arrived === workerData.clients) parentPort.postMessage({ arrived, lastArrival: Date.now() });
    }
  });
}
