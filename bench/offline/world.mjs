/**
 * One cell of the table: a server, a browser profile (a context of Chromium: its own IndexedDB, locks and channels) and its tabs.
 * All faults are real ones of the browser (network, crash, quota, eviction by the DevTools protocol) but two: a lost handle is a
 * database closed under the library, and a wrong clock is another `Date`.
 */
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { root } from '../harness/paths.mjs';
import { scriptOf } from './bundle.mjs';
import { Server } from './server.mjs';

/** As it is built, with the engine that needs no addon. */
async function createHub() {
  const pathcast = await import(pathToFileURL(path.join(root, 'dist/esm/index.js')).href);
  return pathcast.createHub({ engine: 'js' });
}

/** Runs in each page before its scripts. */
function prepare(skew) {
  const handles = new Set();
  const open = IDBFactory.prototype.open;
  IDBFactory.prototype.open = function opened(...args) {
    const request = open.apply(this, args);
    request.addEventListener('success', () => handles.add(request.result));
    return request;
  };
  window.loseHandles = (event) => {
    for (const handle of handles) {
      handle.close();
      if (event) handle.dispatchEvent(new Event('close'));
    }
    handles.clear();
  };
  /** Random: what is kept is compressed. */
  const noise = (size) => {
    const bytes = new Uint8Array(size);
    for (let at = 0; at < size; at += 65_536) crypto.getRandomValues(bytes.subarray(at, at + 65_536));
    return bytes;
  };
  /** Writes until nothing fits any more, into both storages. */
  window.fillStorages = async () => {
    const request = indexedDB.open('junk', 1);
    request.onupgradeneeded = () => request.result.createObjectStore('junk', { autoIncrement: true });
    const db = await new Promise((resolve, reject) => Object.assign(request, { onsuccess: () => resolve(request.result), onerror: () => reject(request.error) }));
    const put = (bytes) =>
      new Promise((resolve, reject) => {
        const transaction = db.transaction('junk', 'readwrite', { durability: 'strict' });
        transaction.oncomplete = resolve;
        transaction.onabort = () => reject(transaction.error);
        transaction.objectStore('junk').add(bytes);
      });
    for (const size of [1 << 20, 1 << 16, 1 << 12, 1 << 8, 1 << 5]) {
      const full = async (write) => {
        for (let i = 0; i < 200; i += 1) {
          try {
            await write(i);
          } catch {
            return;
          }
        }
      };
      await full(() => put(noise(size)));
      await full((i) => localStorage.setItem(`junk ${size} ${i}`, 'x'.repeat(size)));
    }
    db.close();
  };
  window.emptyStorages = async () => {
    for (const key of Object.keys(localStorage)) if (key.startsWith('junk ')) localStorage.removeItem(key);
    const request = indexedDB.deleteDatabase('junk');
    await new Promise((resolve) => Object.assign(request, { onsuccess: resolve, onerror: resolve, onblocked: resolve }));
  };
  if (skew === 0) return;
  const Real = Date;
  window.Date = class extends Real {
    constructor(...args) {
      super(...(args.length > 0 ? args : [Real.now() + skew]));
    }
    static now() {
      return Real.now() + skew;
    }
  };
}

class Tab {
  constructor(world, page) {
    this.world = world;
    this.page = page;
  }

  /** What a person does, and the moment until he does the next thing. */
  async act(op) {
    await this.page.evaluate((what) => window.comparison.act(what), op);
    await sleep(this.world.pause);
  }

  signOut() {
    return this.page.evaluate(() => window.comparison.signOut());
  }

  signInAgain() {
    return this.page.evaluate(() => window.comparison.signInAgain());
  }

  view() {
    return this.page.evaluate(() => window.comparison.view());
  }

  views() {
    return this.page.evaluate(() => window.comparison.views());
  }

  /** What it was told is kept for when the tab has gone: somebody was there and could have seen it. */
  async look() {
    if (this.gone) return;
    const [told, pending] = await this.page.evaluate(async () => [window.comparison.told(), await window.comparison.pending()]);
    this.told = told;
    this.pending = pending;
  }

  /** The person looks at it for a second and closes it: time enough for whatever writes behind. */
  async close() {
    await this.world.rest(1_000);
    await this.look();
    this.gone = true;
    await this.page.close({ runBeforeUnload: false });
  }

  /** As a tab that the system kills: nothing of it runs any more. */
  async crash() {
    await this.look();
    this.gone = true;
    const session = await this.world.context.newCDPSession(this.page);
    const crashed = new Promise((resolve) => this.page.once('crash', resolve));
    session.send('Page.crash').catch(() => undefined);
    await crashed;
    await this.page.close().catch(() => undefined);
  }

