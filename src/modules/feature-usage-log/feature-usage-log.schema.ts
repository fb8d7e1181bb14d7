import * as z from 'zod';

/** What a producer says about one use of a feature. */
export const featureUsageSchema = z.object({
  feature_endpoint: z.string().min(1).max(200),
  user: z.string().min(1).max(200),
  email: z.email().max(320),
  /** When it was used, ISO 8601. */
  time: z.iso.datetime({ offset: true }).optional(),
  status: z.enum(['success', 'failed']).default('success'),
});

export type FeatureUsageInput = z.input<typeof featureUsageSchema>;
export type FeatureUsage = z.output<typeof featureUsageSchema>;
