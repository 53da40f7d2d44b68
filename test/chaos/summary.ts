/** The table at the end of a run. */
import type { ChaosReport } from './run.js';

/** Of one kind; the rest is counted. */
const SHOWN = 12;

export function summary({ violations, figures, history, broken, metrics, said }: ChaosReport): string {
  const lines: string[] = [];
  const faults = new Map<string, number>();
  for (const { what } of history.faults) {
    const name = what.replace(/ \(.*/, '');
    faults.set(name, (faults.get(name) ?? 0) + 1);
  }
  for (const [name, count] of [...faults].sort((a, b) => b[1] - a[1])) lines.push(`${String(count).padStart(4)} × ${name}`);
  const { publishes, placed, queued, refused, unanswered, actions, invalidates, told, returns, kept, resumed } = figures;
  lines.push(
    '',
    `publishes  ${publishes}: ${placed} placed, ${queued} queued, ${refused} refused, ${unanswered} without an answer (their process died)`,
    `answers    the slowest of a node that ran took ${Math.round(figures.slowestAnswerMs)} ms`,
    `streams    ${history.clients.length} clients: ${actions} actions, ${invalidates} stretches, told ${told} times`,
    `returns    ${returns} with a position; of ${kept} whose history was kept ${resumed} were resumed${kept > 0 ? ` (${((100 * resumed) / kept).toFixed(2)} %)` : ''}`,
    `resyncs    ${Object.entries(figures.resyncs).map(([reason, count]) => `${count} ${reason}`).join(', ') || 'none'}`,
  );
  for (const [node, all] of Object.entries(metrics)) lines.push(`${node}         ${all ? shown(all) : 'has no broker'}`);
  const kinds = new Map<string, number>();
  for (const { kind } of violations) kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
  lines.push('', `violations ${violations.length}${violations.length > 0 ? `: ${[...kinds].map(([kind, count]) => `${count} ${kind}`).join(', ')}` : ''}`);
  for (const kind of kinds.keys()) {
    for (const { at, company, client, text } of violations.filter((each) => each.kind === kind).slice(0, SHOWN)) {
      const during = history.faults.findLast((fault) => fault.at <= at);
      lines.push(`  ${kind} ${client ?? company} at ${Math.round(at)}: ${text} [after: ${during ? `${during.what} ${Math.round(during.at)}..${Math.round(during.until)} ${during.nodes?.join() ?? ''}` : 'nothing'}]`);
    }
  }
  for (const text of broken.slice(0, SHOWN)) lines.push(`  bytes: ${text}`);
  if (violations.length + broken.length > 0) {
    for (const [node, all] of Object.entries(said)) for (const line of all.slice(-SHOWN)) lines.push(`  ${node} said: ${line}`);
  }
  return lines.join('\n');
}

function shown(metrics: Record<string, unknown>): string {
  const flat = Object.entries(metrics).flatMap(([name, value]) => {
    if (typeof value === 'object' && value !== null) {
      const inner = Object.entries(value).filter(([, count]) => typeof count === 'number');
      return name === 'epochs' ? [`epochs ${inner.map(([why, count]) => `${why} ${String(count)}`).join(' ')}`] : [];
    }
    return value === 0 ? [] : [`${name} ${String(value)}`];
  });
  return flat.join(', ');
}
