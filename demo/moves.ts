import { setTimeout as pause } from 'node:timers/promises';
import type { BrokerName, MessageBus } from '../src/index.js';
import type { FlagFile } from './flag-file.js';

/** A consumer to move. */
export interface Move {
  readonly consumer: string;
  readonly to: BrokerName;
}

/** What {@link runMoves} works with. */
export interface MovesContext {
  readonly bus: MessageBus;
  readonly flagFile: FlagFile;
  /** Traffic before each move, ms. */
  readonly calmMs: number;
  readonly signal: AbortSignal;
}

/** A move that takes longer has failed: joining a group on a busy broker takes seconds, not a minute. */
const MOVE_DEADLINE_MS = 60_000;

/** Moves one consumer after another by flipping its flag in the file, and waits each time until it moved. */
export async function runMoves(moves: readonly Move[], context: MovesContext): Promise<void> {
  const { bus, flagFile, calmMs, signal } = context;
  for (const move of moves) {
    await pause(calmMs, undefined, { signal });
    const moved = nextMove(bus, move.consumer, signal);
    await Promise.all([moved, flagFile.set(move.consumer, move.to)]);
  }
}

function nextMove(bus: MessageBus, consumer: string, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const deadline = AbortSignal.any([signal, AbortSignal.timeout(MOVE_DEADLINE_MS)]);
    const end = (how: () => void): void => {
      for (const stop of stops) stop();
      deadline.removeEventListener('abort', giveUp);
      how();
    };
    const giveUp = (): void => end(() => reject(new Error(`${consumer} did not move: ${deadline.reason}`)));
    const stops = [
      bus.on('consumer-moved', (event) => event.consumer === consumer && end(resolve)),
      bus.on('consumer-move-refused', (event) => {
        if (event.consumer === consumer) end(() => reject(event.error));
      }),
    ];
    deadline.addEventListener('abort', giveUp);
  });
}
