/** How a command ended, as its exit code says it. */
export const EXIT = {
  /** Done, or nothing to do. */
  done: 0,
  error: 1,
  /** A preview of something that would change, something is left that was refused, or a check found warnings. */
  pending: 2,
  /** Refused by a guard; nothing changed. */
  refused: 3,
  /** It stopped by itself and needs an operator. */
  stopped: 5,
  usage: 64,
  interrupted: 130,
} as const;

/** An exit code. */
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];
