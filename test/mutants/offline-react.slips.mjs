// What a person did offline, as React shows it: marks, the dialog, a text of both.
import { jest } from './tests.mjs';

const page = (name) => jest('test/browser/offline-react.test.ts', name);
const text = (name) => jest('test/offline/three-way.test.ts', name);

export const slips = [
  {
    name: 'OX01',
    file: 'lib/offline-react/use-pending.ts',
    why: 'a set that is the same is another one: each change renders who shows marks',
    find: 'if (ids.size !== last.current.size || ![...ids].every((one) => last.current.has(one))) last.current = ids;',
    replace: 'last.current = ids;',
    tests: [page('what is pending is marked, and renders where it is shown alone')],
  },
  {
    name: 'OX02',
    file: 'lib/offline-react/use-pending.ts',
    why: 'a row in conflict looks as if it were saved',
    find: "state === 'queued' || state === 'sending' || state === 'conflicted'",
    replace: "state === 'queued' || state === 'sending'",
    tests: [page('Escape is later: it stays')],
  },
  {
    name: 'OX03',
    file: 'lib/offline-react/conflict-dialog.ts',
    why: 'focus does not go back where it was',
    find: 'shown?.close();\n      giveFocus(around);',
    replace: '',
    tests: [page('a conflict opens a dialog that is named')],
  },
  {
    name: 'OX07',
    file: 'lib/offline-react/conflict-dialog.ts',
    why: 'focus is nowhere when what had it was taken away meanwhile',
    find: 'giveFocus(around);',
    replace: '',
    tests: [page('who decides from the badge is at the badge again')],
  },
  {
    name: 'OX04',
    file: 'lib/offline-react/conflict-dialog.ts',
    why: 'what is put off opens again at once',
    find: 'all.filter((one) => !later.has(keyOf(one)))',
    replace: 'all',
    tests: [page('Escape twice, where the dialog opens by itself')],
  },
  {
    name: 'OX05',
    file: 'lib/offline-react/conflict-dialog.ts',
    why: "theirs takes the person's other fields with it",
    find: "return canMerge && others ? { merged: Object.fromEntries(fields.map((one) => [one.field, one.theirs])) } : 'theirs';",
    replace: "return 'theirs';",
    tests: [page('theirs is kept for the field in conflict')],
  },
  {
    name: 'OX06',
    file: 'lib/offline-react/three-way.ts',
    why: 'what the other one alone has changed is lost',
    find: 'else if (left === before) text += right;',
    replace: 'else if (left === before) text += left;',
    tests: [text('the quick fox'), text('who changed nothing leaves the other one as it is')],
  },
];