  loseHandles(event) {
    return this.page.evaluate((withEvent) => window.loseHandles(withEvent), event);
  }
}

export class World {
  tabs = [];
  /** Milliseconds between two things that a person does. */
  pause = 150;

  constructor(subject, context, server, patience, pace) {
    Object.assign(this, { subject, context, server, patience, pace });
  }

  /** Lets so much time pass, or less where the run is a short one (`pace` below 1). */
  rest(ms) {
    return sleep(ms * this.pace);
  }

  static async create(browser, subject, { patience = 20_000, pace = 1 } = {}) {
    const server = await Server.start(subject === 'pathcast' ? await createHub() : undefined);
    for (const id of ['g1', 'g2', 'g3', 'g4']) server.store.write({ kind: 'create', id, fields: { name: 'start', table: '1' } }, { by: 'other' });
    const context = await browser.newContext();
    context.setDefaultTimeout(120_000);
    const script = await scriptOf(subject);
    // Answered without the network, as a service worker would: the app itself opens in a tunnel.
    await context.route(`${server.url}/app/**`, (route) => {
      const isScript = route.request().url().endsWith('.js');
      return route.fulfill(isScript ? { contentType: 'text/javascript', body: script } : { contentType: 'text/html', body: '<!doctype html><script src="/app/app.js"></script>' });
    });
    return new World(subject, context, server, patience, pace);
  }

  async close() {
    await this.context.close();
    await this.server.close();
  }

  /** @param {{user?: string, version?: number, skew?: number}} options `skew`: how far its clock is ahead, in ms */
  async open({ user = 'ada', version = 1, skew = 0 } = {}) {
    const page = await this.context.newPage();
    const tab = new Tab(this, page);
    tab.errors = [];
    page.on('pageerror', (error) => tab.errors.push(error.message));
    if (process.env.OFFLINE_CONSOLE) page.on('console', (message) => process.stderr.write(`${this.subject}: ${message.text()}\n`));
    await page.addInitScript(prepare, skew);
    await page.goto(`${this.server.url}/app/?user=${user}&version=${version}`);
    this.tabs.push(tab);
    await page.evaluate(() => window.comparison.start());
    return tab;
  }

  /** A tab that shows what the server has. */
  async openReady(options) {
    const tab = await this.open(options);
    await this.until(async () => Object.keys((await tab.view()).guests).length >= 4, 'the first view', 60_000);
    await sleep(this.pause);
    return tab;
  }

  offline() {
    return this.context.setOffline(true);
  }

  online() {
    return this.context.setOffline(false);
  }

  /** Gives the origin this many bytes; before its first tab, for the browser remembers for a while how much room there was. */
  async quota(bytes) {
    await this.#storage('Storage.overrideQuotaForOrigin', { quotaSize: bytes });
  }

  fill(tab) {
    return tab.page.evaluate(() => window.fillStorages());
  }

  empty(tab) {
    return tab.page.evaluate(() => window.emptyStorages());
  }

  /** The browser throws away what it kept, as it does when the disk runs low; localStorage is not a part of that in Chromium. */
  async evict() {
    await this.#storage('Storage.clearDataForOrigin', { storageTypes: 'indexeddb,cache_storage' });
  }

  /** By a page of its own that stays: what a session overrides ends with it. */
  async #storage(method, parameters) {
    this.desk ??= await this.context.newCDPSession(await this.context.newPage());
    await this.desk.send(method, { origin: this.server.url, ...parameters });
  }

  async until(test, what, ms = this.patience) {
    const end = Date.now() + ms;
    while (Date.now() < end) {
      if (await test()) return true;
      await sleep(50);
    }
    if (what) throw new Error(`waited ${ms} ms for ${what}`);
    return false;
  }

  /** How often a write had its effect at the server. */
  effects(op, by = 'ada') {
    const fits = (effect) =>
      effect.by === by && effect.kind === op.kind && effect.id === (op.guest ?? op.id) && effect.text === op.text &&
      (op.kind !== 'update' || Object.entries(op.fields).every(([name, value]) => effect.fields[name] === value));
    return this.server.store.effects.filter(fits).length;
  }

  /** Everything that any tab's app was told, in the order of the tabs. */
  async told() {
    for (const tab of this.tabs) await tab.look();
    return this.tabs.flatMap(({ told = [] }) => told).filter(({ what }) => what !== 'leadership');
  }

  /** What the tabs that live list as unsent, as text. */
  async pending() {
    for (const tab of this.tabs) await tab.look();
    return this.tabs.filter(({ gone }) => !gone).map(({ pending }) => pending).join('\n');
  }

  get live() {
    return this.tabs.filter(({ gone }) => !gone);
  }
}
