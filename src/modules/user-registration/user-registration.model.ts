import mongoose from 'mongoose';
import type { UserRegistrationStore } from './user-registration.store.js';

interface WelcomeRecord {
  /** The user. */
  readonly _id: string;
  readonly email: string;
}

interface RegistrationRecord {
  readonly day: string;
  readonly user: string;
}

const options = { versionKey: false, autoIndex: false, autoCreate: false } as const;

const welcomeSchema = new mongoose.Schema<WelcomeRecord>(
  { _id: String, email: { type: String, required: true } },
  options,
);

const registrationSchema = new mongoose.Schema<RegistrationRecord>(
  { day: { type: String, required: true }, user: { type: String, required: true } },
  options,
);
registrationSchema.index({ day: 1, user: 1 }, { unique: true });

/** Kept in MongoDB. A day is counted from one record per user: a counter could not tell a repeat. */
export function mongoUserRegistrationStore(connection: mongoose.Connection): UserRegistrationStore {
  const welcomes = connection.model('Welcome', welcomeSchema, 'welcomes');
  const registrations = connection.model('Registration', registrationSchema, 'registrations');
  const once = (session: unknown) => ({
    upsert: true,
    ...(session === undefined ? {} : { session: session as mongoose.ClientSession }),
  });
  return {
    prepare: async () => {
      for (const model of [welcomes, registrations]) {
        await model.createCollection();
        await model.createIndexes();
      }
    },
    addWelcome: async ({ user, email }, session) => {
      await welcomes.updateOne({ _id: user }, { $setOnInsert: { email } }, once(session));
    },
    addToDay: async (day, user, session) => {
      await registrations.updateOne({ day, user }, { $setOnInsert: { day, user } }, once(session));
    },
    findWelcome: async (user) => {
      const found = await welcomes.findById(user).lean();
      return found === null ? null : { user, email: found.email };
    },
    countOf: (day) => registrations.countDocuments({ day }),
  };
}
