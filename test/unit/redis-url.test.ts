/** URLs of a Redis: each part is read, an error names the part, and no password is ever repeated. The native half: test/native/redis_url_test.cc. */
import { maskRedisUrl, parseRedisUrl, secretsOf, shownRedisUrl } from '../../lib/redis/url.js';

function refused(text: string): string {
  try {
    parseRedisUrl(text);
  } catch (error) {
    expect(error).toMatchObject({ name: 'PathcastError', code: 'INVALID_OPTION' });
    return (error as Error).message;
  }
  throw new Error(`taken: ${text}`);
}

test.each(['redis://', 'redis:///', 'redis://127.0.0.1', 'redis://127.0.0.1:6379/0'])('%s: the defaults', (text) => {
  expect(parseRedisUrl(text)).toMatchObject({
    kind: 'tcp', endpoints: [{ host: '127.0.0.1', port: 6_379 }], db: 0, credentials: { user: '', password: '' },
  });
});

test.each([
  ['redis://a%40b:p%2F%3a%25%00@redis.local:7000/12', { user: 'a@b', password: 'p/:%\0' }, 'redis://a@b:***@redis.local:7000/12'],
  ['redis://:x@h?db=3', { user: '', password: 'x' }, 'redis://:***@h:6379/3'],
  ['redis://u:a@b:c@h', { user: 'u', password: 'a@b:c' }, 'redis://u:***@h:6379'],
  ['redis://:p@[fe80::1%eth0]:7001/1', { user: '', password: 'p' }, 'redis://:***@[fe80::1%eth0]:7001/1'],
  ['rediss://u:p@h', { user: 'u', password: 'p' }, 'rediss://u:***@h:6379'],
  ['redis+unix://me:secret@/run/my%20redis.sock?db=2', { user: 'me', password: 'secret' }, 'redis+unix://me:***@/run/my redis.sock?db=2'],
  ['redis+cluster://u:p@a,b:7', { user: 'u', password: 'p' }, 'redis+cluster://u:***@a:6379,b:7'],
  [
    'redis+sentinel://u:p@s1,s2:7,[::1]:8/my%2Fmaster/4?sentinel_user=w&sentinel_password=x%26y',
    { user: 'u', password: 'p' },
    'redis+sentinel://u:***@s1:26379,s2:7,[::1]:8/my/master/4',
  ],
])('%s is read, and shown without its password', (text, credentials, shown) => {
  const url = parseRedisUrl(text);
  expect(url.credentials).toEqual(credentials);
  expect(shownRedisUrl(url)).toBe(shown);
  expect(maskRedisUrl(text)).toBe(shown);
  expect(secretsOf(url)).toContain(credentials.password);
});

test('sentinels have a user and a password of their own', () => {
  expect(parseRedisUrl('redis+sentinel://s1/m?sentinel_user=w&sentinel_password=x%26y')).toMatchObject({
    kind: 'sentinel', endpoints: [{ host: 's1', port: 26_379 }], master: 'm', sentinelCredentials: { user: 'w', password: 'x&y' },
  });
});

test.each([
  ['', 'scheme'], ['localhost:6379', 'scheme'], ['http://h', 'rediss://'], ['redis://h:0', '1 to 65535'], ['redis://h:65536', '1 to 65535'],
  ['redis://h:+1', '1 to 65535'], ['redis://h:', '1 to 65535'], ['redis://::1', 'brackets'], ['redis://[::1', "']'"], ['redis://[]', 'host'],
  ['redis://a b', "'a b'"], ['redis://h/x', "'x'"], ['redis://h/-1', "'-1'"], ['redis://h/2147483648', 'number from 0'],
  ['redis://user@h', 'no password'], ['redis://user:@h', 'no password'], ['redis://u:%4@h', 'the password'], ['redis://%zz:p@h', 'the user'],
  ['redis://h?database=1', "'database'"], ['redis://h?sentinel_user=x', "'sentinel_user'"], ['redis://h#1', "'#'"],
  ['redis+unix://host/run/x', 'three slashes'], ['redis+unix:///', 'path'], ['redis+unix:///a%00b', 'path'], [`redis+unix:///${'x'.repeat(104)}`, 'path'],
  ['redis+sentinel://h', 'master'], ['redis+sentinel://h//1', 'master'], ['redis+sentinel://h,/m', 'sentinel has no host'],
  ['redis+sentinel:///m', 'sentinel has no host'], ['redis+sentinel://h/m/x', "'x'"], ['redis+sentinel://h/m?sentinel_user=x', 'sentinel_password'],
  ['redis+cluster://', 'node of the cluster has no host'], ['redis+cluster://h/1', 'database 0'], ['redis+cluster://h?db=1', "'db'"],
])('%s: the error names %s', (text, part) => {
  expect(refused(text)).toContain(part);
});

test.each([
  'redis://u:hunter2/x@h', 'redis://u:x/hunter2@h', 'redis://u:%hunter2@h', 'redis://u:x?hunter2@h', 'redis://u:p@x?hunter2@h', 'redis://u:x#hunter2@h',
  'redis://:hunter2', 'redis://u:hunter2', 'redis://h:hunter2/1', 'hunter2://u', 'redis://u:hunter2@h:x', 'redis+sentinel://u:hunter2@h',
  'redis+unix://u:hunter2@h/x', 'redis+sentinel://h/m?sentinel_user=a&sentinel_password=hunter2%', 'redis+cluster://u:hunter2@h/2', 'u:hunter2@h',
])('%s: neither an error nor the shown form repeats a password', (text) => {
  expect(refused(text)).not.toContain('hunter2');
  expect(maskRedisUrl(text).replace('hunter2://', '')).not.toContain('hunter2');
});
