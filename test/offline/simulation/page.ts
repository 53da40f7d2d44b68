/** One tab of the schedule, as an app has it: the outbox, a QueryClient that shows it, the stream, and people who look at lists and rows. */
import * as Core from '@tanstack/query-core';
import { createOffline } from '../../../lib/offline/create-offline.js';
import { crud } from '../../../lib/offline/crud.js';
import { INSIDE, type Offline } from '../../../lib/offline/inside.js';
import { offlineLink } from '../../../lib/offline/link/offline-link.js';
import type { Outbox } from '../../../lib/offline/outbox/types.js';
import { bindOffline } from '../../../lib/offline/overlay/queries.js';
import type { OutboxEntry, Problem, Send } from '../../../lib/offline/types.js';
import { bindQueryClient, fenceLink } from '../../../lib/tanstack/index.js';
import { streamOf, type Observer, type Operation, type Stream } from '../../../lib/tanstack/link.js';
import type { Tab } from '../../client/simulation/browser.js';
import type { Stage } from '../support/stage.js';
import type { TabStream, Upstream } from './upstream.js';

export const NAME = 'pathcast offline 1 test acme ada';
export const MUTATIONS = {
  ...crud('pages', { query: 'pages.getById', list: ['pages.getAll'] }),
  ...crud('files', {
    query: 'files.getById',
    list: ['files.getAll'],
    dependsOn: ({ pageId }: { pageId?: string }) => (pageId === undefined ? [] : [{ entity: 'pages', id: pageId }]),
  }),
  'bells.ring': { kind: 'other', once: 'none' } as const,
};

export interface ShownRow {
  readonly id: string;
  readonly versions: Readonly<Record<string, string | null>>;
  readonly [field: string]: unknown;
}

/** What a query shows, one look after the other. */
export interface View {
  readonly path: string;
  readonly input: { id: string } | undefined;
  data: unknown;
  end: () => void;
}

export interface PageHost {
  stage: Stage;
  upstream: Upstream;
  version: number;
  sends: (page: SimulatedPage, ...given: Parameters<Send>) => Promise<unknown>;
  probe: (page: SimulatedPage) => Promise<boolean>;
  /** Answers, with the position of the log that the answer has reached; undefined: it says none. */
  answers: (page: SimulatedPage, path: string, input: unknown) => Promise<{ data: unknown; position: string | undefined }>;
  shows: (page: SimulatedPage, view: View, data: unknown) => void;
  changed: (page: SimulatedPage, entries: readonly OutboxEntry[]) => void;
  gone: (page: SimulatedPage, entry: OutboxEntry, gone: string, into: string | undefined) => void;
}

/** What a row is in an answer, and its versions. */
const versionsOf = (entity: string) => (answer: unknown) =>
  (Array.isArray(answer) ? (answer as ShownRow[]) : [answer as ShownRow | null]).flatMap((row) => (row ? [{ entity, id: row.id, fields: row.versions }] : []));

export class SimulatedPage {
  readonly tab: Tab;
  readonly offline: Offline;
  readonly stream: TabStream;
  readonly queries: Core.QueryClient;
  readonly problems: Problem[] = [];
  readonly views: View[] = [];
  /** Since when what was missed is waited for, as far as this tab can know; undefined: it is not. */
  catchingSince: number | undefined;
  /** It has signed out, or another tab has. */
  ended = false;
  readonly #call: (path: string, input: unknown) => Promise<unknown>;

