/**
 * The machine's Chromium without a single switch that changes how pages live: Playwright's switch off the back-forward cache
 * and the throttling of timers, and show every page as visible. Its new headless mode has real tabs and windows without a display.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { within } from '../wait.js';
import { Cdp } from './cdp.js';
import { Extension } from './extension.js';
import { chromiumPath } from './path.js';
import { Tab, type TabOptions } from './tab.js';

/** What a test machine needs, and what keeps the browser from calling home. */
const ARGS = [
  '--headless=new',
  '--remote-debugging-pipe',
  '--enable-unsafe-extension-debugging',
  '--no-sandbox',
  '--disable-gpu',
  '--no-first-run',
  '--no-default-browser-check',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export interface ChromiumOptions {
  /** "Block all cookies": localStorage, sessionStorage and indexedDB throw. */
  readonly blockStorage?: boolean;
  /** Further switches. */
  readonly args?: readonly string[];
}

export class Chromium {
  readonly #tabs: Tab[] = [];

  private constructor(
    readonly cdp: Cdp,
    private readonly child: ChildProcess,
    private readonly extension: Extension,
    private readonly profile: string,
  ) {}

  static async launch(options: ChromiumOptions = {}): Promise<Chromium> {
    const profile = mkdtempSync(path.join(tmpdir(), 'pathcast-chromium-'));
    mkdirSync(path.join(profile, 'Default'));
    const cookies = options.blockStorage ? { default_content_setting_values: { cookies: 2 } } : {};
    writeFileSync(path.join(profile, 'Default/Preferences'), JSON.stringify({ profile: { ...cookies, exit_type: 'Normal' } }));
    const args = [...ARGS, `--user-data-dir=${profile}`, ...(options.args ?? []), 'about:blank'];
    // A group of its own: what the browser started ends with it, whatever a test has stopped or killed.
    const child = spawn(chromiumPath(), args, {
      detached: true,
      stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'],
    });
    const cdp = new Cdp(child.stdio[3] as Writable, child.stdio[4] as Readable);
    try {
      await within(cdp.send('Browser.getVersion'), 'Chromium to start', 30_000);
      await cdp.send('Target.setDiscoverTargets', { discover: true });
      return new Chromium(cdp, child, await Extension.load(cdp, path.join(profile, 'extension')), profile);
    } catch (error) {
      await end(child, profile);
      throw error;
    }
  }

  async open(url: string, options: TabOptions = {}): Promise<Tab> {
    const tab = await Tab.open(this.cdp, this.extension, url, options);
    this.#tabs.push(tab);
    return tab;
  }

  /** A private window's storage, locks and channels: a browser of its own. */
  async privateContext(): Promise<string> {
    return (await this.cdp.send<{ browserContextId: string }>('Target.createBrowserContext')).browserContextId;
  }

  /** Errors of every tab that `open` gave, discarded and closed ones included. */
  get complaints(): string[] {
    return this.#tabs.flatMap((tab) => tab.complaints);
  }

  async rendererPids(): Promise<number[]> {
    const { processInfo } = await this.cdp.send<{
      processInfo: { type: string; id: number }[];
    }>('SystemInfo.getProcessInfo');
    return processInfo.filter(({ type }) => type === 'renderer').map(({ id }) => id);
  }

  async close(): Promise<void> {
    await end(this.child, this.profile);
  }
}

/** Outright, with all it has started: a renderer that a test has stopped would never answer. */
async function end(child: ChildProcess, profile: string): Promise<void> {
  if (child.exitCode === null && child.signalCode === null && child.pid !== undefined) {
    const exited = once(child, 'exit');
    process.kill(-child.pid, 'SIGKILL');
    await exited;
  }
  await rm(profile, { recursive: true, force: true, maxRetries: 10 });
}
