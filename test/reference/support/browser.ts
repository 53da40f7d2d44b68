/** The system's Chromium with a profile of its own, and pages that must not complain. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { chromium, type BrowserContext, type Page } from 'playwright-core';
import { chromiumPath } from '../../support/chromium/path.js';

/** Built by the set-up that every test run begins with. */
export const PAGES_FOLDER = path.join(__dirname, '../../../dist/esm/reference/public');

const ARGS = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];
export class Browser {
  /** What pages wrote to the console as errors or warnings, threw, or failed to load. */
  readonly complaints: string[] = [];

  private constructor(
    readonly context: BrowserContext,
    private readonly profile: string,
  ) {
    context.on('page', (page) => this.#watch(page));
    for (const page of context.pages()) this.#watch(page);
  }

  static async launch(options: { width?: number; height?: number } = {}): Promise<Browser> {
    const profile = await mkdtemp(path.join(tmpdir(), 'pathcast-chromium-'));
    try {
      const viewport = { width: options.width ?? 1440, height: options.height ?? 1000 };
      const context = await chromium.launchPersistentContext(profile, { executablePath: chromiumPath(), headless: true, viewport, args: ARGS });
      context.setDefaultTimeout(60_000);
      return new Browser(context, profile);
    } catch (error) {
      await rm(profile, { recursive: true, force: true });
      throw error;
    }
  }

  page(): Promise<Page> {
    return this.context.newPage();
  }

  async close(): Promise<void> {
    await this.context.close();
    await rm(this.profile, { recursive: true, force: true, maxRetries: 5 });
  }

  #watch(page: Page): void {
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') this.complaints.push(`${message.type()}: ${message.text()}`);
    });
    page.on('pageerror', (error) => this.complaints.push(`thrown: ${error.message}`));
    page.on('response', (response) => {
      if (response.status() >= 400) this.complaints.push(`${response.status()}: ${response.url()}`);
    });
  }
}
