/**
 * What happens to a person who works offline. Each: a name, what it is in a sentence, and `run(world)`, which gives a verdict
 * (verdicts.mjs). `ada` works at the tabs; `other` is somebody at another desk. The guests g1 to g4 are there, named `start`, at table 1.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { delivered, heard, markOf, worst } from './verdicts.mjs';

const note = (text, guest = 'g1') => ({ kind: 'note', guest, text });
const rename = (id, name) => ({ kind: 'update', id, fields: { name } });
const create = (id, name) => ({ kind: 'create', id, fields: { name, table: '7' } });
const remove = (id) => ({ kind: 'delete', id });

const is = (mark) => (op) => JSON.stringify(op).includes(mark);
const guestOf = (world, id) => world.server.store.read().guests.find((guest) => guest.id === id);
const arrived = (world, mark) => world.until(() => world.server.requests.some(({ op }) => is(mark)(op)), `a request with ${mark}`, 60_000);

/** What ada does in a tunnel: three writes that have nothing to do with each other. */
const THREE = [rename('g2', 'renamed-in-tunnel'), note('noted-in-tunnel', 'g3'), create('g9', 'made-in-tunnel')];

async function inTunnel(world, tab, ops) {
  await world.offline();
  await sleep(world.pause);
  for (const op of ops) await tab.act(op);
}

/** Ada and somebody else change one field of one guest; `between` is what she does after it, still offline. */
async function sameField(world, between) {
  const tab = await world.openReady();
  const mine = rename('g1', 'ada-wrote-this');
  await inTunnel(world, tab, [mine]);
  world.server.other(rename('g1', 'other-wrote-this'));
  const base = await between(tab);
  await world.online();
  if (base) await base();
  await world.until(() => guestOf(world, 'g1').name === 'ada-wrote-this', undefined, 6_000);
  if (guestOf(world, 'g1').name === 'ada-wrote-this') return { word: 'overwrote', why: "the other's value is gone, and nobody is told" };
  return heard(world, mine, 'other-wrote-this');
}

async function withoutHandle(world, { event }) {
  if (world.subject === 'redux') return { word: 'n/a', why: 'keeps its queue in localStorage' };
  const tab = await world.openReady();
  await world.offline();
  await sleep(world.pause);
  await tab.loseHandles(event);
  await tab.act(note('after-the-handle'));
  await tab.close();
  await world.online();
  await world.open();
  return delivered(world, [note('after-the-handle')]);
}

/** What the screen showed of a guest's name, one after the other, from the moment when it first showed `mine`. */
async function namesShown(tab, id, mine) {
  const names = (await tab.views()).map(({ at, view }) => ({ at, name: JSON.parse(view).guests[id]?.name }));
  const from = names.findIndex(({ name }) => name === mine);
  return from < 0 ? [] : names.slice(from).filter(({ name }, index, all) => index === 0 || all[index - 1].name !== name);
}

async function flicker(world, tab, op) {
  const verdict = await delivered(world, [op]);
  if (verdict.word !== 'kept') return verdict;
  const shown = await namesShown(tab, op.id, op.fields.name);
  const away = shown.findIndex(({ name }) => name !== op.fields.name);
  if (away < 0) return verdict;
  const back = shown[away + 1];
  return { word: 'flickers', why: back ? `the old value is shown for ${Math.round(back.at - shown[away].at)} ms` : 'the old value is shown' };
}

