/** The page of the examples, in a browser: what a person sees and does there. */
import type { Page } from 'playwright-core';
import { waitFor } from '../../support/wait.js';
import type { Browser } from '../../reference/support/browser.js';

export class GuestPage {
  private constructor(readonly page: Page) {}

  static async open(browser: Browser, url: string): Promise<GuestPage> {
    const page = new GuestPage(await browser.page());
    await page.page.goto(url);
    return page;
  }

  async isLive(): Promise<void> {
    await waitFor(async () => (await this.#text('#status')) === 'Live', 'the page to be live');
  }

  async add(name: string): Promise<void> {
    await this.page.getByLabel('Name').fill(name);
    await this.page.getByRole('button', { name: 'Add guest' }).click();
  }

  async remove(name: string): Promise<void> {
    await this.page.getByRole('button', { name: `Remove ${name}` }).click();
  }

  async shows(name: string, there = true): Promise<void> {
    const row = this.page.locator('#guests li').filter({ hasText: name });
    await waitFor(async () => ((await row.count()) > 0) === there, `the page ${there ? '' : 'not '}to show ${name}`);
  }

  /** What it heard, the latest first. */
  heard(): Promise<string[]> {
    return this.page.locator('#heard li').allTextContents();
  }

  async hears(pattern: RegExp): Promise<void> {
    await waitFor(async () => (await this.heard()).some((line) => pattern.test(line)), `the page to hear ${String(pattern)}`);
  }

  /** On a telephone nothing is cut off. */
  async fitsInto(width: number): Promise<void> {
    await this.page.setViewportSize({ width, height: 700 });
    expect(await this.page.evaluate(() => document.documentElement.scrollWidth)).toBe(width);
  }

  async #text(selector: string): Promise<string> {
    return ((await this.page.locator(selector).textContent()) ?? '').trim();
  }
}
