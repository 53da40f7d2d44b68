/** Query paths that the project broadcasts and no query has: the audit's own answer. */
import { CommandError } from '../errors.js';
import { visible } from '../terminal/text.js';
import type { PhantomReport } from '../audit/report.js';
import type { Visit } from './report.js';

/** Findings of this kind; the others are counted in the last one. */
const SHOWN = 10;

export async function judgePhantoms(folder: string, router: string | undefined, visit: Visit): Promise<void> {
  // The audit and its compiler are loaded only where they are asked.
  const { audit } = await import('../audit/index.js');
  let report;
  try {
    report = audit(folder, router === undefined ? {} : { router });
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    const [why = ''] = error.message.split('\n');
    visit.notChecked(`Phantom paths: ${visible(why).replace(/\.$/, '')}. --project FOLDER and --router FILE say where a router is.`);
    return;
  }
  const phantoms = report.phantoms.filter(({ alias }) => alias === undefined);
  for (const one of phantoms.slice(0, SHOWN)) visit.found('phantom-path', told(one, report.root), remedy(one));
  if (phantoms.length > SHOWN) {
    visit.found('phantom-path', `${phantoms.length - SHOWN} more paths are broadcast that no query of ${visible(report.root)} has.`);
  }
  if (phantoms.length === 0) {
    visit.checked(`Phantom paths: none (${report.totals.queries} queries, ${report.totals.mutations} mutations of ${visible(report.root)}).`);
  }
}

function told({ path: name, uses }: PhantomReport, root: string): string {
  const [first] = uses;
  const more = uses.length > 1 ? ` and ${uses.length - 1} more` : '';
  const where = first ? ` (${visible(first.file)}:${first.line}${more})` : '';
  return `${visible(name)} is broadcast${where}, and no query of ${visible(root)} has this path: browsers refetch nothing.`;
}

function remedy({ nearest }: PhantomReport): string | undefined {
  const [best] = nearest;
  return best === undefined ? undefined : `Broadcast ${visible(best)} in its place; \`npx pathcast audit\` shows each place.`;
}
