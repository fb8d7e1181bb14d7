import * as z from 'zod';
import { createRecorder } from '../../../../../src/testing/recorder.js';

/** The message of the guide's first example. */
export const schema = z.object({ feature_endpoint: z.string(), user: z.string(), email: z.string() });

export type FeatureUsage = z.infer<typeof schema>;

/** What was logged. */
export const logged = createRecorder<FeatureUsage>('logs');

/** Stands for the guide's service with its database. */
export const FeatureUsageLogService = {
  async createFeatureUsageLogFromServer(usage: FeatureUsage): Promise<void> {
    if (usage.user === 'unlucky') throw new Error('the database is away');
    logged.add(usage);
  },
};
