import type { Socket } from 'node:net';

/** One direction of a connection: bytes in order, each held until its time, all held while the gate is shut. */
export interface ProxyPipe {
  /** Passes bytes on, `delayMs` after now and never before what was sent earlier. */
  send(bytes: Buffer, delayMs: number): void;
  /** Passes the end of the stream on, in its turn. */
  finish(delayMs: number): void;
  /** Holds everything, the end of the stream included, as a network that carries nothing does. */
  shut(): void;
  /** Lets through what was held and what follows. */
  open(): void;
  /** Passes what is held for its delay on at once. */
  hurry(): void;
  /** Forgets what is held. */
  drop(): void;
}

interface Held {
  readonly bytes: Buffer | undefined;
  dueAt: number;
}

/** Above this the sender is no longer read, so that its own buffers fill as they would. */
const HOLD_LIMIT_BYTES = 4 * 1024 * 1024;

/** Makes the pipe from one socket to another. */
export function proxyPipe(from: Socket, to: Socket): ProxyPipe {
  const held: Held[] = [];
  let heldBytes = 0;
  let isShut = false;
  let timer: NodeJS.Timeout | undefined;

  const pass = (): void => {
    timer = undefined;
    while (!isShut && held[0] && held[0].dueAt <= Date.now()) {
      const next = held.shift();
      heldBytes -= next?.bytes?.length ?? 0;
      if (next?.bytes) to.write(next.bytes);
      else to.end();
    }
    if (!isShut && held[0]) timer = setTimeout(pass, Math.max(1, held[0].dueAt - Date.now()));
    flow();
  };
  const flow = (): void => {
    if (heldBytes > HOLD_LIMIT_BYTES || to.writableNeedDrain) from.pause();
    else from.resume();
  };
  const hold = (bytes: Buffer | undefined, delayMs: number): void => {
    const dueAt = Math.max(held.at(-1)?.dueAt ?? 0, Date.now() + delayMs);
    held.push({ bytes, dueAt });
    heldBytes += bytes?.length ?? 0;
    if (timer === undefined) pass();
  };
  to.on('drain', flow);
  return {
    send: hold,
    finish: (delayMs) => hold(undefined, delayMs),
    shut() {
      isShut = true;
    },
    open() {
      isShut = false;
      if (timer === undefined) pass();
    },
    hurry() {
      for (const one of held) one.dueAt = 0;
      clearTimeout(timer);
      pass();
    },
    drop() {
      clearTimeout(timer);
      held.length = 0;
      heldBytes = 0;
    },
  };
}
