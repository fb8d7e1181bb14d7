import { readdirSync, readFileSync } from 'node:fs';

/** A process, told from a later one with the same pid by the time at which it started. */
export interface RunningProcess {
  readonly pid: number;
  readonly startedAt: string;
}

interface ProcessEntry extends RunningProcess {
  readonly parent: number;
  readonly state: string;
}

/** The process and all that it started, directly or not; empty where there is no /proc (macOS). */
export function descendantsOf(pid: number): RunningProcess[] {
  const entries = allProcesses();
  const family = entries.filter((entry) => entry.pid === pid);
  for (const known of family) {
    family.push(...entries.filter((entry) => entry.parent === known.pid));
  }
  return family.map(({ pid: id, startedAt }) => ({ pid: id, startedAt }));
}

/** Whether exactly this process still runs (a zombie does not). */
export function isRunning(known: RunningProcess): boolean {
  const entry = readEntry(known.pid);
  return entry !== undefined && entry.startedAt === known.startedAt && entry.state !== 'Z';
}

function allProcesses(): ProcessEntry[] {
  return processIds().flatMap((pid) => readEntry(pid) ?? []);
}

function processIds(): number[] {
  try {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map(Number);
  } catch {
    return [];
  }
}

/** Reads proc(5)'s `stat`: the name in brackets may hold spaces, so the fields are counted from its end. */
function readEntry(pid: number): ProcessEntry | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { pid, state: fields[0] ?? '', parent: Number(fields[1]), startedAt: fields[19] ?? '' };
  } catch {
    return undefined;
  }
}
