import { told, type Truth } from './truth.js';

/** A whole API in one file, without routers below the root; tools by `switch`. */
export const truth: Truth = {
  root: 'api.ts#appRouter',
  queries: 2,
  mutations: {
    addPupil: told(['pupils'], 'pupils'),
    addGrade: told(['grades'], 'grades', 'pupils'),
  },
  findings: ['tool-mismatch addGrade'],
  tools: {
    addPupil: { verdict: 'match' },
    addGrade: { verdict: 'mismatch', missing: ['pupils'] },
  },
};
