import os from 'node:os';
import { join } from 'node:path';
import mongoose from 'mongoose';
import { inFirstPlace } from './in-first-place.js';
import { entriesOf, findProgram, serverCache } from './installed-servers.js';
import type { Offer, Place } from './place.js';
import { claimPorts, portAt } from './port-block.js';
import { untilReady } from './ready.js';

/** A running MongoDB, a replica set of one (transactions work), that belongs to the caller alone. */
export interface MongodbServer {
  /** `mongodb://127.0.0.1:<port>/?replicaSet=…`. */
  readonly url: string;
  readonly pid: number | undefined;
  /** Ends it at once. Default signal `SIGKILL`. */
  kill(signal?: NodeJS.Signals): Promise<void>;
  /** Starts it again with its data and waits until it takes writes. */
  start(): Promise<void>;
  /** Freezes it: connections stay open, nothing answers. */
  pause(): Promise<void>;
  resume(): Promise<void>;
  /** Ends every process and removes every folder. */
  dispose(): Promise<void>;
}

const REPLICA_SET = 'buscoupler';
/** `mongod` takes some seconds to give up a primary whose process died; a set of one need not wait for anybody. */
const SETTINGS = { electionTimeoutMillis: 500 };
const installedFolder = (): string => join(serverCache(), 'mongodb-6.0');

/** Where MongoDB can run: what is not installed is downloaded by mongodb-memory-server-core, which needs the internet. */
export const MONGODB_OFFER: Offer = { image: 'mongo:6.0', missing: () => undefined };

/** Starts a MongoDB and waits until it takes writes (1 to 3 s); throws where that is impossible. */
export function startMongodb(): Promise<MongodbServer> {
  return inFirstPlace(MONGODB_OFFER, startIn);
}

async function startIn(place: Place): Promise<MongodbServer> {
  const ports = await claimPorts();
  const port = portAt(ports, 0);
  const mongod = place.kind === 'docker' ? 'mongod' : await findMongod();
  const server = await place.prepare({
    name: 'mongodb',
    files: {},
    start: `mkdir -p data\nexec '${mongod}' --dbpath data --replSet ${REPLICA_SET} --bind_ip ${place.bindHost} --port ${port} --nounixsocket --setParameter enableTestCommands=1 --setParameter ttlMonitorSleepSecs=1\n`,
    tool: 'exec "$@"\n',
    ports: [port],
  });
  const mongodb: MongodbServer = {
    url: `mongodb://127.0.0.1:${port}/?replicaSet=${REPLICA_SET}`,
    get pid() {
      return server.pid;
    },
    kill: (signal = 'SIGKILL') => server.end(signal),
    async start() {
      await server.start();
      await untilReady(server, () => takesWrites(port));
    },
    pause: () => server.pause(),
    resume: () => server.resume(),
    async dispose() {
      await server.dispose();
      await ports.release();
      await place.dispose();
    },
  };
  try {
    await mongodb.start();
    return mongodb;
  } catch (error) {
    await mongodb.dispose();
    throw error;
  }
}

async function findMongod(): Promise<string> {
  if (entriesOf(installedFolder()).includes('mongod')) return join(installedFolder(), 'mongod');
  const ofMachine = findProgram('mongod');
  if (ofMachine) return ofMachine;
  const { MongoBinary } = await import('mongodb-memory-server-core');
  return await MongoBinary.getPath({ downloadDir: join(serverCache(), 'mongodb-downloads') });
}

/**
 * A client of the driver under mongoose that works in Jest too: the driver (7.8) would load `os` by a dynamic import,
 * which Jest's CommonJS sandbox refuses, and the server then refuses its hello for want of the metadata.
 */
export function mongodbClient(url: string): mongoose.mongo.MongoClient {
  return new mongoose.mongo.MongoClient(url, { runtimeAdapters: { os }, serverSelectionTimeoutMS: 5_000 });
}

/** Makes the server the one member of its replica set, once, and fails until it is the primary. */
async function takesWrites(port: number): Promise<void> {
  const client = mongodbClient(`mongodb://127.0.0.1:${port}/?directConnection=true`);
  try {
    const admin = client.db('admin');
    const state = await admin.command({ hello: 1 });
    if (state.setName === undefined) await initiate(admin, port);
    if (!state.isWritablePrimary) throw new Error('it is not the primary yet');
  } finally {
    await client.close();
  }
}

async function initiate(admin: mongoose.mongo.Db, port: number): Promise<void> {
  const members = [{ _id: 0, host: `127.0.0.1:${port}` }];
  await admin
    .command({ replSetInitiate: { _id: REPLICA_SET, members, settings: SETTINGS } })
    .catch((error) => {
      if (error.codeName !== 'AlreadyInitialized') throw error;
    });
}
