import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { type ProxyConnection, proxyConnection } from './proxy-connection.js';
import { type Fault, faultList, type PlacedFault } from './proxy-faults.js';
import type { ProxyDirection, ProxyFrame, ProxyProtocol } from './proxy-frames.js';

/** Between whom a proxy stands. */
export interface ProxyOptions {
  /** The server's port on 127.0.0.1. */
  readonly target: number;
  /** The proxy's own port. Default: any free one. */
  readonly port?: number;
  /** What it understands; TLS can only be `bytes`. Default `bytes`. */
  readonly protocol?: ProxyProtocol;
}

/** What a proxy has seen to happen since it was started. */
export interface ProxyRecord {
  readonly connections: number;
  /** Connections reset by the proxy. */
  readonly resets: number;
  /** Frames towards the server and from it, by name, those that met a fault included. */
  readonly requests: ReadonlyMap<string, number>;
  readonly replies: ReadonlyMap<string, number>;
  /** Frames that met a fault, by what was done to them. */
  readonly faults: ReadonlyMap<Fault['do'], number>;
}

/** A TCP proxy on 127.0.0.1 that does to a connection what networks and dying servers do. */
export interface FaultProxy {
  readonly port: number;
  readonly seen: ProxyRecord;
  /** Places a fault for frames to come. */
  fault(fault: Fault): PlacedFault;
  /** Holds every frame for so long on each way. */
  latency(ms: number): void;
  /** Carries nothing, on both ways or one; connections stay open, and what was held is delivered late by `heal`. */
  blackHole(way?: 'both' | ProxyDirection): void;
  /** Resets every open connection; new ones are accepted. */
  reset(): void;
  /** Ends every open connection in order (FIN, not RST); resolves with their number once both sides have closed. */
  hangUp(): Promise<number>;
  /** Accepts no new connections (ECONNREFUSED); open ones go on. */
  refuse(): Promise<void>;
  /** Ends every fault and delivers what was held. */
  heal(): Promise<void>;
  /** Resolves when the record shows it. */
  until(shown: (seen: ProxyRecord) => boolean): Promise<void>;
  /** Resets what is open and stops listening. */
  close(): Promise<void>;
}

/** Starts a proxy. */
export async function startProxy(options: ProxyOptions): Promise<FaultProxy> {
  const record = proxyRecord();
  const faults = faultList();
  const open = new Set<ProxyConnection>();
  const rules = {
    protocol: options.protocol ?? 'bytes',
    target: options.target,
    latencyMs: 0,
    shut: new Set<ProxyDirection>(),
    meet(on: ProxyDirection, frame: ProxyFrame) {
      const action = faults.meet(on, frame);
      record.frame(on, frame, action?.do);
      return action;
    },
  };
  const accept = (client: Socket): void => {
    record.connection();
    const connection = proxyConnection(client, rules);
    open.add(connection);
    void connection.closed.then(() => open.delete(connection));
  };
  const gate = (): void => {
    for (const connection of open) connection.gate();
  };
  const reset = (): void => {
    record.reset(open.size);
    for (const connection of open) connection.reset();
  };
  let server: Server | undefined = await listen(options.port ?? 0, accept);
  const port = portOf(server);
  const refuse = async (): Promise<void> => {
    // Open connections keep a closing server from its `close` event: it stops listening all the same, at once.
    server?.close();
    server = undefined;
  };
  return {
    port,
    seen: record.seen,
    fault: (fault) => faults.place(fault),
    latency(ms) {
      rules.latencyMs = ms;
    },
    blackHole(way = 'both') {
      for (const on of way === 'both' ? (['request', 'reply'] as const) : [way]) rules.shut.add(on);
      gate();
    },
    reset,
    async hangUp() {
      const ended = [...open];
      for (const connection of ended) connection.hangUp();
      await Promise.all(ended.map((connection) => connection.closed));
      return ended.length;
    },
    refuse,
    async heal() {
      faults.clear();
      rules.latencyMs = 0;
      rules.shut.clear();
      gate();
      for (const connection of open) connection.hurry();
      server ??= await listen(port, accept);
    },
    until: record.until,
    async close() {
      await refuse();
      reset();
      await Promise.all([...open].map((connection) => connection.closed));
    },
  };
}

async function listen(port: number, accept: (client: Socket) => void): Promise<Server> {
  // Half-open, so that one side's end is passed on in its turn instead of closing both.
  const server = createServer({ allowHalfOpen: true }, accept);
  server.listen({ port, host: '127.0.0.1' });
  await once(server, 'listening');
  return server;
}

function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the proxy does not listen on a port');
  return address.port;
}

function proxyRecord() {
  const seen = {
    connections: 0,
    resets: 0,
    requests: new Map<string, number>(),
    replies: new Map<string, number>(),
    faults: new Map<Fault['do'], number>(),
  };
  const waiting = new Set<() => void>();
  const changed = (): void => {
    for (const check of waiting) check();
  };
  return {
    seen: seen as ProxyRecord,
    connection() {
      seen.connections += 1;
      changed();
    },
    reset(connections: number) {
      seen.resets += connections;
      changed();
    },
    frame(on: ProxyDirection, frame: ProxyFrame, fault: Fault['do'] | undefined) {
      count(on === 'request' ? seen.requests : seen.replies, frame.name);
      if (fault) count(seen.faults, fault);
      if (fault === 'reset' || fault === 'cut') seen.resets += 1;
      changed();
    },
    until(shown: (record: ProxyRecord) => boolean): Promise<void> {
      return new Promise((resolve) => {
        const check = (): void => {
          if (!shown(seen)) return;
          waiting.delete(check);
          resolve();
        };
        waiting.add(check);
        check();
      });
    },
  };
}

function count<Name>(counts: Map<Name, number>, name: Name): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}
