import type mongoose from 'mongoose';
import { mongoInbox } from '../../src/mongo.js';
import { contest, type Side } from '../contest.js';
import { bareTransactionSide, bulkSide, transactionSide } from '../inbox-side.js';
import { openMongodb } from '../mongodb-side.js';
import { uniqueName } from '../names.js';
import type { Row, RowResult } from '../row.js';

const BULK = 500;
const IN_FLIGHT = 16;

interface Goal {
  readonly name: string;
  readonly unit: string;
  readonly goal: number;
  readonly stretch: number;
  readonly count: number;
}

const row = (
  { count, ...goal }: Goal,
  sides: (connection: mongoose.Connection) => { ours: Side; theirs: Side },
): Row => ({
  name: goal.name,
  needs: 'nothing', // it brings its own MongoDB
  run: async (): Promise<RowResult> => {
    const mongodb = await openMongodb(uniqueName('inbox'));
    try {
      const { ours, theirs } = sides(mongodb.connection);
      const result = await contest(ours, theirs, { rounds: 5, count });
      return { ...goal, ...result, lessIsBetter: false };
    } finally {
      await mongodb.close();
    }
  },
});

export const inboxRows: readonly Row[] = [
  row(
    {
      name: 'MongoDB inbox, bulks of 500 / a claim per message',
      unit: 'msg/s',
      goal: 5,
      stretch: 10,
      count: 4_000,
    },
    (connection) => {
      const inbox = mongoInbox(connection);
      return {
        ours: bulkSide(inbox, { size: BULK, callers: 2 }),
        theirs: bulkSide(inbox, { size: 1, callers: IN_FLIGHT }),
      };
    },
  ),
  row(
    {
      name: 'MongoDB inbox in transactions, 16 in flight / the same transactions bare',
      unit: 'msg/s',
      goal: 0.8,
      stretch: 0.95,
      count: 10_000, // shorter rounds are over before the code is compiled
    },
    (connection) => {
      const inbox = mongoInbox(connection);
      return {
        ours: transactionSide(connection, inbox),
        theirs: bareTransactionSide(connection),
      };
    },
  ),
];
