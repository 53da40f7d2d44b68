// Fastify, web and the recorder of lib/testing.
import { jest } from './tests.mjs';

export const slips = [
  {
    name: 'T85',
    file: 'lib/fastify/index.ts',
    why: 'fastify.close() does not end the streams of a hub that goes on',
    find: 'else await internalsOf(hub).endStreamsOf(fastify.server, drainMs);',
    replace: '',
    tests: [jest('test/integration/fastify-plugin.test.ts', 'close() ends each stream with a word, and not the hub that it was given')],
  },
  {
    name: 'T86',
    file: 'lib/web/index.ts',
    why: 'web: request.signal not passed',
    find: 'signal: request.signal,',
    replace: '',
    tests: [jest('test/integration/web-handler.test.ts', 'a request that is aborted frees its place, also before anybody reads')],
  },
  {
    name: 'T91',
    file: 'lib/testing/recorder.ts',
    why: 'verify({ everyMutation }) does nothing',
    find: '(everyMutation && result.neverRun.length > 0) ||',
    replace: '',
    tests: [jest('test/unit/testing/recorder.test.ts', 'a mutation that never succeeded fails a suite that asks for every one, and no other')],
  },
  {
    name: 'T92',
    file: 'lib/testing/recorder.ts',
    why: 'recorder counts broadcasts of other hubs',
    find: 'if (hub && from !== hub) return;',
    replace: '',
    tests: [jest('test/unit/testing/recorder.test.ts', 'broadcasts on another hub do not count where one is named')],
  },
];
