import { connect, type Socket } from 'node:net';
import type { FaultAction } from './proxy-faults.js';
import { frameReaders, type ProxyDirection, type ProxyFrame, type ProxyProtocol } from './proxy-frames.js';
import { type ProxyPipe, proxyPipe } from './proxy-pipe.js';

/** What a connection asks its proxy about each frame. */
export interface ProxyRules {
  readonly protocol: ProxyProtocol;
  /** The server's port on 127.0.0.1. */
  readonly target: number;
  /** Added to each frame on each of the two ways. */
  readonly latencyMs: number;
  /** Which ways carry nothing at present. */
  readonly shut: ReadonlySet<ProxyDirection>;
  /** Decides about a frame and counts it. */
  meet(on: ProxyDirection, frame: ProxyFrame): FaultAction | undefined;
}

/** A client's connection through the proxy. */
export interface ProxyConnection {
  /** Ends both sides with a TCP reset. */
  reset(): void;
  /** Ends both sides in order, as a server that shuts down does; what was held or still comes is dropped. */
  hangUp(): void;
  /** Follows a change of the rules' `shut`. */
  gate(): void;
  /** Delivers what was delayed. */
  hurry(): void;
  /** Resolves once both sides are closed. */
  readonly closed: Promise<void>;
}

/** Connects a client to the server and carries the frames of both ways by the rules. */
export function proxyConnection(client: Socket, rules: ProxyRules): ProxyConnection {
  const server = connect({ port: rules.target, host: '127.0.0.1', noDelay: true });
  client.setNoDelay(true);
  const pipes = { request: proxyPipe(client, server), reply: proxyPipe(server, client) };
  const reset = (): void => {
    for (const pipe of Object.values(pipes)) pipe.drop();
    resetSocket(client);
    resetSocket(server);
  };
  let isHungUp = false;
  const hangUp = (): void => {
    isHungUp = true;
    for (const pipe of Object.values(pipes)) pipe.drop();
    client.end();
    server.end();
  };
  const gate = (): void => {
    for (const [on, pipe] of Object.entries(pipes)) {
      if (rules.shut.has(on as ProxyDirection)) pipe.shut();
      else pipe.open();
    }
  };
  gate();
  const readers = frameReaders(rules.protocol);
  const carry = (on: ProxyDirection, from: Socket): void => {
    from.on('data', (chunk: Buffer) => {
      for (const frame of readers[on](chunk)) {
        if (client.destroyed || isHungUp) return;
        carryFrame(pipes[on], frame, { action: rules.meet(on, frame), latencyMs: rules.latencyMs, reset });
      }
    });
    from.on('end', () => {
      if (!isHungUp) pipes[on].finish(rules.latencyMs);
    });
    from.on('error', reset);
  };
  carry('request', client);
  carry('reply', server);
  const hurry = (): void => {
    for (const pipe of Object.values(pipes)) pipe.hurry();
  };
  return { reset, hangUp, gate, hurry, closed: bothClosed(client, server) };
}

/** A socket that connects, or whose end is on its way, cannot be reset: libuv refuses, and Node.js never closes it then. */
function resetSocket(socket: Socket): void {
  const isEnding = socket.writableEnded && !socket.writableFinished;
  if (socket.connecting || isEnding) socket.destroy();
  else socket.resetAndDestroy();
}

interface Treatment {
  readonly action: FaultAction | undefined;
  readonly latencyMs: number;
  readonly reset: () => void;
}

function carryFrame(pipe: ProxyPipe, frame: ProxyFrame, treatment: Treatment): void {
  const { action, latencyMs, reset } = treatment;
  switch (action?.do) {
    case undefined:
      pipe.send(frame.bytes, latencyMs);
      break;
    case 'delay':
      pipe.send(frame.bytes, latencyMs + action.delayMs);
      break;
    case 'cut':
      pipe.send(frame.bytes.subarray(0, action.keepBytes), 0);
      // The part that is kept must leave the process before the reset discards what is unsent.
      setImmediate(reset);
      break;
    case 'reset':
      reset();
      break;
    case 'swallow':
  }
}

async function bothClosed(...sockets: Socket[]): Promise<void> {
  await Promise.all(
    sockets.map((socket) => new Promise<void>((resolve) => socket.once('close', () => resolve()))),
  );
}
