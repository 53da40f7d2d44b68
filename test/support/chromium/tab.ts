/**
 * One tab, driven over the protocol. Nothing here pretends: a tab behind another one is hidden, its timers are throttled,
 * a page that was left may wait in the back-forward cache, and a renderer is a process.
 */
import { waitFor, within } from '../wait.js';
import type { Cdp, CdpEvent } from './cdp.js';
import type { Extension } from './extension.js';

export interface TabOptions {
  /** A private window's context, of `Chromium.privateContext()`. */
  readonly context?: string;
  /** In a window of its own: visible beside the tabs of other windows. */
  readonly window?: boolean;
  /** Runs before every script of every page of this tab. */
  readonly script?: string;
  /** Takes each value that the page gives `report(value)`. Set before any page of the tab. */
  readonly onReport?: (value: unknown) => void;
}

interface Evaluated {
  readonly result: { value?: unknown };
  readonly exceptionDetails?: {
    text: string;
    exception?: { description?: string };
  };
}

/** How a page says something to the test. What a page says as it leaves may be lost: it keeps that itself. */
const REPORT = 'globalThis.report = (value) => globalThis.__report(JSON.stringify(value));';

export class Tab {
  /** What went to the console as an error, and what was thrown. */
  readonly complaints: string[] = [];
  /** Why pages that were left could not wait in the back-forward cache. */
  readonly notCached: unknown[] = [];
  #gone = false;

  private constructor(
    private readonly cdp: Cdp,
    private readonly extension: Extension,
    readonly targetId: string,
    readonly sessionId: string,
    private readonly options: TabOptions,
  ) {}

  static async open(cdp: Cdp, extension: Extension, url: string, options: TabOptions = {}): Promise<Tab> {
    // Empty at first: scripts and bindings stand before the page's first line runs.
    const { targetId } = await cdp.send<{ targetId: string }>('Target.createTarget', {
      url: 'about:blank',
      // A context that is new has no window yet.
      newWindow: options.window ?? options.context !== undefined,
      ...(options.context === undefined ? {} : { browserContextId: options.context }),
    });
    const tab = await Tab.attach(cdp, extension, targetId, options);
    await tab.goto(url);
    return tab;
  }

