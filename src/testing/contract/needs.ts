import type { Capabilities } from '../../contract/capabilities.js';
import type { Need } from './contract-case.js';
import type { BrokerProfile, FaultName } from './contract-rig.js';

const namesOf = (brokers: readonly BrokerProfile[]): string =>
  brokers.map(({ product }) => product).join(' and ');

/** Every broker of the set-up can have this done to it. */
export const allCan =
  (...faults: readonly FaultName[]): Need =>
  (brokers) => {
    for (const fault of faults) {
      const without = brokers.filter((broker) => !broker.faults.includes(fault));
      if (without.length > 0) return `nothing here makes ${namesOf(without)} "${fault}"`;
    }
    return null;
  };

/** Some broker of the set-up has this capability. */
export const someBroker =
  (holds: (capabilities: Capabilities) => boolean, what: string): Need =>
  (brokers) =>
    brokers.some(({ capabilities }) => holds(capabilities)) ? null : `${namesOf(brokers)} ${what}`;

/** The set-up has two brokers. */
export const twoBrokers: Need = (brokers) =>
  brokers.length === 2 ? null : `${namesOf(brokers)} alone: the case is about two brokers`;

/** Every broker of the set-up can be made to refuse a publish. */
export const canRefuse: Need = (brokers) => {
  const without = brokers.filter(({ faults }) => !faults.includes('refuse') && !faults.includes('fillQueue'));
  return without.length === 0 ? null : `nothing here makes ${namesOf(without)} refuse a publish`;
};

/** The members of its groups have sessions that end when they are silent. */
export const hasSessions: Need = (brokers) =>
  brokers.some(({ sessionMs }) => sessionMs !== undefined) ? null : `${namesOf(brokers)} has no sessions`;
