/** One line an event. What came on the wire is made visible: no character of it moves the cursor or hides text. */
import { numberIn, textOf, textsOf, type Message, type Payload } from '../stream/messages.js';
import type { Colours, Style } from '../terminal/colours.js';
import { cut, pad, visible, widthOf } from '../terminal/text.js';

const TYPE_COLUMNS = 12;
/** A narrower terminal breaks lines itself. */
const MIN_COLUMNS = 50;

export interface LineOptions {
  /** Of the terminal; undefined: lines are as long as they are. */
  columns: number | undefined;
  colours: Colours;
}

/** Time, type, what it says, id. */
export function lineOf(message: Message, { columns, colours: c }: LineOptions): string {
  const { wallAt, type, id } = message;
  const [text, style] = toldOf(message, c);
  const time = timeOf(wallAt);
  const name = pad(cut(visible(type), TYPE_COLUMNS), TYPE_COLUMNS);
  const tail = id === undefined || id === '' ? '' : visible(id);
  const left = `${time}  ${name}  `;
  if (columns === undefined) return `${left}${visible(text)}${tail === '' ? '' : `  ${tail}`}`;
  const room = Math.max(MIN_COLUMNS, columns) - widthOf(left);
  const whole = visible(text);
  // The first half of an id is the same on each line; hello has it in full.
  const full = widthOf(whole) + 2 + widthOf(tail) <= room || type === 'hello';
  const mark = cut(full ? tail : tail.slice(Math.max(0, tail.lastIndexOf('.'))), Math.floor(room / 2));
  const shown = cut(whole, mark === '' ? room : Math.max(1, room - widthOf(mark) - 2));
  const rest = mark === '' ? '' : `${' '.repeat(Math.max(2, room - widthOf(shown) - widthOf(mark)))}${c.dim(mark)}`;
  return `${c.dim(time)}  ${style(name)}  ${shown}${rest}`;
}

/** A value that cannot be read as an object stands as the text that it is. */
export function jsonOf({ wallAt, event, id, data, form, payload }: Message): string {
  const line = JSON.stringify({
    time: new Date(wallAt).toISOString(),
    event,
    ...(id === undefined ? {} : { id }),
    data: form === 'unreadable' ? data : payload,
  });
  // JSON lets pass what a terminal obeys.
  return line.replace(/[\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** As a clock on the wall here shows it. */
export function timeOf(wallAt: number): string {
  const date = new Date(wallAt);
  const two = (value: number): string => String(value).padStart(2, '0');
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${String(date.getMilliseconds()).padStart(3, '0')}`;
}

const VERDICTS: Readonly<Record<string, string>> = {
  fresh: 'fresh: live from here on',
  resumed: 'resumed: what was missed follows',
  epoch_changed: 'epoch_changed: all may be stale',
  trimmed: 'trimmed: all may be stale',
  unknown_cursor: 'unknown_cursor: all may be stale',
  ahead_of_log: 'ahead_of_log: all may be stale',
  overflow: 'overflow: all may be stale',
};

function toldOf(message: Message, c: Colours): [text: string, style: Style] {
  const { type, event, payload, form, data } = message;
  if (form === 'unreadable') return [data, c.dim];
  const paths = textsOf(payload['queryPaths']).join(', ');
  switch (type) {
    case 'hello': {
      const reason = textOf(payload['reason']) ?? '?';
      const good = reason === 'fresh' || reason === 'resumed';
      return [VERDICTS[reason] ?? reason, good ? c.green : c.yellow];
    }
    case 'insert':
    case 'update':
    case 'delete':
      return [words([`${textOf(payload['module']) ?? '?'} ${idOf(payload)}`, paths, by(payload)]), c.cyan];
    case 'invalidate':
      return [words([`${numberIn(payload['count']) ?? '?'} changes in ${textsOf(payload['modules']).join(', ')}`, paths]), c.cyan];
    case 'resync':
      return [words([`${textOf(payload['reason']) ?? '?'}: read all again`, paths]), c.yellow];
    case 'ephemeral':
      return [words([textOf(payload['topic']) ?? '', JSON.stringify(payload['data']) ?? '']), c.dim];
    case 'ping':
      return ['', c.dim];
    case 'server_close':
      return [textOf(payload['reason']) ?? '', c.yellow];
    default:
      return [event === 'serialized-error' ? (textOf(payload['message']) ?? data) : data, event === 'serialized-error' ? c.red : c.dim];
  }
}

const words = (parts: readonly string[]): string => parts.filter((part) => part !== '').join('  ');

function idOf(payload: Payload): string {
  return textOf(payload['entityId']) ?? '?';
}

function by(payload: Payload): string {
  const user = textOf(payload['userId']) ?? '';
  const tool = textOf(payload['toolName']);
  return `${user === '' ? '' : `by ${user}`}${tool === undefined ? '' : ` (${tool})`}`;
}
