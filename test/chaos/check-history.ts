/**
 * G1, G2, G3 and G5 over many nodes, judged from what was seen outside alone: `Walk` holds one client's log against the places of its
 * company's actions, `promises` each publisher's result against all clients. Pure. What it can find: check-history.test.ts.
 */
import { Causes } from './causes.js';
import type { ClientLog, Figures, History, Publish, Verdict, Violation, ViolationKind } from './history.js';
import { Places } from './places.js';
import { checkPromises } from './promises.js';
import { Walk } from './walk.js';

export interface Company {
  readonly name: string;
  readonly history: History;
  readonly places: Places;
  readonly causes: Causes;
  readonly publishes: ReadonlyMap<string, Publish>;
  readonly clients: readonly ClientLog[];
  readonly figures: Figures;
  blame(kind: ViolationKind, at: number, text: string, client?: string): void;
}

export function checkHistory(history: History): Verdict {
  const violations: Violation[] = [];
  const figures = noFigures();
  const nodes = [...new Set(history.publishes.map(({ node }) => node).concat(history.clients.flatMap(nodesOf)))];
  const names = new Set([...history.clients, ...history.publishes].map(({ company }) => company));
  const owners = new Map(history.publishes.map(({ action, company }) => [action, company]));
  for (const name of names) {
    const clients = history.clients.filter(({ company }) => company === name);
    const publishes = history.publishes.filter(({ company }) => company === name);
    const places = new Places(clients, publishes);
    const company: Company = {
      name,
      history,
      places,
      causes: new Causes(history, name, places, nodes),
      publishes: new Map(publishes.map((each) => [each.action, each])),
      clients,
      figures,
      blame: (kind, at, text, client) => violations.push({ kind, company: name, client, at, text }),
    };
    for (const { at, text, claim } of places.conflicts) {
      // Where ids were evicted an action that was sent again is a new one.
      if (/stands at/.test(text) && history.faults.some((fault) => excusesTwice(fault.excuses) && fault.at <= at)) continue;
      company.blame(claim ? 'resume' : 'place', at, text);
    }
    const walks = clients.map((client) => new Walk(company, client, (action) => owners.get(action)));
    for (const walk of walks) walk.run();
    checkPromises(company, walks);
  }
  violations.sort((a, b) => a.at - b.at);
  return { violations, figures };
}

const excusesTwice = (excuses: readonly string[]): boolean => excuses.includes('trimmed') || excuses.includes('loss');

function nodesOf({ steps }: ClientLog): string[] {
  return steps.flatMap((step) => (step.kind === 'open' ? [step.node] : []));
}

function noFigures(): Figures {
  return {
    publishes: 0,
    placed: 0,
    queued: 0,
    refused: 0,
    unanswered: 0,
    actions: 0,
    invalidates: 0,
    told: 0,
    resyncs: {},
    returns: 0,
    kept: 0,
    resumed: 0,
    slowestAnswerMs: 0,
  };
}
