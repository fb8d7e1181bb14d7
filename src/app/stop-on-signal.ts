const EXIT_BY_SIGNAL = { SIGINT: 130, SIGTERM: 143 } as const;

type StopSignal = keyof typeof EXIT_BY_SIGNAL;

/**
 * One Ctrl-C arrives twice where npm passes on what the terminal has sent to everybody; only what comes later, ms, is a
 * second one.
 */
const ECHO_MS = 200;

/** What {@link stopOnSignals} needs of a process. */
export interface StoppedProcess {
  on(signal: StopSignal, listener: () => void): unknown;
  exit(code: number): void;
}

/** Calls `stop` at the first SIGTERM or SIGINT; the next one ends the process at once, with 143 or 130. */
export function stopOnSignals(
  process: StoppedProcess,
  stop: (signal: StopSignal) => void,
  nowMs: () => number = () => performance.now(),
): void {
  let firstMs: number | null = null;
  const onSignal = (signal: StopSignal): void => {
    if (firstMs === null) {
      firstMs = nowMs();
      stop(signal);
    } else if (nowMs() - firstMs >= ECHO_MS) {
      process.exit(EXIT_BY_SIGNAL[signal]);
    }
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => onSignal(signal));
}
