/** The head of a stream: ours where it matters, the app's where it may, and nothing that HTTP does not allow. */
import { headerRecord, http1Head, streamHeaders } from '../../../lib/server/response-head.js';

const warnings: string[] = [];
const warn = (message: string): void => void warnings.push(message);

test('app headers are kept, framing and type are ours', () => {
  const headers = streamHeaders(
    {
      'access-control-allow-origin': 'https://app',
      'content-length': 5,
      'Content-Type': 'text/html',
      connection: 'keep-alive',
      'set-cookie': ['a=1', 'b=2'],
      'x-n': 7,
      nothing: undefined,
    },
    { 'X-Own': 'yes', 'access-control-allow-origin': 'https://other' },
    warn,
  );
  expect(http1Head(headers, 0)).toBe(
    [
      'HTTP/1.1 200 OK',
      'Content-Type: text/event-stream',
      'Cache-Control: no-cache, no-transform',
      'X-Accel-Buffering: no',
      'access-control-allow-origin: https://other',
      'set-cookie: a=1',
      'set-cookie: b=2',
      'x-n: 7',
      'X-Own: yes',
      'Date: Thu, 01 Jan 1970 00:00:00 GMT',
      'Connection: close',
      '',
      '',
    ].join('\r\n'),
  );
  expect(headerRecord(headers)).toMatchObject({ 'set-cookie': ['a=1', 'b=2'], 'x-n': '7' });
});

test.each([
  { 'x-evil': 'a\r\nset-cookie: b=1' },
  { 'x-evil\r\ny': 'a' },
  { 'x-evil': 'a\0b' },
  { 'x evil': 'a' },
  { 'x-list': ['ok', 'a\nb'] },
])('no header can be forged: %p', (app) => {
  warnings.length = 0;
  expect(streamHeaders(app, undefined, warn)).toHaveLength(3);
  expect(warnings).toHaveLength(1);
  expect(() => streamHeaders({}, app, warn)).toThrow(expect.objectContaining({ code: 'INVALID_FIELD' }) as Error);
});
