import { BuscouplerError } from '../contract/errors.js';
import type { BusState } from '../contract/message-bus.js';

/** From which state of the bus which may follow; `start` that failed goes back to `new` and can be tried again. */
export const BUS_TRANSITIONS: Readonly<Record<BusState, readonly BusState[]>> = {
  new: ['starting', 'closing'],
  starting: ['started', 'new', 'closing'],
  started: ['closing', 'new'],
  closing: ['closed'],
  closed: [],
};

/** The error of a call that the state does not allow. */
export const lifecycleError = (call: string, state: BusState): BuscouplerError =>
  new BuscouplerError('BC_LIFECYCLE', `${call} was called while the bus is ${state}.`);
