/** Actions that Redis cannot read: a seal of the app's own runs over what goes there, on real servers. */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import type { Redis } from 'ioredis';
import type { Broker, BrokerReply } from '../../lib/internal/broker.js';
import { ioredisBroker } from '../../lib/redis/brokers/ioredis.js';
import { SealedBroker, type Seal } from '../../lib/redis/brokers/sealed.js';
import { keysOf } from '../../lib/redis/keys.js';
import { PUBLISH } from '../../lib/redis/scripts/publish.js';
import { READ } from '../../lib/redis/scripts/read.js';
import { ephemeralBytes, readRung, readStored, storedBytes } from '../../lib/redis/stored.js';
import { RedisServer } from '../support/redis.js';
import { waitFor } from '../support/wait.js';

/** AES-256-GCM; the company is bound into it. */
function sealOf(key: Buffer): Seal {
  return {
    encrypt(bytes, companyId) {
      const nonce = randomBytes(12);
      const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(companyId));
      const body = Buffer.concat([cipher.update(bytes), cipher.final()]);
      return Buffer.concat([nonce, cipher.getAuthTag(), body]);
    },
    decrypt(bytes, companyId) {
      const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, 12)).setAAD(Buffer.from(companyId));
      decipher.setAuthTag(bytes.subarray(12, 28));
      return Buffer.concat([decipher.update(bytes.subarray(28)), decipher.final()]);
    },
  };
}

const publish = { name: 'publish', body: PUBLISH };
const read = { name: 'read', body: READ };
const { head, log, ids, doorbell } = keysOf('pathcast', 'acme');
const SECRET = 'the price is 4,200';
const stored = storedBytes({ head: `{"id":"one","data":"${SECRET}","seq":`, tail: '}' });

let server: RedisServer;
let client: Redis;
const brokers: Broker[] = [];

function broker(seal: Seal): SealedBroker {
  const plain = ioredisBroker(client);
  brokers.push(plain);
  return new SealedBroker(plain, seal, { prefix: 'pathcast', publish, read });
}

const send = (to: Broker, id: string): Promise<BrokerReply> =>
  to.eval(publish, [head, log, ids], [doorbell, 'PUBLISH', '', '', '', 0, '', '0', 'e1', 1_000, 60_000, 1 << 20, 60_000, id, 0, stored, '']);
const readAll = (from: Broker): Promise<BrokerReply> => from.eval(read, [head, log, ids], ['', '', '', 0, '', '0', 'e2', 1, 1_000]);

async function hearing(by: Broker): Promise<Buffer[]> {
  const heard: Buffer[] = [];
  let stands = false;
  by.subscribe(doorbell, { subscribed: () => void (stands = true), message: (payload) => void heard.push(Buffer.from(payload)) });
  await waitFor(() => stands, 'the channel');
  return heard;
}

beforeEach(async () => {
  server = await RedisServer.start();
  client = server.client();
});
afterEach(async () => {
  for (const each of brokers.splice(0)) await each.close();
  await server?.end();
});

test('what an action says is in Redis nowhere, and is whole where the key is', async () => {
  const key = randomBytes(32);
  const [writer, reader] = [broker(sealOf(key)), broker(sealOf(key))];
  const [heard, raw] = [await hearing(reader), [] as Buffer[]];
  const ear = server.client();
  await ear.subscribe(doorbell);
  ear.on('messageBuffer', (_channel: Buffer, message: Buffer) => raw.push(message));
  await waitFor(() => writer.state.link === 'ready', 'the link');
  expect(String(((await send(writer, 'one')) as Buffer[])[0])).toBe('OK');
  await writer.command(['PUBLISH', doorbell, ephemeralBytes('n1', { companyId: 'acme', json: `{"data":"${SECRET}"}` })]);
  await waitFor(() => heard.length === 2 && raw.length === 2, 'both messages');

  const [action, ephemeral] = heard.map((payload) => readRung(payload));
  expect(action).toMatchObject({ kind: 'action', epoch: 'e1', seq: 1, id: 'one', bytes: stored });
  expect(ephemeral).toMatchObject({ kind: 'ephemeral', nodeId: 'n1', json: `{"data":"${SECRET}"}` });
  const answer = (await readAll(reader)) as Buffer[];
  expect(readStored(answer[12] as Buffer)?.head).toContain(SECRET);

  const kept = await client.xrangeBuffer(log, '-', '+');
  for (const bytes of [...raw, ...kept.flatMap(([, fields]) => fields)]) expect(bytes.includes(SECRET)).toBe(false);
  expect(raw).toHaveLength(2);
});

test('under another key nothing opens: what comes is no action, and does not pass for one', async () => {
  const writer = broker(sealOf(randomBytes(32)));
  const stranger = broker(sealOf(randomBytes(32)));
  const heard = await hearing(stranger);
  await waitFor(() => writer.state.link === 'ready', 'the link');
  await send(writer, 'one');
  await waitFor(() => heard.length === 1, 'the message');
  const rung = readRung(heard[0] as Buffer);
  expect(rung.kind).toBe('action');
  expect(rung.kind === 'action' && readStored(rung.bytes)).toBeUndefined();
  expect(readStored(((await readAll(stranger)) as Buffer[])[12] as Buffer)).toBeUndefined();
});

test('a seal that throws refuses the publish, and says so', async () => {
  const broken = broker({
    encrypt: () => {
      throw new Error('no key today');
    },
    decrypt: (bytes) => bytes,
  });
  await waitFor(() => broken.state.link === 'ready', 'the link');
  await expect(send(broken, 'one')).rejects.toMatchObject({ failure: 'refused', message: 'SEALFAILED seal.encrypt threw: no key today' });
  expect(await client.exists(log)).toBe(0);
});

test.each([
  ['nothing', () => new Uint8Array()],
  ['an ArrayBuffer', (bytes: Uint8Array) => bytes.buffer],
  ['words of two bytes', (bytes: Uint8Array) => new Uint16Array(bytes)],
  ['a promise', async (bytes: Uint8Array) => bytes],
  ['a text', () => 'sealed'],
])('a seal that gives %s refuses the publish, and says what it should give', async (_, encrypt) => {
  const broken = broker({ encrypt: encrypt as Seal['encrypt'], decrypt: (bytes) => bytes });
  await waitFor(() => broken.state.link === 'ready', 'the link');
  await expect(send(broken, 'one')).rejects.toMatchObject({ failure: 'refused', message: expect.stringMatching(/^SEALFAILED seal\.encrypt must return a Uint8Array .*, got /) });
  expect(await client.exists(log)).toBe(0);
});

test('the bytes that a seal gets have their memory for themselves', async () => {
  const sizes: number[] = [];
  const measuring = broker({
    encrypt: (bytes) => {
      sizes.push(bytes.buffer.byteLength - bytes.byteLength);
      return bytes;
    },
    decrypt: (bytes) => bytes,
  });
  await waitFor(() => measuring.state.link === 'ready', 'the link');
  await send(measuring, 'one');
  expect(sizes).not.toHaveLength(0);
  expect(new Set(sizes)).toEqual(new Set([0]));
});
