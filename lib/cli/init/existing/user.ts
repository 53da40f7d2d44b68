/** Whether an app uses pathcast: by its code. That it is installed says nothing yet. */
import path from 'node:path';
import type { OpenedProject } from '../../audit/project/index.js';

/** A file that imports it, from the app's folder; undefined: none does. */
export function userOf(project: OpenedProject): string | undefined {
  const file = project.files.find(({ text }) =>
    project.ts.preProcessFile(text, true, true).importedFiles.some(({ fileName }) => /^pathcast(\/|$)/.test(fileName)),
  );
  return file && path.relative(project.root, file.fileName).split(path.sep).join('/');
}