  /** To a tab that is there already. */
  static async attach(cdp: Cdp, extension: Extension, targetId: string, options: TabOptions = {}): Promise<Tab> {
    const { sessionId } = await cdp.send<{ sessionId: string }>('Target.attachToTarget', { targetId, flatten: true });
    const tab = new Tab(cdp, extension, targetId, sessionId, options);
    cdp.on('event', tab.#onEvent);
    await tab.send('Page.enable');
    await tab.send('Runtime.enable');
    await tab.send('Runtime.addBinding', { name: '__report' });
    await tab.send('Page.addScriptToEvaluateOnNewDocument', {
      source: `${REPORT}\n${options.script ?? ''}`,
    });
    return tab;
  }

  readonly #onEvent = (event: CdpEvent): void => {
    const { method, params } = event;
    if (method === 'Target.detachedFromTarget' && params['sessionId'] === this.sessionId) {
      this.#gone = true;
      this.cdp.off('event', this.#onEvent);
    }
    if (event.sessionId !== this.sessionId) return;
    if (method === 'Runtime.bindingCalled') this.options.onReport?.(JSON.parse(params['payload'] as string));
    if (method === 'Page.backForwardCacheNotUsed') this.notCached.push(params['notRestoredExplanations']);
    if (method === 'Runtime.exceptionThrown') this.complaints.push(JSON.stringify(params['exceptionDetails']));
    if (method === 'Runtime.consoleAPICalled' && params['type'] === 'error') this.complaints.push(JSON.stringify(params['args']));
  };

  /** Closed, or discarded: a discarded tab is another target. */
  get gone(): boolean {
    return this.#gone;
  }

  send<T = Record<string, unknown>>(method: string, params: object = {}): Promise<T> {
    return this.cdp.send<T>(method, params, this.sessionId);
  }

  /** The value of an expression in the page; a promise's value when it has settled. */
  async evaluate<T = unknown>(expression: string): Promise<T> {
    const asked = { expression, awaitPromise: true, returnByValue: true };
    const { result, exceptionDetails } = await this.send<Evaluated>('Runtime.evaluate', asked);
    if (exceptionDetails) throw new Error(`${expression}: ${exceptionDetails.exception?.description ?? exceptionDetails.text}`);
    return result.value as T;
  }

  /** The first truthy value of an expression. */
  until<T = unknown>(expression: string, deadlineMs?: number): Promise<NonNullable<T>> {
    return waitFor(() => this.evaluate<T>(expression), `${expression} in the page`, deadlineMs);
  }

  /** Goes there, and waits until it has loaded. */
  async goto(url: string): Promise<void> {
    const loaded = this.#event('Page.loadEventFired');
    const { errorText } = await this.send<{ errorText?: string }>('Page.navigate', { url });
    if (errorText !== undefined) throw new Error(`${url}: ${errorText}`);
    await within(loaded, `${url} to load`);
  }

  async reload(): Promise<void> {
    const loaded = this.#event('Page.loadEventFired');
    await this.send('Page.reload');
    await within(loaded, 'the page to load again');
  }

  /** To the page before. Resolves with whether the page that shows came out of the back-forward cache. */
  async back(): Promise<boolean> {
    const history = await this.send<{
      currentIndex: number;
      entries: { id: number }[];
    }>('Page.getNavigationHistory');
    const entry = history.entries[history.currentIndex - 1];
    if (!entry) throw new Error('No page to go back to');
    const navigated = this.#event('Page.frameNavigated', ({ params }) => (params['frame'] as { parentId?: string }).parentId === undefined);
    await this.send('Page.navigateToHistoryEntry', { entryId: entry.id });
    const { params } = await within(navigated, 'the page before');
    if (params['type'] === 'BackForwardCacheRestore') return true;
    await this.until('document.readyState === "complete"');
    return false;
  }

  /** In front of the other tabs of its window, which are hidden then. */
  async show(): Promise<void> {
    await this.cdp.send('Target.activateTarget', { targetId: this.targetId });
    await this.until('document.visibilityState === "visible"');
  }

  /** Its window, so that nobody sees it. */
  async minimize(): Promise<void> {
    const { windowId } = await this.cdp.send<{ windowId: number }>('Browser.getWindowForTarget', { targetId: this.targetId });
    await this.cdp.send('Browser.setWindowBounds', { windowId, bounds: { windowState: 'minimized' } });
  }

  visibility(): Promise<string> {
    return this.evaluate('document.visibilityState');
  }

  /** As the browser does with a tab that was long behind others: no timer, no message, no network callback runs. */
  async freeze(): Promise<void> {
    await this.send('Page.setWebLifecycleState', { state: 'frozen' });
  }

  async thaw(): Promise<void> {
    await this.send('Page.setWebLifecycleState', { state: 'active' });
  }

  /** A copy in a tab of its own, with a copy of its sessionStorage, as a person makes it. */
  async duplicate(): Promise<Tab> {
    const targetId = await this.extension.duplicate(this.targetId);
    const copy = await Tab.attach(this.cdp, this.extension, targetId, this.options);
    // Its page may have begun before we were there: from a fresh start the scripts and the binding are in it.
    await copy.reload();
    return copy;
  }

  /**
   * What the browser does when memory is short: the page is gone, and its tab stays. What this gives shows the tab, which
   * loads the page again.
   */
  async discard(): Promise<() => Promise<Tab>> {
    const targetId = await this.extension.discard(this.targetId);
    await waitFor(() => this.#gone, 'the discarded page to go');
    return async () => {
      await this.cdp.send('Target.activateTarget', { targetId });
      return Tab.attach(this.cdp, this.extension, targetId, this.options);
    };
  }

  async close(): Promise<void> {
    if (this.#gone) return;
    await this.cdp.send('Target.closeTarget', { targetId: this.targetId });
    await waitFor(() => this.#gone, 'the tab to close');
  }

  /** The process that runs the page now, by what a trace says of the tab's main frame. */
  rendererPid(): Promise<number> {
    return this.cdp.alone(() => this.#tracedPid());
  }

  async #tracedPid(): Promise<number> {
    const frame = (await this.send<{ frameTree: { frame: { id: string } } }>('Page.getFrameTree')).frameTree.frame.id;
    let pid: number | undefined;
    const look = (event: CdpEvent): void => {
      if (event.method !== 'Tracing.dataCollected' || event.sessionId !== this.sessionId) return;
      for (const { name, args } of event.params['value'] as {
        name: string;
        args: {
          data?: {
            frames?: {
              frame: string;
              processId: number;
              isInPrimaryMainFrame: boolean;
              url: string;
            }[];
          };
        };
      }[]) {
        if (name !== 'TracingStartedInBrowser') continue;
        // Pages in the back-forward cache are listed too, the one that shows first.
        pid ??= args.data?.frames?.find((one) => one.frame === frame && one.isInPrimaryMainFrame)?.processId;
      }
    };
    this.cdp.on('event', look);
    try {
      const complete = this.#event('Tracing.tracingComplete');
      const traceConfig = {
        includedCategories: ['disabled-by-default-devtools.timeline'],
        excludedCategories: ['*'],
      };
      await this.send('Tracing.start', {
        transferMode: 'ReportEvents',
        traceConfig,
      });
      await this.send('Tracing.end');
      await within(complete, 'the trace');
    } finally {
      this.cdp.off('event', look);
    }
    if (pid === undefined) throw new Error(`No process is known of ${this.targetId}`);
    return pid;
  }

  /** Resolves when the browser says that its renderer is gone. */
  async crashed(): Promise<void> {
    await this.#event('Inspector.targetCrashed');
  }

  /** Kills the renderer outright. Resolves with the process when the browser has noticed. */
  async kill(): Promise<number> {
    const pid = await this.rendererPid();
    const crashed = this.#event('Inspector.targetCrashed');
    process.kill(pid, 'SIGKILL');
    await within(crashed, 'the renderer to be gone');
    return pid;
  }

  #event(method: string, match: (event: CdpEvent) => boolean = () => true): Promise<CdpEvent> {
    return this.cdp.next((event) => event.method === method && event.sessionId === this.sessionId && match(event));
  }
}
