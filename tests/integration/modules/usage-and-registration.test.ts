import { afterAll, beforeAll, describe } from '@jest/globals';
import type mongoose from 'mongoose';
import { mongoFeatureUsageLogStore } from '../../../src/modules/feature-usage-log/feature-usage-log.model.js';
import type { FeatureUsageLogStore } from '../../../src/modules/feature-usage-log/feature-usage-log.store.js';
import { mongoUserRegistrationStore } from '../../../src/modules/user-registration/user-registration.model.js';
import type { UserRegistrationStore } from '../../../src/modules/user-registration/user-registration.store.js';
import {
  describeFeatureUsageLogStore,
  describeUserRegistrationStore,
} from '../../support/modules/store-contracts.js';
import { describeWithServers } from '../../support/servers/describe-with-servers.js';
import { FIND, type FoundServer } from '../../support/servers/find-servers.js';
import { connectMongoose } from '../inbox/mongo-store.js';

describeWithServers('usage logs and registrations in MongoDB', { own: ['mongodb'] }, () => {
  let server: FoundServer<'mongodb'>;
  let connection: mongoose.Connection;
  let usage: FeatureUsageLogStore;
  let registrations: UserRegistrationStore;
  beforeAll(async () => {
    server = await FIND.mongodb();
    connection = await connectMongoose(server.address.url);
    usage = mongoFeatureUsageLogStore(connection);
    registrations = mongoUserRegistrationStore(connection);
    for (const store of [usage, registrations]) for (let n = 0; n < 2; n += 1) await store.prepare();
  }, 60_000);
  afterAll(async () => {
    await connection?.dropDatabase();
    await connection?.close();
    await server?.dispose();
  });

  describe('usage logs', () => describeFeatureUsageLogStore(() => usage));
  describe('registrations', () => describeUserRegistrationStore(() => registrations));
});
