/** Each publisher's result against what the clients of its company had. */
import type { Company } from './check-history.js';
import type { Fault, Publish } from './history.js';
import { meets, type Walk } from './walk.js';

export function checkPromises(company: Company, walks: readonly Walk[]): void {
  const { figures, history } = company;
  const { settings } = history;
  for (const publish of company.publishes.values()) {
    const { answer } = publish;
    figures.publishes++;
    if (!answer) {
      figures.unanswered++;
      continue;
    }
    checkTime(company, publish);
    if (!answer.ok) {
      figures.refused++;
      continue;
    }
    const queued = 'queued' in answer;
    figures[queued ? 'queued' : 'placed']++;
    if (queued) for (const walk of walks) checkTold(company, walk, publish);
    // What waited in a process that died is lost with it; where somebody had it, it is in the log, and gaps are judged there.
    if (queued && died(history.faults, publish.node, publish.at)) continue;
    if (!queued && nobodyIsLeft(company, walks, publish)) continue;
    const due = walks.filter((walk) => walk.since < publish.at && walk.passes(publish.module));
    const without = due.filter((walk) => !has(company, walk, publish));
    if (due.length > 0 && without.length === due.length) {
      company.blame('lost', publish.at, `${publish.action} was answered with ${queued ? 'queued' : 'a place'}, and none of ${due.length} clients had it`);
    } else {
      for (const { log } of without) company.blame('gap', publish.at, `${publish.action} never came`, log.client);
    }
  }
  for (const walk of walks) {
    for (const { publish, at } of walk.told) {
      if (died(history.faults, publish.node, at - settings.slackMs) || has(company, walk, publish, at)) continue;
      company.blame('told', at, `${publish.action} was told of, and never followed`, walk.log.client);
    }
  }
}

/** The action came, or a stretch that holds it, or a resync after `from`: by default after its call, for an app writes before. */
function has({ places }: Company, walk: Walk, { action, at, paths }: Publish, from = at): boolean {
  if (walk.actions.has(action)) return true;
  if (walk.resyncs.some((resync) => resync >= from)) return true;
  const naming = walk.covered.filter((each) => paths.every((path) => each.paths.some((known) => meets(known, path))));
  // What waited has a place that perhaps no answer and no client has named; one of its paths is no other action's.
  if (naming.some((each) => paths.every((path) => each.paths.includes(path)))) return true;
  return places.placesOf(action).some(({ epoch, seq }) =>
    naming.some((each) => {
      if (seq < each.from || each.to < seq) return false;
      // Under a later name: nobody may have seen up to where it goes on with the former one.
      return each.epoch === epoch || (places.extent(epoch, each.epoch) >= 0 && (places.actionAt(each.epoch, seq) ?? action) === action);
    }),
  );
}

/** A stream of its own node that was there all the while is told at once of what waits. */
function checkTold({ history, blame }: Company, walk: Walk, publish: Publish): void {
  const { slackMs } = history.settings;
  if (!walk.passes(publish.module)) return;
  const until = publish.answer!.at + slackMs;
  const there = walk.stays.some((stay) => stay.node === publish.node && stay.from < publish.at && stay.until > until);
  if (!there || stood(history.faults, publish.node, publish.at, until)) return;
  const knows = walk.told.some((told) => told.publish === publish && told.at <= until) || (walk.actions.get(publish.action) ?? Infinity) <= until;
  if (!knows && !walk.resyncs.some((at) => at >= publish.at && at <= until)) {
    blame('untold', publish.at, `${publish.action} waits at ${publish.node}, and this client of it was not told`, walk.log.client);
  }
}

function checkTime({ history, figures, blame }: Company, publish: Publish): void {
  const { publishWaitMs, slackMs } = history.settings;
  const answeredAt = publish.answer!.at;
  const took = answeredAt - publish.at;
  if (stood(history.faults, publish.node, publish.at, answeredAt)) return;
  figures.slowestAnswerMs = Math.max(figures.slowestAnswerMs, took);
  if (took > publishWaitMs + slackMs) blame('late', publish.at, `${publish.action} was answered after ${Math.round(took)} ms`);
}

/**
 * Redis lost it, and every node that had heard of it died before it could say so: a client's position alone changes nothing for others.
 * Who has heard of it: the node that published it, and those of streams that had it.
 */
function nobodyIsLeft({ history, name }: Company, walks: readonly Walk[], { action, at, node }: Publish): boolean {
  const { faults, settings } = history;
  const heard = new Set([node]);
  for (const { actions, stays } of walks) {
    const had = actions.get(action);
    const stay = had === undefined ? undefined : stays.findLast(({ from }) => from <= had);
    if (stay) heard.add(stay.node);
  }
  return faults.some((loss) => {
    if (!loss.excuses.includes('loss') || !(loss.companies?.includes(name) ?? true) || loss.until + settings.slackMs < at) return false;
    const until = loss.until + settings.reconnectMs + settings.slackMs;
    return [...heard].every((each) =>
      faults.some((fault) => fault.excuses.includes('node-died') && (fault.nodes?.includes(each) ?? true) && fault.until >= at && fault.at <= until),
    );
  });
}

function died(faults: readonly Fault[], node: string, after: number): boolean {
  return faults.some((fault) => fault.excuses.includes('node-died') && (fault.nodes?.includes(node) ?? true) && fault.until >= after);
}

function stood(faults: readonly Fault[], node: string, from: number, until: number): boolean {
  return faults.some((fault) => fault.excuses.includes('node-stood') && (fault.nodes?.includes(node) ?? true) && fault.at <= until && fault.until >= from);
}
