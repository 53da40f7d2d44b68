// Ends in the middle of a load: process.exit, a throw, workers that are terminated, drain and close at once.
// `queued`: workers that end while the hub still answers them. Node calls once more for what was queued meanwhile, after it
// has told the addon of its end.
//   node exits.mjs exit | throw | worker | queued | close
import { isMainThread, Worker } from 'node:worker_threads';
import { action, connect, start } from './app.mjs';

const how = process.argv[2];
if (how === 'leave') await leaveWhileTheHubAnswers(Number(process.argv[3]));
if (how === 'queued') {
  for (let i = 0; i < 10; i++)
    await new Promise((ended) => new Worker(new URL(import.meta.url), { argv: ['leave', 1_000 * i] }).once('exit', ended));
  process.exit(0);
}
const { hub, server, port } = await start();
if (isMainThread && how === 'worker') {
  for (let i = 0; i < 4; i++) {
    const worker = new Worker(new URL(import.meta.url), { argv: ['load'] });
    worker.on('error', () => undefined);
    setTimeout(() => void worker.terminate(), 400 + Math.random() * 600);
  }
}
const clients = Array.from({ length: isMainThread ? 150 : 40 }, (_, i) => connect(port, `/?c=c${i % 5}`, { pause: i % 7 === 0 }));
await Promise.all(clients.filter((_, i) => i % 7 !== 0).map(({ opened }) => opened));
let over = false;
const pump = () => {
  if (over) return;
  for (let i = 0; i < 50; i++) void hub.broadcast(action({ companyId: `c${i % 5}`, data: 'x'.repeat(200) }));
  setImmediate(pump);
};
pump();
const later = (work, ms = 30 + Math.random() * 120) => setTimeout(work, ms);
if (how === 'exit') later(() => process.exit(0));
if (how === 'throw') {
  later(() => {
    throw new Error('on purpose');
  });
}
if (how === 'worker') later(() => process.exit(0), 1_300);
if (how === 'close') {
  later(async () => {
    over = true;
    await Promise.all([hub.drain({ overMs: 5 }), hub.close()]);
    for (const { socket } of clients) socket.destroy();
    server.close();
  });
}

async function leaveWhileTheHubAnswers(calls) {
  const { hub } = await start();
  for (let i = 0; i < calls; i++) void hub.broadcast(action({ companyId: 'c', data: 'x'.repeat(200) }));
  await null; // what is broadcast within one turn is handed over at its end
  process.exit(0);
}
