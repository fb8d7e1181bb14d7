import os from 'node:os';
import { afterAll, beforeAll } from '@jest/globals';
import mongoose from 'mongoose';
import type { LetterLedger } from '../../../src/contract/letter-ledger.js';
import { systemClock } from '../../../src/delivery/system-clock.js';
import { mongoLedger } from '../../../src/inbox/mongo/letter-ledger.js';
import { describeLedgerContract } from '../../support/inbox/ledger-contract.js';
import { describeWithServers } from '../../support/servers/describe-with-servers.js';
import { FIND, type FoundServer } from '../../support/servers/find-servers.js';

const LEASE_MS = 2_000;

describeWithServers('the ledger of dead letters in MongoDB', { own: ['mongodb'] }, () => {
  let server: FoundServer<'mongodb'>;
  const connections: mongoose.Connection[] = [];
  const ledgers: LetterLedger[] = [];

  beforeAll(async () => {
    server = await FIND.mongodb();
    const dbName = `letters_${process.pid}_${Date.now().toString(36)}`;
    for (let count = 0; count < 2; count += 1) {
      // In Jest the driver cannot load `os` by itself; what the URL says must not weaken what the ledger does.
      const connection = mongoose.createConnection(`${server.address.url}&w=1`, {
        dbName,
        runtimeAdapters: { os },
      });
      connections.push(await connection.asPromise());
      ledgers.push(mongoLedger(connection, { clock: systemClock, leaseMs: LEASE_MS }));
    }
  }, 60_000);
  afterAll(async () => {
    await connections[0]?.dropDatabase();
    for (const connection of connections) await connection.close();
    await server?.dispose();
  });

  /** The lease is the server's: it ages the claims by its own clock. */
  const passLease = async (): Promise<void> => {
    const letters = connections[0]?.collection('buscoupler_letters');
    await letters?.updateMany({}, [{ $set: { at: { $subtract: ['$at', LEASE_MS + 1] } } }]);
  };

  describeLedgerContract({
    ledger: () => ledgers[0] as LetterLedger,
    other: () => ledgers[1] as LetterLedger,
    passLease,
  });
});
