/** `pathcast/testing`: a recorder that fails a test suite when a mutation told nobody of its change. */
export { createRecorder, type Recorder, type RecorderOptions, type VerifyOptions } from './recorder.js';
export type { MutationReport, RecorderReport } from './report.js';
