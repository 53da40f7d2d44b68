/**
 * From what the server counted and what the library told its app to one word. The words, from the worst:
 *   wrong user  it was done in another person's name
 *   lost        not done, and nobody was told
 *   overwrote   another person's change is gone, and nobody was told
 *   doubled     done more than once
 *   hidden      done, but the screen of whoever did it does not show it
 *   stuck       not done in time though the server would take it; it is still kept, or is sent at a later start of the app
 *   told        not done; the app was told with what was lost, once, and may show it
 *   flickers    done; what the person had typed went from the screen in between
 *   kept        done once; or still held by the library for the person to decide about
 */
export const WORDS = ['wrong user', 'lost', 'overwrote', 'doubled', 'hidden', 'stuck', 'told', 'flickers', 'kept', 'n/a'];

/** What tells one write from all others: it stands in whatever the app is told about it. */
export const markOf = (op) => op.text ?? (op.kind === 'delete' ? op.id : (op.fields?.name ?? op.fields?.table ?? op.id));

const worst = (verdicts) => verdicts.reduce((a, b) => (WORDS.indexOf(b.word) < WORDS.indexOf(a.word) ? b : a));

/** The last thing that the app was told about the end of a write, or undefined. That it is tried again is no end. */
async function lastTold(world, op) {
  const about = (await world.told()).filter(({ what, about: text }) => what !== 'retrying' && text.includes(markOf(op)));
  return about.at(-1);
}

const shorten = (entry) => /"error":"([^"]{1,60})/.exec(entry.about)?.[1] ?? /HTTP \d+[^"\\]{0,50}/.exec(entry.about)?.[0] ?? entry.what;

function shows(view, op) {
  if (op.kind === 'note') return view.notes.includes(op.text);
  if (op.kind === 'delete') return !view.guests[op.id];
  return Object.entries(op.fields).every(([name, value]) => view.guests[op.id]?.[name] === value);
}

/** One write that the server would take. `final`: the screen is to show it at the end. */
async function ofOne(world, op, { final, reopen }) {
  const times = world.effects(op);
  if (times > 1) return { word: 'doubled', why: `done ${times} times` };
  if (times === 1) {
    const hidden = final && world.live.length > 0 && !(await world.until(async () => shows(await world.live.at(-1).view(), op), undefined, 6_000 * world.pace));
    return hidden ? { word: 'hidden', why: 'done, and not on the screen' } : { word: 'kept', why: 'once' };
  }
  const told = await lastTold(world, op);
  const listed = (await world.pending()).includes(markOf(op));
  const again = world.server.requests.filter((request) => request.status !== 200 && JSON.stringify(request.op).includes(markOf(op)));
  if (!listed && again.length > 1 && again.at(-1).at > Date.now() - 15_000) return { word: 'stuck', why: `sent ${again.length} times, and again` };
  if (listed) return { word: 'stuck', why: `still waits${told ? ` (${shorten(told)})` : ''}` };
  if (await reopen(op)) return { word: 'stuck', why: 'sent only at a later start of the app' };
  if (shows(await world.live.at(-1).view(), op)) return { word: 'stuck', why: `kept on the device, not sent at a later start either${told ? ` (${shorten(told)})` : ''}` };
  return told ? { word: 'told', why: shorten(told) } : { word: 'lost', why: 'nobody is told' };
}

/**
 * Writes each of which is to be done once. Waits for them, and a moment longer for what comes twice.
 * @param {{final?: boolean, options?: object, quiet?: number}} how `options`: of the tab that looks whether a later start sends it
 */
export async function delivered(world, ops, { final = true, options, quiet = 2_500 } = {}) {
  await world.until(() => ops.every((op) => world.effects(op) > 0));
  await world.rest(quiet);
  let reopened = false;
  const reopen = async (op) => {
    if (!reopened) {
      await world.told();
      for (const tab of world.live) await tab.close();
      await world.open(options);
      reopened = true;
    }
    return world.until(() => world.effects(op) > 0, undefined, 6_000 * world.pace);
  };
  const verdicts = [];
  for (const op of ops) verdicts.push(await ofOne(world, op, { final, reopen }));
  const { word, why } = worst(verdicts);
  const many = verdicts.filter((verdict) => verdict.word === word).length;
  return { word, why: ops.length > 1 && many < ops.length ? `${many} of ${ops.length}: ${why}` : why };
}

/** The entry of a live tab's list that waits for the person, not for the network: by its state, where the library has such a state. */
async function held(world, op) {
  const lists = (await world.pending()).split('\n').filter(Boolean).map((text) => JSON.parse(text) ?? []);
  const entry = lists.flat().find((each) => ['conflicted', 'rejected', 'dead'].includes(each?.state) && JSON.stringify(each).includes(markOf(op)));
  return entry && JSON.stringify(entry);
}

/** A write that is not to be done as it is (refused, in conflict): the person is to hear of it. `held`: whether it is still there for him to decide. */
export async function heard(world, op, theirs) {
  await world.until(async () => (await lastTold(world, op)) !== undefined || (await held(world, op)) !== undefined);
  const told = await lastTold(world, op);
  const entry = await held(world, op);
  if (entry) {
    const both = theirs === undefined ? '' : entry.includes(theirs) ? ', with both values' : ', without the other value';
    return { word: 'kept', why: `held for the person to decide${both}` };
  }
  if ((await world.pending()).includes(markOf(op))) return { word: 'stuck', why: 'sent again and again' };
  if (!told) return { word: 'lost', why: 'undone, and nobody is told' };
  const both = theirs === undefined ? '' : told.about.includes(theirs) ? ', with both values' : ', without the other value';
  return { word: 'told', why: `${shorten(told)}${both}` };
}

export { worst };
