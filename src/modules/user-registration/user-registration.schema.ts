import * as z from 'zod';

/** Somebody registered. */
export const userRegistrationSchema = z.object({
  user: z.string().min(1).max(200),
  email: z.email().max(320),
  /** When, ISO 8601 in UTC: its day is what is counted. */
  time: z.iso.datetime(),
});

export type UserRegistration = z.output<typeof userRegistrationSchema>;
