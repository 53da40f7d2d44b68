/** What no command of the protocol does, a small extension does: to duplicate a tab and to discard one, as a person and the browser do. */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { waitFor } from '../wait.js';
import type { Cdp } from './cdp.js';

const MANIFEST = {
  manifest_version: 3,
  name: 'Tabs of a test',
  version: '1',
  permissions: ['tabs', 'debugger'],
  background: { service_worker: 'worker.js' },
};

interface Target {
  readonly id: string;
  readonly tabId?: number;
}

export class Extension {
  #sessionId: string | undefined;

  private constructor(
    private readonly cdp: Cdp,
    private readonly id: string,
  ) {}

  /** `folder` is made here, inside the browser's profile. */
  static async load(cdp: Cdp, folder: string): Promise<Extension> {
    mkdirSync(folder, { recursive: true });
    writeFileSync(path.join(folder, 'manifest.json'), JSON.stringify(MANIFEST));
    writeFileSync(path.join(folder, 'worker.js'), '');
    const { id } = await cdp.send<{ id: string }>('Extensions.loadUnpacked', {
      path: folder,
    });
    return new Extension(cdp, id);
  }

  /** The new tab's target. */
  async duplicate(targetId: string): Promise<string> {
    const copy = await this.#run<{ id: number }>(`chrome.tabs.duplicate(${await this.#tabId(targetId)})`);
    return this.#targetId(copy.id);
  }

  /** The target of the tab that stays. */
  async discard(targetId: string): Promise<string> {
    const left = await this.#run<{ id: number; discarded: boolean } | undefined>(`chrome.tabs.discard(${await this.#tabId(targetId)})`);
    if (!left?.discarded) throw new Error(`${targetId} was not discarded: a tab that shows never is`);
    return this.#targetId(left.id);
  }

  async #tabId(targetId: string): Promise<number> {
    const found = (await this.#targets()).find(({ id }) => id === targetId)?.tabId;
    if (found === undefined) throw new Error(`${targetId} is no tab that the extension sees`);
    return found;
  }

  #targetId(tabId: number): Promise<string> {
    return waitFor(async () => (await this.#targets()).find((target) => target.tabId === tabId)?.id, `a target of tab ${tabId}`);
  }

  #targets(): Promise<Target[]> {
    return this.#run<Target[]>('chrome.debugger.getTargets()');
  }

  async #run<T>(expression: string): Promise<T> {
    this.#sessionId ??= await this.#attach();
    const asked = { expression, awaitPromise: true, returnByValue: true };
    type Result = {
      result: { value: T };
      exceptionDetails?: { exception?: { description?: string } };
    };
    const { result, exceptionDetails } = await this.cdp.send<Result>('Runtime.evaluate', asked, this.#sessionId);
    if (exceptionDetails) throw new Error(`${expression}: ${exceptionDetails.exception?.description ?? 'it threw'}`);
    return result.value;
  }

  async #attach(): Promise<string> {
    const targetId = await waitFor(async () => {
      const { targetInfos } = await this.cdp.send<{
        targetInfos: { targetId: string; type: string; url: string }[];
      }>('Target.getTargets');
      return targetInfos.find(({ type, url }) => type === 'service_worker' && url.includes(this.id))?.targetId;
    }, "the extension's worker");
    const { sessionId } = await this.cdp.send<{ sessionId: string }>('Target.attachToTarget', { targetId, flatten: true });
    return sessionId;
  }
}
