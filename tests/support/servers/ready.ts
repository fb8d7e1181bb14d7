import { setTimeout as delay } from 'node:timers/promises';
import type { ServerProcess } from './server-process.js';

const READY_DEADLINE_MS = 120_000;
const ASK_EVERY_MS = 100;

/** Asks until `answers` resolves; fails with the server's last lines when it ended or two minutes are over. */
export async function untilReady(server: ServerProcess, answers: () => Promise<unknown>): Promise<void> {
  const deadline = Date.now() + READY_DEADLINE_MS;
  for (;;) {
    try {
      await answers();
      return;
    } catch (error) {
      if (!(await server.isUp()))
        throw new Error(`the server ended while it started:\n${await server.log()}`);
      if (Date.now() > deadline) {
        const reason = (error as Error).message;
        throw new Error(`the server does not answer (${reason}), its last lines:\n${await server.log()}`);
      }
      await delay(ASK_EVERY_MS);
    }
  }
}
