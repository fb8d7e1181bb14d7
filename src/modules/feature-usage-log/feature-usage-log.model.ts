import mongoose from 'mongoose';
import type { FeatureUsageLog, FeatureUsageLogStore } from './feature-usage-log.store.js';

const schema = new mongoose.Schema<FeatureUsageLog>(
  {
    messageId: { type: String, required: true },
    feature_endpoint: { type: String, required: true },
    user: { type: String, required: true },
    email: { type: String, required: true },
    time: { type: Date, required: true },
    status: { type: String, required: true },
    units: Number,
    input_tokens: Number,
    output_tokens: Number,
    duration_ms: Number,
    request_id: String,
    // As it came: its names are the producers'.
    metadata: mongoose.Schema.Types.Mixed,
  },
  // `minimize` would take an empty `metadata` away.
  { versionKey: false, minimize: false, autoIndex: false, autoCreate: false },
);
schema.index({ messageId: 1 }, { unique: true });
schema.index({ user: 1, time: -1, _id: -1 });

/** Kept in MongoDB. */
export function mongoFeatureUsageLogStore(connection: mongoose.Connection): FeatureUsageLogStore {
  const model = connection.model('FeatureUsageLog', schema, 'feature_usage_logs');
  return {
    prepare: async () => {
      await model.createCollection();
      await model.createIndexes();
    },
    insert: async (log, session) => {
      await model.create([log], session === undefined ? {} : { session });
    },
    findByUser: (user, limit) =>
      model.find({ user }, { _id: 0 }).sort({ time: -1, _id: -1 }).limit(limit).lean(),
  };
}
