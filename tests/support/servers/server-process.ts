import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { descendantsOf, isRunning, type RunningProcess } from './process-tree.js';

/** How a server of this machine is started. */
export interface LocalServer {
  /** Its own folder: data, configuration and log, and its working directory; removed at the end. */
  readonly folder: string;
  /** Starts the server. */
  readonly start: readonly string[];
  /** Put before the words of a tool's call, so that it runs where the server runs. */
  readonly tool: readonly string[];
}

/** A server that can be killed, frozen and started again with its data kept. */
export interface ServerProcess {
  /** Its pid on this machine, which is the id of its process group too; undefined when it does not run or runs in a container. */
  readonly pid: number | undefined;
  /** Starts it, first or again, without waiting until it answers. */
  start(): Promise<void>;
  /** Freezes it: its connections stay open and nothing answers. */
  pause(): Promise<void>;
  /** Thaws it. */
  resume(): Promise<void>;
  /** Ends it with a signal and waits until it and its children are gone; nothing happens when it does not run. */
  end(signal: NodeJS.Signals): Promise<void>;
  /** Whether it has been started and has not ended. */
  isUp(): Promise<boolean>;
  /** Runs a tool that belongs to the server and returns what it printed. */
  run(words: readonly string[]): Promise<string>;
  /** The last lines that it wrote, for the message of a failed start. */
  log(): Promise<string>;
  /** Ends it and removes its folder. */
  dispose(): Promise<void>;
}

/** A shell that outlives this process: ends the server and removes its folder once its standard input closes. */
const WATCHDOG = `group=
while read -r line; do group=$line; done
if [ -n "$group" ]; then kill -s KILL -- "-$group" 2>/dev/null; fi
tries=0
until rm -rf -- "$1" 2>/dev/null || [ $tries -ge 50 ]; do tries=$((tries + 1)); sleep 0.1; done`;

const LOG_FILE = 'output.log';
const END_DEADLINE_MS = 30_000;
const TOOL_DEADLINE_MS = 60_000;
const execute = promisify(execFile);

/** A server of this machine; it runs in a process group of its own, which never survives this process. */
export function localServer(server: LocalServer): ServerProcess {
  const watchdog = startWatchdog(server.folder);
  let child: ChildProcess | undefined;
  const signal = async (name: NodeJS.Signals): Promise<void> => {
    if (child?.pid !== undefined) signalGroup(child.pid, name);
  };
  const end = async (name: NodeJS.Signals): Promise<void> => {
    if (child) await endGroup(child, name);
  };
  return {
    get pid() {
      return child?.pid;
    },
    async start() {
      if (child) throw new Error('this server is running already');
      const started = launch(server);
      child = started;
      started.once('exit', () => {
        child = undefined;
        watchdog.stdin?.write('\n');
      });
      watchdog.stdin?.write(`${started.pid}\n`);
    },
    pause: () => signal('SIGSTOP'),
    resume: () => signal('SIGCONT'),
    end,
    isUp: async () => child !== undefined,
    run: (words) => runTool(server, words),
    log: async () => lastLines(join(server.folder, LOG_FILE)),
    async dispose() {
      await end('SIGKILL');
      watchdog.kill('SIGKILL');
      rmSync(server.folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
    },
  };
}

function launch(server: LocalServer): ChildProcess {
  const [command = '', ...args] = server.start;
  const log = openSync(join(server.folder, LOG_FILE), 'a');
  const child = spawn(command, args, {
    cwd: server.folder,
    env: environment(server.folder),
    detached: true,
    stdio: ['ignore', log, log],
  });
  closeSync(log);
  child.unref();
  child.on('error', () => {});
  if (child.pid === undefined) throw new Error(`${command} cannot be run`);
  return child;
}

/** Nothing of the caller's environment but the path: a server of this machine may have settings there. */
function environment(folder: string): Record<string, string> {
  return { PATH: process.env.PATH ?? '', HOME: folder, LANG: 'C.UTF-8' };
}

async function runTool(server: LocalServer, words: readonly string[]): Promise<string> {
  const [command = '', ...args] = [...server.tool, ...words];
  const options = { cwd: server.folder, env: environment(server.folder), timeout: TOOL_DEADLINE_MS };
  const { stdout } = await execute(command, args, options);
  return stdout;
}

async function endGroup(child: ChildProcess, name: NodeJS.Signals): Promise<void> {
  const group = child.pid;
  if (group === undefined) return;
  const family = descendantsOf(group);
  const exited = once(child, 'exit');
  const lastResort = setTimeout(() => signalGroup(group, 'SIGKILL'), END_DEADLINE_MS);
  signalGroup(group, name);
  // A frozen server gets no other signal than SIGKILL until it is thawed.
  signalGroup(group, 'SIGCONT');
  await exited;
  clearTimeout(lastResort);
  signalGroup(group, 'SIGKILL');
  await gone(family);
}

function startWatchdog(folder: string): ChildProcess {
  const watchdog = spawn('sh', ['-c', WATCHDOG, 'watchdog', folder], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  watchdog.unref();
  // A pipe is a socket to libuv: left referenced, it would keep the test process alive.
  (watchdog.stdin as unknown as { unref(): void }).unref();
  watchdog.stdin?.on('error', () => {});
  return watchdog;
}

function signalGroup(group: number, name: NodeJS.Signals): void {
  try {
    process.kill(-group, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Erlang's helpers live in sessions of their own and end a moment after the server; here that moment is awaited. */
async function gone(family: readonly RunningProcess[]): Promise<void> {
  const deadline = Date.now() + END_DEADLINE_MS;
  while (family.some(isRunning)) {
    if (Date.now() > deadline)
      throw new Error(`still running: ${family.filter(isRunning).map((p) => p.pid)}`);
    await delay(10);
  }
}

function lastLines(file: string): string {
  try {
    return readFileSync(file, 'utf8').trimEnd().split('\n').slice(-20).join('\n');
  } catch {
    return '(no output)';
  }
}
