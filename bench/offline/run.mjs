/** Runs cells, some at a time. */
import { chromium } from 'playwright-core';
import { existsSync } from 'node:fs';
import { SCENARIOS } from './scenarios.mjs';
import { WORDS } from './verdicts.mjs';
import { World } from './world.mjs';

const PLACES = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

export async function launch() {
  const executablePath = PLACES.find((place) => place && existsSync(place));
  if (!executablePath) throw new Error(`No Chromium at ${PLACES.filter(Boolean).join(', ')}; install it or set CHROMIUM`);
  return chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] });
}

export async function chromiumVersion() {
  const browser = await launch();
  const version = browser.version();
  await browser.close();
  return version;
}

/** @returns {Promise<{scenario: string, subject: string, word: string, why: string, seconds: number}>} */
async function cell(browser, scenario, { subject, adapter, patience, pace }) {
  const begun = performance.now();
  const world = await World.create(browser, adapter, { patience, pace });
  try {
    const verdict = await scenario.run(world);
    const trouble = world.tabs.flatMap(({ errors }) => errors).slice(0, 3);
    return { scenario: scenario.name, subject, ...verdict, seconds: (performance.now() - begun) / 1000, ...(trouble.length > 0 ? { trouble } : {}) };
  } finally {
    await world.close();
  }
}

/**
 * A cell whose word is not the best is run a second time, and the better of both counts: what a slow machine does is not held against
 * a library. What fails by itself (a browser that does not start a page in time) is tried three times.
 */
async function steadyCell(browser, scenario, options) {
  const tries = [];
  let failure;
  for (let i = 0; i < 3 && tries.length < 2; i += 1) {
    try {
      const result = await cell(browser, scenario, options);
      tries.push(result);
      if (['kept', 'n/a'].includes(result.word)) break;
    } catch (error) {
      failure = error;
    }
  }
  if (tries.length === 0) throw failure;
  const [best, other] = tries.sort((a, b) => WORDS.indexOf(b.word) - WORDS.indexOf(a.word));
  return { ...best, ...(other && other.word !== best.word ? { once: `${other.word}: ${other.why}` } : {}) };
}

/**
 * The cells of a library, `parallel` at a time: a cell mostly waits.
 * @param {{subject: string, adapter: string, scenarios?: object[], parallel?: number, patience?: number, pace?: number, onCell?: (cell: object) => void}} options
 * `patience`: ms until what is not done is not done in time (20,000); `pace`: how much of the time that passes in a scenario passes (1)
 * @returns what was found, in the order of the scenarios, and what failed by itself
 */
export async function cells({ subject, adapter, scenarios = SCENARIOS, parallel = 4, patience, pace, onCell = () => undefined }) {
  const browser = await launch();
  const waiting = [...scenarios];
  const done = [];
  const failures = [];
  const work = async () => {
    for (let scenario = waiting.shift(); scenario; scenario = waiting.shift()) {
      try {
        const result = await steadyCell(browser, scenario, { subject, adapter, patience, pace });
        done.push(result);
        onCell(result);
      } catch (error) {
        failures.push({ scenario: scenario.name, subject, error });
        onCell({ scenario: scenario.name, subject, word: 'FAILED', why: error.message.split('\n')[0] });
      }
    }
  };
  try {
    await Promise.all(Array.from({ length: parallel }, work));
  } finally {
    await browser.close();
  }
  const place = ({ scenario }) => scenarios.findIndex(({ name }) => name === scenario);
  return { done: done.sort((a, b) => place(a) - place(b)), failures };
}
