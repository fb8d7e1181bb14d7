import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { createRecorder } from '../../../src/testing/index.js';
import { ROOT } from '../run-program.js';

/** One line of the log. */
export interface LogLine {
  readonly level: string;
  readonly msg: string;
  readonly [field: string]: unknown;
}

/** How the server ended. */
export interface AppEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stderr: string;
  /** All it wrote to its standard output. */
  readonly stdout: string;
}

/** A server in a process of its own. */
export interface SpawnedApp {
  /** Resolves with the first line, also an earlier one, whose text has this in it. Rejects when the process ends first. */
  line(text: string): Promise<LogLine>;
  /** Resolves with the address of the API once it listens. */
  address(): Promise<string>;
  kill(signal: NodeJS.Signals): void;
  readonly end: Promise<AppEnd>;
}

/** What {@link spawnApp} takes besides the environment. */
export interface SpawnAppOptions {
  readonly args?: readonly string[];
  /** Default: Node.js with the server's main file. */
  readonly command?: readonly [string, ...string[]];
  /** Working directory; one without `.env` and configuration file. */
  readonly cwd: string;
}

/** A killed member keeps its group from the next one for a session. */
const PATIENCE_MS = 60_000;

const MAIN = [process.execPath, '--import', require.resolve('tsx'), `${ROOT}/src/app/main.ts`] as const;

/** Starts the server as `npm start` does, with no variable but these and those that programs need to be found. */
export function spawnApp(
  env: Readonly<Record<string, string>>,
  { args = [], command = MAIN, cwd }: SpawnAppOptions,
): SpawnedApp {
  const [program, ...rest] = command;
  const child = spawn(program, [...rest, ...args], {
    cwd,
    env: { PATH: process.env.PATH ?? '', HOME: process.env.HOME ?? '', HTTP_PORT: '0', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = { stdout: '', stderr: '' };
  const lines = createRecorder<LogLine>('lines of the server');
  createInterface({ input: child.stdout }).on('line', (text) => {
    output.stdout += `${text}\n`;
    lines.add(parse(text));
  });
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    output.stderr += chunk;
  });
  const end = new Promise<AppEnd>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve({ code, signal, ...output }));
  });
  const line = async (text: string): Promise<LogLine> => {
    const ended = end.then(({ code, stderr }): never => {
      throw new Error(`the server ended with ${code} before it said "${text}": ${stderr}${output.stdout}`);
    });
    ended.catch(() => undefined); // of no interest once the line is there
    const found = lines.first((one) => one.msg.includes(text), PATIENCE_MS);
    found.catch(() => undefined); // told by the race, if the process has not ended
    return Promise.race([found, ended]);
  };
  return {
    line,
    address: async () => (await line('The server listens at')).address as string,
    kill: (signal) => void child.kill(signal),
    end,
  };
}

/** What is no JSON is a line all the same: a test may look for it. */
function parse(text: string): LogLine {
  try {
    return JSON.parse(text) as LogLine;
  } catch {
    return { level: 'none', msg: text };
  }
}
