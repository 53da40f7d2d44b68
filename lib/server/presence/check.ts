/** What an app may say of who is there. */
import { describe, describeKind, describeThrown, isArray } from '../../internal/describe.js';
import { exceedsBytes } from '../../internal/text.js';
import { PathcastError } from '../../protocol/error.js';
import { checkIdentifier, checkKeys, checkObject } from '../check.js';

const MAX_TOPICS = 100;
/** Bytes of JSON: it stands in Redis, and goes to every stream of the company. */
const MAX_DATA_BYTES = 4_096;

/** Throws INVALID_FIELD. */
export function checkPresence(value: unknown): { topics: readonly string[]; data: string } {
  const raw = checkObject('presence', value);
  checkKeys('presence', raw, ['topics', 'data']);
  const { topics = [], data = null } = raw;
  if (!isArray(topics) || topics.length > MAX_TOPICS) {
    throw new PathcastError('INVALID_FIELD', `presence.topics must be an array of at most ${MAX_TOPICS} topics, got ${describe(topics)}`);
  }
  const names = topics.map((topic, at) => checkIdentifier(`presence.topics[${at}]`, topic));
  let text: string | undefined;
  try {
    text = JSON.stringify(data);
  } catch (thrown) {
    throw new PathcastError('INVALID_FIELD', `presence.data cannot be written as JSON (${describeThrown(thrown)})`);
  }
  if (text === undefined) throw new PathcastError('INVALID_FIELD', `presence.data must be something that JSON holds, got ${describeKind(data)}`);
  if (exceedsBytes(text, MAX_DATA_BYTES)) {
    throw new PathcastError('INVALID_FIELD', `presence.data is too long: at most ${MAX_DATA_BYTES} bytes of JSON`);
  }
  return { topics: names, data: text };
}