export const SCENARIOS = [
  {
    name: 'closed',
    about: 'Three writes in a tunnel; the tab is closed there and opened again outside.',
    async run(world) {
      const tab = await world.openReady();
      await inTunnel(world, tab, THREE);
      await tab.close();
      await world.online();
      await world.open();
      return delivered(world, THREE);
    },
  },
  {
    name: 'crashed',
    about: 'The tab is killed after the server has the write and before it answers; opened again.',
    async run(world) {
      const tab = await world.openReady();
      world.server.rule(is('sent-once'), { hold: true }, 1);
      await tab.act(note('sent-once'));
      await arrived(world, 'sent-once');
      await tab.crash();
      await world.open();
      return delivered(world, [note('sent-once')]);
    },
  },
  {
    name: 'crashed-before',
    about: 'Online, but the server cannot be reached; the tab is killed while it tries, and opened again.',
    async run(world) {
      const tab = await world.openReady();
      world.server.wifi = 'dead';
      await tab.act(note('typed-in-vain'));
      await world.rest(1_000);
      await tab.crash();
      world.server.wifi = 'good';
      await world.open();
      return delivered(world, [note('typed-in-vain')]);
    },
  },
  {
    name: 'answer-lost',
    about: 'The server has the write, and its answer is lost on the way. The tab stays.',
    async run(world) {
      const tab = await world.openReady();
      world.server.rule(is('answer-lost'), { lose: true }, 1);
      await tab.act(note('answer-lost'));
      return delivered(world, [note('answer-lost')], { quiet: 8_000 });
    },
  },
  {
    name: 'dead-wifi',
    about: 'The browser believes that it is online, but for 20 seconds nothing gets through.',
    async run(world) {
      const tab = await world.openReady();
      world.server.wifi = 'dead';
      for (const op of THREE) await tab.act(op);
      await world.rest(20_000);
      world.server.wifi = 'good';
      return delivered(world, THREE);
    },
  },
  {
    name: 'handle-closed',
    about: 'The browser closes the page’s connection to IndexedDB and says so (`close`); then a write in a tunnel; the tab is closed and opened again outside.',
    run: (world) => withoutHandle(world, { event: true }),
  },
  {
    name: 'handle-lost',
    about: 'The same without a `close` event, as WebKit does it: the next transaction throws InvalidStateError.',
    run: (world) => withoutHandle(world, { event: false }),
  },
  {
    name: 'disk-full',
    about: 'The disk is full when a write is made in a tunnel; the tab is closed, there is room again, it is opened outside.',
    async run(world) {
      await world.quota(4 << 20);
      const tab = await world.openReady();
      await world.offline();
      await world.fill(tab);
      await tab.act(note('no-room-for-this'));
      await tab.close();
      await world.quota(1 << 30);
      const janitor = await world.open();
      await world.empty(janitor);
      await janitor.close();
      await world.online();
      await world.open();
      return delivered(world, [note('no-room-for-this')]);
    },
  },
  {
    name: 'evicted',
    about: 'Two writes in a tunnel; the tab is closed, and the browser throws IndexedDB away to make room; opened again outside.',
    async run(world) {
      const tab = await world.openReady();
      const ops = [note('kept-one'), note('kept-two', 'g2')];
      await inTunnel(world, tab, ops);
      await tab.close();
      await world.evict();
      await world.online();
      await world.open();
      const verdict = await delivered(world, ops);
      const said = (await world.told()).find(({ what }) => what === 'storage');
      return verdict.word === 'lost' && said ? { word: 'told', why: `at the next start: ${said.about.slice(0, 60)}` } : verdict;
    },
  },
  {
    name: 'two-tabs',
    about: 'Two tabs in a tunnel, a write in each; both come out.',
    async run(world) {
      const [first, second] = [await world.openReady(), await world.openReady()];
      await world.offline();
      await sleep(world.pause);
      const ops = [note('from-the-first'), note('from-the-second', 'g2')];
      await first.act(ops[0]);
      await second.act(ops[1]);
      await world.online();
      return delivered(world, ops);
    },
  },
  {
    name: 'follower',
    about: 'Two tabs in a tunnel; a write in the second, which is closed there; the first comes out.',
    async run(world) {
      await world.openReady();
      const second = await world.openReady();
      await inTunnel(world, second, [note('from-the-closed-one')]);
      await second.close();
      await world.online();
      return delivered(world, [note('from-the-closed-one')]);
    },
  },
  {
    name: 'leader-closed',
    about: 'Two tabs; the first is closed while one of its writes is at the server and another one waits behind it.',
    async run(world) {
      const first = await world.openReady();
      await world.openReady();
      world.server.rule(is('in-mid-send'), { hold: true }, 1);
      const ops = [note('in-mid-send'), note('waits-behind')];
      // Of the same guest, so that they go one after the other whatever runs side by side.
      for (const op of ops) await first.act(op);
      await arrived(world, 'in-mid-send');
      await sleep(300);
      await first.close();
      world.server.release();
      return delivered(world, ops);
    },
  },
  {
    name: 'session-ended',
    about: 'Three writes in a tunnel; outside the session has ended (401); ada signs in again 10 seconds later.',
    async run(world) {
      const tab = await world.openReady();
      await inTunnel(world, tab, THREE);
      world.server.expire('ada');
      await world.online();
      await world.until(() => world.server.requests.some(({ status }) => status === 401), undefined, 8_000);
      await world.rest(10_000);
      await tab.signInAgain();
      return delivered(world, THREE);
    },
  },
  {
    name: '500-with-a-number',
    about: 'The server fails twice with a 500 whose text is “row 4001 is locked”, then it works.',
    async run(world) {
      const tab = await world.openReady();
      const op = note('after-two-failures');
      world.server.rule(is(op.text), { fail: { status: 500, code: 'INTERNAL', message: 'row 4001 is locked' } }, 2);
      await tab.act(op);
      return delivered(world, [op]);
    },
  },
  {
    name: 'one-fails',
    about: 'Of three writes in a tunnel the server cannot do the first (500 each time); the others have nothing to do with it.',
    async run(world) {
      const tab = await world.openReady();
      world.server.rule(is('renamed-in-tunnel'), { fail: { status: 500, code: 'INTERNAL', message: 'this guest cannot be written' } });
      await inTunnel(world, tab, THREE);
      await world.online();
      const others = await delivered(world, THREE.slice(1));
      if (others.word !== 'kept') return { ...others, why: `the others: ${others.why}` };
      const waits = (await world.pending()).includes('renamed-in-tunnel');
      if (waits) return { word: 'kept', why: 'the others are done; it still waits' };
      return heard(world, THREE[0]);
    },
  },
  {
    name: 'one-refused',
    about: 'Of three writes in a tunnel the server refuses the first for good (422); the others have nothing to do with it.',
    async run(world) {
      const tab = await world.openReady();
      const bad = rename('g2', 'refused (too long)');
      await inTunnel(world, tab, [bad, ...THREE.slice(1)]);
      await world.online();
      const others = await delivered(world, THREE.slice(1));
      if (others.word !== 'kept') return { ...others, why: `the others: ${others.why}` };
      return heard(world, bad);
    },
  },
  {
    name: 'same-field',
    about: 'Ada renames a guest in a tunnel, somebody else renames it meanwhile; she comes out.',
    run: (world) => sameField(world, async () => undefined),
  },
  {
    name: 'same-field-closed',
    about: 'The same, and her tab is closed in the tunnel and opened again outside.',
    run: (world) =>
      sameField(world, async (tab) => {
        await tab.close();
        return () => world.open();
      }),
  },
  {
    name: 'other-field',
    about: 'Ada renames a guest in a tunnel, somebody else moves it to another table meanwhile: both should stand.',
    async run(world) {
      const tab = await world.openReady();
      const mine = rename('g1', 'ada-wrote-this');
      await inTunnel(world, tab, [mine]);
      world.server.other({ kind: 'update', id: 'g1', fields: { table: '42' } });
      await world.online();
      const verdict = await delivered(world, [mine]);
      if (guestOf(world, 'g1').table !== '42') return { word: 'overwrote', why: 'the other’s table is gone' };
      return verdict;
    },
  },
  {
    name: 'edits',
    about: 'Five renames of one guest in a tunnel; the server is slow with the first that arrives. The last one should stand.',
    async run(world) {
      const tab = await world.openReady();
      const names = ['edit-1', 'edit-2', 'edit-3', 'edit-4', 'edit-5'];
      await inTunnel(world, tab, names.map((name) => rename('g1', name)));
      world.server.rule(is('edit-'), { late: { before: 400 } }, 1);
      await world.online();
      await world.until(() => guestOf(world, 'g1').name === 'edit-5');
      await world.rest(3_000);
      const sends = world.server.requests.filter(({ op, status }) => is('edit-')(op) && status === 200).length;
      const { name } = guestOf(world, 'g1');
      if (name === 'edit-5') return { word: 'kept', why: `${sends} ${sends === 1 ? 'request' : 'requests'}` };
      return (await world.pending()).includes('edit-5') ? { word: 'stuck', why: `“${name}” stands` } : { word: 'lost', why: `“${name}” stands` };
    },
  },
  {
    name: 'made-and-removed',
    about: 'A guest is made and removed again in a tunnel; the server is slow with the first that arrives. It should not be there.',
    async run(world) {
      const tab = await world.openReady();
      await inTunnel(world, tab, [create('g9', 'made-in-tunnel'), remove('g9')]);
      world.server.rule(() => true, { late: { before: 400 } }, 1);
      await world.online();
      await world.rest(6_000);
      const sends = world.server.requests.filter(({ op }) => op.id === 'g9').length;
      if (!guestOf(world, 'g9')) return { word: 'kept', why: `${sends} requests` };
      return { word: (await world.pending()).includes('g9') ? 'stuck' : 'lost', why: 'it is there' };
    },
  },
  {
    name: 'parent-first',
    about: 'A guest is made in a tunnel, and a note about it; the server is slow with the first that arrives, and refuses a note without its guest.',
    async run(world) {
      const tab = await world.openReady();
      const ops = [create('g9', 'made-in-tunnel'), note('about-the-new-one', 'g9')];
      await inTunnel(world, tab, ops);
      world.server.rule(() => true, { late: { before: 400 } }, 1);
      await world.online();
      return delivered(world, ops);
    },
  },
  {
    name: 'signed-out',
    about: 'Two writes in a tunnel, then ada signs out; outside she signs in again. If the app is asked what to do with them, she keeps them.',
    async run(world) {
      const tab = await world.openReady();
      const ops = [note('before-sign-out'), rename('g2', 'before-sign-out-2')];
      await inTunnel(world, tab, ops);
      const answer = await tab.signOut();
      await sleep(500);
      await tab.close();
      await world.online();
      await world.open();
      const verdict = await delivered(world, ops);
      return answer?.unsent ? { ...verdict, why: `${verdict.why}; sign-out told of ${answer.unsent}` } : verdict;
    },
  },
  {
    name: 'other-user',
    about: 'Two writes of ada in a tunnel; the tab is closed. Outside ben signs in at this device, and later ada again.',
    async run(world) {
      const tab = await world.openReady();
      const ops = [note('ada-thought-this'), rename('g2', 'ada-named-it')];
      await inTunnel(world, tab, ops);
      await tab.close();
      await world.online();
      const bens = await world.open({ user: 'ben' });
      await world.rest(6_000);
      const asBen = ops.filter((op) => world.effects(op, 'ben') > 0);
      const seen = JSON.stringify([await bens.view(), await bens.page.evaluate(() => window.comparison.pending())]);
      await bens.close();
      if (asBen.length > 0) return { word: 'wrong user', why: `${asBen.length} of 2 done in ben’s name` };
      await world.open();
      const verdict = await delivered(world, ops);
      const leaked = ops.some((op) => seen.includes(markOf(op)));
      return leaked ? worst([verdict, { word: 'hidden', why: 'ben sees what ada wrote' }]) : verdict;
    },
  },
  {
    name: 'coming-back',
    about: 'A rename in a tunnel; outside the app reads again while the write is sent, and the answer of the read is older than the write.',
    async run(world) {
      const tab = await world.openReady();
      const op = rename('g1', 'ada-wrote-this');
      await inTunnel(world, tab, [op]);
      world.server.delayReads(500);
      world.server.rule(is('ada-wrote-this'), { late: { before: 150 } }, 1);
      await world.online();
      return flicker(world, tab, op);
    },
  },
  {
    name: 'read-in-flight',
    about: 'Online: a read is on the way because of somebody else’s change when ada renames a guest; its answer is older than her write.',
    async run(world) {
      const tab = await world.openReady();
      const op = rename('g1', 'ada-wrote-this');
      world.server.delayReads(500);
      world.server.other(rename('g4', 'moved-by-other'));
      await sleep(150);
      await tab.act(op);
      return flicker(world, tab, op);
    },
  },
  {
    name: 'clock-set-back',
    about: 'The device is an hour fast: one rename is sent, one waits. Then the clock is right, the app opened again, and the guest renamed once more. The last should stand.',
    async run(world) {
      const fast = await world.openReady({ skew: 3_600_000 });
      await fast.act(rename('g1', 'sent-an-hour-ahead'));
      await world.until(() => guestOf(world, 'g1').name === 'sent-an-hour-ahead', 'the first rename', 60_000);
      await world.rest(1_000);
      await inTunnel(world, fast, [rename('g1', 'kept-an-hour-ahead')]);
      await fast.close();
      const right = await world.open();
      await world.rest(1_500);
      const last = rename('g1', 'by-the-right-clock');
      await right.act(last);
      await world.online();
      await world.until(() => guestOf(world, 'g1').name === 'by-the-right-clock');
      await world.rest(3_000);
      const { name } = guestOf(world, 'g1');
      if (name === 'by-the-right-clock') return { word: 'kept', why: 'the last one stands' };
      const verdict = await delivered(world, [last], { final: false });
      return verdict.word === 'kept' ? { word: 'overwrote', why: `“${name}” stands, sent after it` } : verdict;
    },
  },
  {
    name: 'app-update',
    about: 'A rename in a tunnel, the tab is closed; outside the app and the server have a new version, in which `name` is `title`.',
    async run(world) {
      const tab = await world.openReady();
      await inTunnel(world, tab, [rename('g1', 'typed-before-the-update')]);
      await tab.close();
      world.server.api = 2;
      await world.online();
      await world.open({ version: 2 });
      return delivered(world, [rename('g1', 'typed-before-the-update')], { options: { version: 2 } });
    },
  },
];