  constructor(readonly host: PageHost) {
    const { stage, upstream, version } = host;
    const { clock } = stage;
    const { tab, environment } = stage.environment();
    this.tab = tab;
    this.offline = createOffline({
      companyId: 'acme',
      userId: 'ada',
      app: 'test',
      version,
      ...(version > 1 && { migrate: (entry: OutboxEntry) => entry }),
      mutations: MUTATIONS,
      versions: Object.fromEntries(['pages', 'files'].flatMap((entity) => ['getAll', 'getById'].map((query) => [`${entity}.${query}`, versionsOf(entity)]))),
      probe: () => host.probe(this),
      environment,
    });
    this.offline.onProblem((found) => void (tab.gone || this.problems.push(found)));
    this.stream = upstream.open(tab, undefined);
    this.queries = new Core.QueryClient({ defaultOptions: { queries: { retry: false, staleTime: Infinity, gcTime: Infinity, networkMode: 'always' } } });
    const links = [offlineLink(this.offline)({}), fenceLink(this.queries)({})];
    const http = ({ path, input }: Operation): Stream =>
      streamOf((observer: Observer) => {
        host.answers(this, path, input).then(
          ({ data, position }) => {
            const headers = new Map(position === undefined ? [] : [['x-pathcast-position', position]]);
            observer.next?.({ result: { data }, context: { response: { headers } } });
            observer.complete?.();
          },
          (error: unknown) => observer.error?.(error),
        );
        return { unsubscribe: () => undefined };
      });
    const through = links.reduceRight<(op: Operation) => Stream>((next, link) => (op) => link({ op, next }) as Stream, http);
    this.#call = (path, input) =>
      new Promise((resolve, reject) => {
        through({ type: 'query', path, input, context: {} } as Operation).subscribe({
          next: (value) => resolve((value as { result: { data: unknown } }).result.data),
          error: reject,
        });
      });
    bindQueryClient(this.queries, this.stream.client, {
      environment: {
        now: environment.now,
        elapsed: environment.now,
        random: environment.random,
        setTimeout: environment.setTimeout,
        clearTimeout: environment.clearTimeout,
        visible: () => true,
        listen: environment.listen,
        report: environment.report,
      },
    });
    bindOffline(this.queries, this.offline);
    this.outbox.subscribe((entries) => {
      if (!tab.gone) host.changed(this, entries);
    });
    this.outbox.onGone((entry, gone, into) => {
      if (!tab.gone) host.gone(this, entry, gone, into);
    });
    let verified = false;
    let wasLive = false;
    const look = (): void => {
      const live = this.stream.status.state === 'live';
      verified = this.offline.network.online && this.offline.network.verified;
      const waits = verified && (this.stream.isOnTheWay || (live && !this.stream.isWhole));
      if (!waits) this.catchingSince = undefined;
      // A stream that has just come brings what was missed, where it was waited for no more.
      else if (this.catchingSince === undefined || (live && !wasLive && this.inside.coordinator.at !== 'catching_up')) this.catchingSince = clock.now;
      wasLive = live;
    };
    this.stream.moved = look;
    this.inside.network.subscribe(look);
    look();
  }

  get inside() {
    return this.offline[INSIDE];
  }

  get outbox(): Outbox {
    return this.inside.outbox;
  }

  get entries(): readonly OutboxEntry[] {
    return this.offline.entries;
  }

  start(): void {
    this.stream.connect();
    void this.offline.start({ send: (...given) => (this.tab.gone ? new Promise(() => undefined) : this.host.sends(this, ...given)), sync: this.stream.client });
  }

  /** A person looks at a list, or at one row. */
  looks(path: string, id?: string): void {
    const input = id === undefined ? undefined : { id };
    if (this.views.some((view) => view.path === path && view.input?.id === id)) return;
    const observer = new Core.QueryObserver(this.queries, { queryKey: [path.split('.'), { ...(input && { input }), type: 'query' }], queryFn: () => this.#call(path, input) });
    const view: View = { path, input, data: undefined, end: () => undefined };
    const show = (data: unknown): void => {
      if (this.tab.gone || data === undefined || data === view.data) return;
      view.data = data;
      this.host.shows(this, view, data);
    };
    view.end = observer.subscribe(({ data }) => show(data));
    this.views.push(view);
    show(observer.getCurrentResult().data);
  }

  /** And no more. */
  looksAway(view: View): void {
    view.end();
    this.views.splice(this.views.indexOf(view), 1);
  }

  leave(): void {
    this.stream.close();
    this.host.stage.kill(this.tab);
  }
}
