/** What a pane's stream is doing: its state, verdict and cursor, and the last events. */
import type { StreamView, Status } from '../shared/live-stream.js';
import { milliseconds, plural, timeOfDay } from '../shared/format.js';

const WORDS: Record<Status, string> = { connecting: 'Connecting', live: 'Live', offline: 'Offline', refused: 'Refused' };
const SHOWN_LINES = 4;

export function StatusPill({ view }: { view: StreamView }) {
  return (
    <span class={`pill ${view.status}`} role="status" data-testid="status" title={view.detail}>
      <span class="dot" aria-hidden="true" />
      {WORDS[view.status]}
    </span>
  );
}

export function StreamStrip({ view }: { view: StreamView }) {
  const { verdict, cursor, lines, latencyMs, caughtUp, detail, behind } = view;
  const trouble = detail ?? (behind === undefined ? undefined : `Not up to date (${behind}); trying again`);
  return (
    <section class="strip" aria-label="Stream">
      <dl>
        <div>
          <dt>Verdict</dt>
          <dd data-testid="verdict">{verdict ?? '—'}</dd>
        </div>
        <div>
          <dt>Cursor</dt>
          <dd class="mono" data-testid="cursor">{cursor ?? '—'}</dd>
        </div>
        <div>
          <dt>Last change</dt>
          <dd>{latencyMs === undefined ? '—' : `in ${milliseconds(latencyMs)}`}</dd>
        </div>
      </dl>
      {(trouble ?? caughtUp) !== undefined && (
        <p class={`notice ${trouble === undefined ? 'good' : 'bad'}`} role="status" data-testid="notice">{trouble ?? caughtUp}</p>
      )}
      <ol class="events" aria-label="Last events, newest first" data-testid="events">
        {lines.slice(0, SHOWN_LINES).map((line) => (
          <li key={line.nth} class={line.kind}>
            <time class="mono">{timeOfDay(line.at)}</time>
            <span class="grow name" title={line.text}>{line.text}</span>
            {line.paths > 0 && <span class="faint">{plural(line.paths, 'path')}</span>}
          </li>
        ))}
      </ol>
    </section>
  );
}
