import os from 'node:os';
import mongoose from 'mongoose';
import type { Clock } from '../../../src/contract/clock.js';
import { systemClock } from '../../../src/delivery/system-clock.js';
import { MongoInbox, type MongoInboxOptions } from '../../../src/inbox/mongo/mongo-inbox.js';

/** A connection as an application makes it; in Jest the driver cannot load `os` by itself. */
export async function connectMongoose(url: string, options: mongoose.ConnectOptions = {}) {
  const connection = mongoose.createConnection(url, {
    dbName: `inbox_${process.pid}_${Date.now().toString(36)}`,
    serverSelectionTimeoutMS: 5_000,
    heartbeatFrequencyMS: 500, // a server that is back is seen soon
    runtimeAdapters: { os },
    ...options,
  });
  return connection.asPromise();
}

/** A clock whose monotonic time a test turns; its timers are real, unless they are held. */
export function createHandClock() {
  let aheadMs = 0;
  const timers: (() => void)[] = [];
  const clock: Clock = {
    monotonicMs: () => systemClock.monotonicMs() + aheadMs,
    epochMs: () => systemClock.epochMs(),
    schedule: (callback) => {
      timers.push(callback);
      return { cancel: () => void timers.splice(timers.indexOf(callback) >>> 0, 1) };
    },
  };
  return {
    clock,
    pass: (ms: number): void => {
      aheadMs += ms;
    },
    /** Lets every timer that waits come due. */
    ring: (): void => {
      for (const timer of timers.splice(0)) timer();
    },
  };
}

/** A started inbox. Two of them over one collection are two instances of a service. */
export async function openInbox(
  connection: mongoose.Connection,
  options: MongoInboxOptions = {},
  clock: Clock = systemClock,
): Promise<MongoInbox> {
  const inbox = new MongoInbox(connection, options, { clock });
  await inbox.start();
  return inbox;
}
