import type { FaultScope, Faults } from '../../adapters/memory/faults.js';
import type { PlantedFault, RigFaults } from './contract-rig.js';

/** A promise and what resolves it. */
function signal(): { readonly promise: Promise<void>; readonly give: () => void } {
  let give = (): void => undefined;
  const promise = new Promise<void>((resolve) => {
    give = resolve;
  });
  return { promise, give };
}

/** Plants a fault whose first hit is told. */
export function plant(
  scope: FaultScope,
  place: (scope: FaultScope) => { remove(): void; release?: () => void },
): PlantedFault {
  const hit = signal();
  const fault = place({
    ...scope,
    matches: () => {
      hit.give();
      return true;
    },
  });
  return {
    happened: hit.promise,
    remove: () => (fault.release === undefined ? fault.remove() : fault.release()),
  };
}

/** A fault that is there as soon as it is planted. */
export const standing = (remove: () => void): PlantedFault => ({ happened: Promise.resolve(), remove });

/** What both embedded brokers can have done to them. */
export function embeddedFaults(
  faults: Faults,
): Pick<RigFaults, 'holdReplies' | 'loseReply' | 'dropConnections' | 'cut' | 'block' | 'kill' | 'restart'> {
  return {
    holdReplies: async () => plant({ count: Infinity }, (scope) => faults.holdReplies(scope)),
    loseReply: async () => plant({ count: 1 }, (scope) => faults.loseReplies(scope)),
    dropConnections: async () => void faults.dropConnections(),
    async cut() {
      faults.goDown();
      return standing(() => faults.comeUp());
    },
    async block() {
      faults.block();
      return standing(() => faults.unblock());
    },
    kill: async () => void faults.goDown(),
    restart: async () => faults.comeUp(),
  };
}

/** For what a broker's profile does not name. */
export const impossible = async (): Promise<never> => {
  throw new Error('this broker does not have that fault; the case must say that it needs it');
};
