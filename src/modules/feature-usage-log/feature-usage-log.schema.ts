import * as z from 'zod';

const METADATA_MAX = 20;

const name = z.string().min(1).max(200);

/** MongoDB holds every name but one with a NUL, and would say so anew at each attempt. */
const metadataName = z
  .string()
  .min(1)
  .max(64)
  .refine((given) => !given.includes('\0'));

const metadataValue = z.union([z.string().max(1_000), z.number(), z.boolean(), z.null()], {
  error: 'a string of at most 1,000 characters, a number, true, false or null',
});

const metadata = z
  .record(metadataName, metadataValue, {
    error: ({ code }) =>
      code === 'invalid_key' ? 'a name of 1 to 64 characters, none of them NUL' : undefined,
  })
  .refine((entries) => Object.keys(entries).length <= METADATA_MAX, {
    error: `at most ${METADATA_MAX} entries`,
  });

/**
 * What a producer says about one use of a feature. Fields that are not listed here stay in the message and are not stored: an
 * older or newer producer is no reason to lose a log line.
 */
export const featureUsageSchema = z.object({
  feature_endpoint: name,
  user: name,
  email: z.email().max(320),
  /** When it was used, ISO 8601. Default: when the message was published. */
  time: z.iso.datetime({ offset: true }).optional(),
  status: z.enum(['success', 'failed']).default('success'),
  /** Whatever the feature is counted in; a model's tokens both ways. */
  units: z.int().min(0).optional(),
  input_tokens: z.int().min(0).optional(),
  output_tokens: z.int().min(0).optional(),
  /** How long it took, ms. */
  duration_ms: z.number().min(0).optional(),
  request_id: name.optional(),
  metadata: metadata.optional(),
});

export type FeatureUsageInput = z.input<typeof featureUsageSchema>;
export type FeatureUsage = z.output<typeof featureUsageSchema>;
