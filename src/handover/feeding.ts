import type { Leg } from '../contract/broker.js';
import { describeError } from '../contract/errors.js';
import type { EmitEvent } from '../contract/events.js';
import type { Pipeline } from '../delivery/pipeline.js';
import type { Deadline } from './deadline.js';
import type { Intake } from './intake.js';

/** A leg, and where it hands over. */
export interface LegAndTaker {
  readonly leg: Leg;
  readonly intake: {
    /** Lets go of what is settled by now. Never rejects. */
    settleKnown?(): Promise<void>;
    /** Nothing that comes from now on is taken; returns how many were held. */
    close(): number;
  };
}

/** The live leg and where it hands over. */
export interface Feeding extends LegAndTaker {
  readonly intake: Intake;
}

/** What ending legs needs. */
export interface EndLegsOptions {
  readonly consumer: string;
  readonly pipeline: Pipeline;
  readonly deadline: Deadline;
  readonly emit: EmitEvent;
  /**
   * False: what runs at the deadline goes on without its leg, because another leg's deliveries run in the same pipeline;
   * its end is in the inbox, and its copy is recognised when it comes again. Default `true`.
   */
  readonly interrupts?: boolean;
}

/** How legs are ended: by when, on `Clock.monotonicMs`, and whether what runs then is interrupted. */
export interface LegsEnding extends Pick<EndLegsOptions, 'interrupts'> {
  readonly endMs: number;
}

/** Least time that a leg is given to leave, ms. */
const LEAVE_MS = 1_000;

/**
 * Drains the legs, waits for their deliveries until the deadline, then interrupts them, and leaves. Returns how many each
 * left unsettled. Never rejects: a leg that cannot leave in good order is gone all the same.
 */
export async function endLegs(ending: readonly LegAndTaker[], options: EndLegsOptions): Promise<number[]> {
  const { pipeline, deadline, interrupts = true } = options;
  const inTime = (each: (one: LegAndTaker) => Promise<void> | undefined): Promise<unknown> =>
    Promise.race([Promise.all(ending.map(each)), deadline.passed]);
  await inTime(({ leg }) => quietly(leg.drain(), options));
  await inTime(({ leg }) => pipeline.idle(leg.broker));
  await inTime(({ intake }) => intake.settleKnown?.());
  const running = ending.map(({ leg }) => pipeline.held(leg.broker));
  const left = ending.map(({ intake }, index) => (running[index] ?? 0) + intake.close());
  if (interrupts && running.some((count) => count > 0)) await pipeline.interrupt();
  const leaving = { deadlineMs: Math.max(LEAVE_MS, deadline.leftMs) };
  await Promise.all(ending.map(({ leg }) => quietly(leg.detach(leaving), options)));
  deadline.cancel();
  return left;
}

async function quietly(leaving: Promise<void>, { consumer, emit }: EndLegsOptions): Promise<void> {
  try {
    await leaving;
  } catch (error) {
    emit('warning', {
      what: `The consumer "${consumer}" did not leave in good order: ${describeError(error)}`,
    });
  }
}
