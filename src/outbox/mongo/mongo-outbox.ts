import type mongoose from 'mongoose';
import { parseDurationMs } from '../../contract/duration.js';
import { BuscouplerError } from '../../contract/errors.js';
import { unknownOptions } from '../../contract/known-options.js';
import type { BrokerName } from '../../contract/message.js';
import { OUTBOX_LANES, type Outbox, type OutboxRow } from '../../contract/outbox.js';
import { createAddRow } from './add-row.js';
import { type BoardDocument, mongoBoard, prepareBoard } from './mongo-board.js';
import { documentOf, type RowDocument, rowOf } from './row-document.js';
import type { MongoSession } from './sessions.js';
import { MAJORITY, READ } from './settings.js';

/** Options of {@link mongoOutbox}. */
export interface MongoOutboxOptions {
  /** Collection of the messages; that of the leases has `_relays` behind it. Default `buscoupler_outbox`. */
  readonly collection?: string;
  /** Longest wait for an answer of the store, as ms or `'10s'`. Default 10 s. */
  readonly timeout?: number | string;
}

const KNOWN = ['collection', 'timeout'] satisfies (keyof MongoOutboxOptions)[];

/** Most that a backlog counts. */
const MAX_COUNT = 10_000;

const EVERY_LANE = Array.from({ length: OUTBOX_LANES }, (_, lane) => lane);

/**
 * An outbox in MongoDB, on mongoose's connection; a replica set is needed, because transactions need one. Collections and
 * indexes are made at start. Reads and the relay's writes are of the majority, on the primary, whatever the URL says.
 * Throws BC_DEFINITION_INVALID for options that are not allowed.
 */
export function mongoOutbox(connection: mongoose.Connection, options: MongoOutboxOptions = {}): Outbox {
  const { collection, timeoutMs } = settingsOf(options);
  const db = (): mongoose.mongo.Db => {
    if (connection.db !== undefined) return connection.db;
    throw new BuscouplerError('BC_OUTBOX_UNAVAILABLE', 'The connection of the outbox is not open.');
  };
  const rows = (): mongoose.mongo.Collection<RowDocument> => db().collection(collection);
  const board = (): mongoose.mongo.Collection<BoardDocument> => db().collection(`${collection}_relays`);
  const addRow = createAddRow(rows);

  return {
    ...mongoBoard(board),
    timeoutMs,
    async start() {
      await connection.asPromise();
      const present = await db().listCollections({ name: collection }).toArray();
      if (present.length === 0) await createOnce(db(), collection);
      await rows().createIndex({ open: 1, lane: 1, at: 1 });
      await rows().createIndex({ parked: 1 }, { sparse: true });
      await prepareBoard(board());
    },
    close: () => undefined, // the connection is the caller's
    add(row, session) {
      const empty = new connection.base.mongo.Timestamp({ t: 0, i: 0 });
      return addRow(row, documentOf(row, empty), session as MongoSession);
    },
    async read({ broker, lanes, limit, except }) {
      const filter = {
        open: broker,
        lane: { $in: [...lanes] },
        ...(except.length === 0 ? {} : { order: { $nin: [...except] } }),
      };
      const found = rows()
        .find(filter, { ...READ, promoteBuffers: true })
        .sort({ at: 1 })
        .limit(limit);
      return (await found.toArray()).map(rowOf);
    },
    markStored: (broker, stored) => markStored(rows(), broker, stored),
    async park(broker, { rowId }, reason) {
      const change = {
        $pull: { open: broker },
        $addToSet: { parked: broker },
        $set: { [`reasons.${broker}`]: reason },
      };
      await rows().updateOne({ _id: rowId, open: broker }, change, MAJORITY);
    },
    async reopen(lanes) {
      const places =
        lanes?.map(({ broker, lane }) => ({ parked: broker, lane })) ??
        (['kafka', 'rabbitmq'] as const).map((broker) => ({ parked: broker }));
      if (places.length === 0) return 0;
      const writes = places.map((filter) => ({
        updateMany: {
          filter,
          update: { $pull: { parked: filter.parked }, $addToSet: { open: filter.parked } },
        },
      }));
      return (await rows().bulkWrite(writes, { ordered: false, ...MAJORITY })).modifiedCount;
    },
    async backlog(broker) {
      const limit = { ...READ, limit: MAX_COUNT };
      const first = rows()
        .find({ open: broker, lane: { $in: EVERY_LANE } }, READ)
        .sort({ at: 1 })
        .limit(1)
        .project<Pick<RowDocument, 'publishedAtMs'>>({ publishedAtMs: 1 });
      const [pending, parked, oldest] = await Promise.all([
        rows().countDocuments({ open: broker }, limit),
        rows().countDocuments({ parked: broker }, limit),
        first.next(),
      ]);
      return { pending, parked, oldestAtMs: oldest?.publishedAtMs ?? null };
    },
  };
}

function settingsOf(options: MongoOutboxOptions) {
  const { collection = 'buscoupler_outbox', timeout = '10s' } = options;
  const timeoutMs = parseDurationMs(timeout, 'mongoOutbox: timeout');
  const problem =
    unknownOptions('', options, KNOWN) ?? (timeoutMs < 1 ? 'timeout must be at least 1 ms' : null);
  if (problem !== null) throw new BuscouplerError('BC_DEFINITION_INVALID', `mongoOutbox: ${problem}.`);
  return { collection, timeoutMs };
}

const NOT_PARKED = { 'parked.0': { $exists: false } } as const;

const isLast = ({ brokers }: OutboxRow): boolean => brokers.length === 1;

/** Takes the broker out of the rows and removes those that nobody lacks any more. */
async function markStored(
  rows: mongoose.mongo.Collection<RowDocument>,
  broker: BrokerName,
  stored: readonly OutboxRow[],
): Promise<void> {
  // A row that waited for this broker alone when it was read goes in one write, unless it was reopened meanwhile.
  const last = stored.filter(isLast).map(({ rowId }) => rowId);
  const gone =
    last.length === 0
      ? 0
      : (await rows.deleteMany({ _id: { $in: last }, open: [broker], ...NOT_PARKED }, MAJORITY)).deletedCount;
  if (gone === stored.length) return;
  const ids = (gone === last.length ? stored.filter((row) => !isLast(row)) : stored).map(
    ({ rowId }) => rowId,
  );
  await rows.bulkWrite(
    [
      { updateMany: { filter: { _id: { $in: ids }, open: broker }, update: { $pull: { open: broker } } } },
      { deleteMany: { filter: { _id: { $in: ids }, open: [], ...NOT_PARKED } } },
    ],
    { ordered: true, ...MAJORITY },
  );
}

async function createOnce(db: mongoose.mongo.Db, name: string): Promise<void> {
  try {
    await db.createCollection(name);
  } catch (error) {
    const { codeName } = error as { readonly codeName?: string };
    if (codeName !== 'NamespaceExists') throw error; // another process was first
  }
}
