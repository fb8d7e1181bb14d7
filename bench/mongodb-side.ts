import mongoose from 'mongoose';
import { FIND } from '../tests/support/servers/find-servers.js';

/** A MongoDB of the row's own and a connection to it, as an application makes it. */
export interface MongodbSide {
  readonly connection: mongoose.Connection;
  close(): Promise<void>;
}

/** Finds or starts a MongoDB that is a replica set. */
export async function openMongodb(dbName: string): Promise<MongodbSide> {
  const server = await FIND.mongodb();
  const connection = await mongoose.createConnection(server.address.url, { dbName }).asPromise();
  return {
    connection,
    close: async () => {
      await connection.dropDatabase();
      await connection.close();
      await server.dispose();
    },
  };
}
