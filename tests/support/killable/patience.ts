/** Longest wait for a step of a process, ms. */
export const PATIENCE_MS = 60_000;
