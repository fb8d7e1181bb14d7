import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { HistoryEvent, Recorder } from '../../../src/testing/index.js';
import { createRecorder } from '../../../src/testing/index.js';
import { ROOT } from '../run-program.js';
import { PATIENCE_MS } from './patience.js';
import type { KillableLine, KillPlan } from './plan.js';

/** A process of its own that consumes, and can be killed. */
export interface KillableProcess {
  /** What it told of itself. */
  readonly told: Recorder<string>;
  /** Resolves when it is gone by itself or by force. */
  readonly ended: Promise<{ code: number | null; stderr: string }>;
  /** Resolves when it is gone and all that it printed is in the history. */
  end(signal: 'SIGKILL' | 'SIGTERM'): Promise<{ code: number | null; signal: string | null }>;
}

/** What a process does: consume until it is ended, or replay dead letters once. */
export type Role = 'consumer' | 'operator';

/** Starts a process for the plan and resolves when it is fed or connected. Its part of the history goes to `onEvent`. */
export async function startKillable(
  role: Role,
  plan: KillPlan,
  onEvent: (event: HistoryEvent) => void,
): Promise<KillableProcess> {
  const program = join(__dirname, `${role}.fixture.ts`);
  const child = spawn(process.execPath, ['--import', 'tsx', program, JSON.stringify(plan)], {
    cwd: ROOT,
    env: { PATH: process.env.PATH ?? '', HOME: process.env.HOME ?? '' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const told = createRecorder<string>('words');
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    stderr += chunk;
  });
  createInterface({ input: child.stdout }).on('line', (line) => {
    const said: KillableLine = JSON.parse(line);
    if ('event' in said) onEvent(said.event);
    else told.add(said.told);
  });
  const ended = new Promise<{ code: number | null; signal: string | null }>((resolve) => {
    child.once('close', (code, signal) => {
      told.add('ended');
      resolve({ code, signal });
    });
  });
  const first = await told.first((word) => word === 'started' || word === 'ended', PATIENCE_MS);
  if (first === 'ended') throw new Error(`The process ended before it was fed: ${stderr}`);
  return {
    told,
    ended: ended.then(({ code }) => ({ code, stderr })),
    end(signal) {
      child.kill(signal);
      return ended;
    },
  };
}
