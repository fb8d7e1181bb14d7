import * as z from 'zod';

/** Most that one request may cost, in the smallest unit: sums of it stay exact. */
export const COST_MAX = 1_000_000_000_000_000;

const MODELS_MAX = 32;

const name = z.string().min(1).max(128);

/** What one model was asked to do. Its cost is `units` × `price`, exactly: both are whole numbers. */
const modelUsage = z.object({
  model: name,
  /** Tokens, images, seconds: whatever the model is paid for. */
  units: z.int().min(0).max(1_000_000_000),
  /** Of one unit, in the smallest unit of credit. */
  price: z.int().min(0).max(1_000_000),
});

/** The use of one model. */
export type ModelUsage = z.output<typeof modelUsage>;

const whose = { request: name, user: name };

const messageSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('single'), ...whose, ...modelUsage.shape }),
  z.object({ kind: z.literal('multi'), ...whose, models: z.array(modelUsage).min(1).max(MODELS_MAX) }),
]);

/** What a request is going to use, or has used: of one model, or of several. */
export type CreditsMessage = z.output<typeof messageSchema>;

/** Each model that the request uses. */
export const modelsOf = (message: CreditsMessage): readonly ModelUsage[] =>
  message.kind === 'multi' ? message.models : [message];

/** In the smallest unit of credit. Exact up to {@link COST_MAX}, which a checked message does not exceed. */
export const costOf = (message: CreditsMessage): number =>
  modelsOf(message).reduce((sum, { units, price }) => sum + units * price, 0);

/** A message of either topic: `credits_process_topic` estimates, `credits_process_end_topic` tells what was used. */
export const creditsSchema = messageSchema.refine((message) => costOf(message) <= COST_MAX, {
  error: `costs more than ${COST_MAX} of the smallest unit`,
});

/** What a user is given. */
export const topUpSchema = z.object({
  /** Of the payment: the same one counts once. */
  id: name,
  user: name,
  /** In the smallest unit of credit. */
  amount: z.int().min(1).max(1_000_000_000_000),
});

export type TopUp = z.output<typeof topUpSchema>;
