import type { Leg } from '../contract/broker.js';
import { describeError } from '../contract/errors.js';
import type { EmitEvent } from '../contract/events.js';
import type { Pipeline } from '../delivery/pipeline.js';
import type { Deadline } from './deadline.js';
import type { Intake } from './intake.js';

/** A leg and where it hands over. */
export interface Feeding {
  readonly leg: Leg;
  readonly intake: Intake;
}

/** What ending a feeding needs. */
export interface EndFeedingOptions {
  readonly consumer: string;
  readonly pipeline: Pipeline;
  readonly deadline: Deadline;
  readonly emit: EmitEvent;
}

/** Least time that a leg is given to leave, ms. */
const LEAVE_MS = 1_000;

/**
 * Drains a leg, waits for its deliveries until the deadline, then interrupts them, and leaves. Returns how many were
 * left unsettled. Never rejects: a leg that cannot leave in good order is gone all the same.
 */
export async function endFeeding({ leg, intake }: Feeding, options: EndFeedingOptions): Promise<number> {
  const { pipeline, deadline } = options;
  await Promise.race([quietly(leg.drain(), options), deadline.passed]);
  await Promise.race([pipeline.idle(leg.broker), deadline.passed]);
  const left = pipeline.held(leg.broker) + intake.close();
  if (pipeline.held(leg.broker) > 0) await pipeline.interrupt();
  await quietly(leg.detach({ deadlineMs: Math.max(LEAVE_MS, deadline.leftMs) }), options);
  deadline.cancel();
  return left;
}

async function quietly(leaving: Promise<void>, { consumer, emit }: EndFeedingOptions): Promise<void> {
  try {
    await leaving;
  } catch (error) {
    emit('warning', {
      what: `The consumer "${consumer}" did not leave in good order: ${describeError(error)}`,
    });
  }
}
