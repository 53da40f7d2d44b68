/** What a server that is started here, from this shell, would run on. */
import { readFileSync } from 'node:fs';
import { messageOf } from '../../internal/describe.js';
import { createHub } from '../../server/hub.js';
import { visible } from '../terminal/text.js';
import type { Visit } from './report.js';

export interface Machine {
  /** `20.20.2` */
  node: string;
  /** `engines.node` of this package: `>=20.11`. */
  engines: string;
  runtime: 'Node' | 'Bun' | 'Deno';
  /** Of Linux. */
  libc: 'glibc' | 'musl' | undefined;
  /** Why the native engine does not start; undefined where it does. */
  noNative: string | undefined;
  /** What Node may open; Infinity without a limit, undefined where it is not known. */
  descriptors: number | undefined;
  /** net.core.somaxconn; undefined where there is none. */
  somaxconn: number | undefined;
}

/** Streams that a small machine can well have open; fewer descriptors are too few for a server. */
const FEW_DESCRIPTORS = 4_096;
/** The kernel's own default since Linux 5.4. */
const LOW_SOMAXCONN = 4_096;

export async function lookAtMachine(engines: string): Promise<Machine> {
  const linux = process.platform === 'linux';
  return {
    node: process.versions.node,
    engines,
    runtime: process.versions['bun'] !== undefined ? 'Bun' : 'Deno' in globalThis ? 'Deno' : 'Node',
    libc: linux ? libc() : undefined,
    noNative: await whyNotNative(),
    descriptors: linux ? descriptors() : undefined,
    somaxconn: linux ? number(fileText('/proc/sys/net/core/somaxconn').trim()) : undefined,
  };
}

/** It is started, not only loaded. */
async function whyNotNative(): Promise<string | undefined> {
  try {
    await createHub({ engine: 'native' }).close();
    return undefined;
  } catch (thrown) {
    return messageOf((thrown as { cause?: unknown }).cause ?? thrown);
  }
}

function libc(): Machine['libc'] {
  try {
    const { header } = process.report.getReport() as unknown as { header: { glibcVersionRuntime?: string } };
    return header.glibcVersionRuntime === undefined ? 'musl' : 'glibc';
  } catch {
    return undefined;
  }
}

/** At its start Node raises the soft limit to the hard one: what it has is what a server would have. */
function descriptors(): number | undefined {
  const [, soft] = /^Max open files\s+(\S+)/m.exec(fileText('/proc/self/limits')) ?? [];
  return soft === 'unlimited' ? Infinity : number(soft ?? '');
}

function fileText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

const number = (text: string): number | undefined => (/^\d+$/.test(text) ? Number(text) : undefined);

export function judgeMachine(machine: Machine, visit: Visit): void {
  judgeNode(machine, visit);
  judgeEngine(machine, visit);
  const { descriptors: open, somaxconn } = machine;
  if (open === undefined) visit.notChecked('How many descriptors a process may have, and net.core.somaxconn: only Linux tells it.');
  else if (open < FEW_DESCRIPTORS) {
    visit.found('few-descriptors', `A process started from here may have ${open} descriptors open, so fewer streams than that.`);
  } else visit.checked(`Descriptors: ${open === Infinity ? 'no limit' : `up to ${open} in a process`} (ulimit -n).`);
  if (somaxconn !== undefined && somaxconn < LOW_SOMAXCONN) {
    visit.found('low-somaxconn', `net.core.somaxconn is ${somaxconn}: no server here can let more connections than that wait to be accepted.`);
  } else if (somaxconn !== undefined) visit.checked(`Listen backlog: the system allows ${somaxconn} (net.core.somaxconn).`);
}

function judgeNode({ runtime, node, engines }: Machine, visit: Visit): void {
  if (runtime !== 'Node') return;
  const [, major = '0', minor = '0'] = /(\d+)(?:\.(\d+))?/.exec(engines) ?? [];
  const [hasMajor = 0, hasMinor = 0] = node.split('.').map(Number);
  if (hasMajor > Number(major) || (hasMajor === Number(major) && hasMinor >= Number(minor))) {
    visit.checked(`Node ${node}; pathcast needs ${engines}.`);
  } else {
    visit.found('node-too-old', `This is Node ${node}, and pathcast needs ${engines}.`);
  }
}

/** What runs the hub with `engine: 'auto'`, the default; an app may ask for one of the two. */
function judgeEngine({ runtime, libc: library, noNative }: Machine, visit: Visit): void {
  if (noNative === undefined) {
    visit.checked('Engine: native. The addon loads, and its thread starts.');
    return;
  }
  const why = visible(noNative);
  if (runtime !== 'Node') visit.found('foreign-runtime', `The JavaScript engine would be used on ${runtime}: ${why}.`);
  else if (library === 'musl') visit.found('musl-libc', `The JavaScript engine would be used: this Linux has musl, and the addon was not started (${why}).`);
  else visit.found('no-native-engine', `The JavaScript engine would be used, because the native one does not start: ${why}.`);
}
