import type { BusConfig } from './config/bus-config.js';
import { type SkipAddition, watchFlags } from './config/watch-flags.js';
import type { BrokerPort } from './contract/broker.js';
import type { Clock } from './contract/clock.js';
import type { ConsumerSet } from './contract/consumer-set.js';
import { describeError } from './contract/errors.js';
import type { EmitEvent } from './contract/events.js';
import { parseLogPosition } from './contract/log-position.js';
import type { BrokerName } from './contract/message.js';

/** What following the watched file needs. */
export interface FollowFileParts {
  readonly config: BusConfig;
  readonly consumers: ConsumerSet;
  readonly ports: ReadonlyMap<BrokerName, BrokerPort>;
  readonly clock: Clock;
  readonly emit: EmitEvent;
}

/**
 * Moves a consumer whose flag changed in the watched file; a refusal is told by its event and the consumer stays. Returns
 * what ends the watching.
 */
export function followFile(parts: FollowFileParts): () => void {
  const { config, consumers, clock, emit } = parts;
  return watchFlags(config, {
    clock,
    onChange: (changes) => {
      for (const { consumer, broker } of changes) {
        if (!consumers.definitions().some(({ name }) => name === consumer)) {
          emit('warning', { what: `The flag of "${consumer}" changed, but there is no such consumer.` });
          continue;
        }
        const moving = consumers.get(consumer).move(broker ?? config.defaultBroker);
        moving.catch(() => undefined); // told by its event
      }
    },
    onSkips: (additions) => {
      for (const addition of additions) void skipAdded(parts, addition);
    },
    onProblem: (what) => emit('warning', { what }),
  });
}

/** Steps over what an entry that was added to the watched file names; a success is told by its event. */
async function skipAdded(parts: FollowFileParts, { consumer, position }: SkipAddition): Promise<void> {
  const { consumers, ports, emit } = parts;
  const warn = (why: string): void =>
    emit('warning', { what: `"${position}" of the consumer "${consumer}" was not skipped: ${why}` });
  const definition = consumers.definitions().find(({ name }) => name === consumer);
  const port = ports.get('kafka');
  const place = parseLogPosition(position);
  if (definition === undefined || place === null) return warn('there is no such consumer.');
  if (port?.skip === undefined) return warn('its Kafka is not a real one.');
  try {
    if ((await port.skip(definition, place)) === null) warn('nothing is stuck there in this process.');
  } catch (error) {
    warn(describeError(error));
  }
}
