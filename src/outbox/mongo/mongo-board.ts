import type mongoose from 'mongoose';
import { BROKER_NAMES, type BrokerName } from '../../contract/message.js';
import { OUTBOX_LANES, type Outbox, type OutboxLane } from '../../contract/outbox.js';
import { MAJORITY, READ } from './settings.js';

/** A lease or a relay's sign of life; one collection, so that one look shows all. */
export interface BoardDocument {
  readonly _id: string;
  readonly kind: 'lease' | 'relay';
  readonly renewals: number;
  readonly token: string | null;
  readonly broker?: BrokerName;
  readonly lane?: number;
  readonly brokers?: readonly BrokerName[];
  /** Of a relay; for the index that removes those that have died. */
  readonly seenAt?: Date;
}

/** How long the sign of life of a dead relay is kept, s. No decision depends on it. */
const FORGET_RELAYS_S = 3_600;

type Board = mongoose.mongo.Collection<BoardDocument>;

const nameOf = ({ broker, lane }: OutboxLane): string => `${broker}:${lane}`;

/** Creates what is missing of the board. Idempotent, also when several relays start at once. */
export async function prepareBoard(board: Board): Promise<void> {
  await board.createIndex({ seenAt: 1 }, { expireAfterSeconds: FORGET_RELAYS_S });
  const lanes = BROKER_NAMES.flatMap((broker) =>
    Array.from({ length: OUTBOX_LANES }, (_, lane) => ({ broker, lane })),
  );
  const free = { kind: 'lease' as const, token: null, renewals: 0 };
  const writes = lanes.map((lane) => ({
    updateOne: {
      filter: { _id: nameOf(lane) },
      update: { $setOnInsert: { ...free, ...lane } },
      upsert: true,
    },
  }));
  await board.bulkWrite(writes, { ordered: false, ...MAJORITY });
}

/** Leases and relays in MongoDB. Every change of hands is one conditional write. */
export function mongoBoard(boardOf: () => Board): Pick<Outbox, 'renew' | 'take' | 'release'> {
  return {
    async renew({ token, brokers }) {
      const board = boardOf();
      const again = { $inc: { renewals: 1 } };
      await board.bulkWrite(
        [
          { updateMany: { filter: { kind: 'lease', token }, update: again } },
          {
            updateOne: {
              filter: { _id: `relay:${token}` },
              update: { ...again, $set: { kind: 'relay', token, brokers }, $currentDate: { seenAt: true } },
              upsert: true,
            },
          },
        ],
        MAJORITY,
      );
      const documents = await board.find({}, READ).toArray();
      return {
        leases: documents.flatMap(({ kind, broker, lane, token: holder, renewals }) =>
          kind === 'lease' && broker !== undefined && lane !== undefined
            ? [{ broker, lane, token: holder, renewals }]
            : [],
        ),
        relays: documents.flatMap(({ kind, token: owner, brokers: reached = [], renewals }) =>
          kind === 'relay' && owner !== null ? [{ token: owner, brokers: reached, renewals }] : [],
        ),
      };
    },

    async take(token, seen) {
      const writes = seen.map((lease) => ({
        updateOne: {
          filter: { _id: nameOf(lease), token: lease.token, renewals: lease.renewals },
          update: { $set: { token }, $inc: { renewals: 1 } },
        },
      }));
      await boardOf().bulkWrite(writes, { ordered: false, ...MAJORITY });
    },

    async release(token, lanes, isLeaving = false) {
      const board = boardOf();
      const given = { $set: { token: null }, $inc: { renewals: 1 } };
      await board.updateMany({ _id: { $in: lanes.map(nameOf) }, token }, given, MAJORITY);
      if (isLeaving) await board.deleteOne({ _id: `relay:${token}` }, MAJORITY);
    },
  };
}
