import type { BrokerHealth } from '../contract/broker.js';
import type { ConsumerHealth, Health } from '../contract/message-bus.js';

/** What the health of the bus is made of. */
export interface HealthParts extends Omit<Health, 'ok'> {
  /** True while the inbox cannot be reached; its consumers wait. Without an inbox: false. */
  readonly isInboxDown: boolean;
}

/** A blocked or half connected broker does not do its work, though it will by itself. */
const isBrokerOk = ({ state }: BrokerHealth): boolean => state === 'up';

/** A pause without a reason was asked for, so it is no fault. */
const isConsumerOk = ({ state, reason }: ConsumerHealth): boolean =>
  state === 'paused' ? reason === undefined : state !== 'failed' && state !== 'recovering';

/** The health of the whole: `ok` when it is started and every part does its work. */
export function composeHealth({ isInboxDown, ...parts }: HealthParts): Health {
  const ok =
    parts.state === 'started' &&
    !isInboxDown &&
    Object.values(parts.brokers).every(isBrokerOk) &&
    Object.values(parts.consumers).every(isConsumerOk);
  return { ok, ...parts };
}
