import { secretsOf } from './config/secrets.js';
import { type CreateBusOptions, type Wiring, wire } from './container.js';
import type { BrokerPort, PublishOutcome } from './contract/broker.js';
import type { DeadLetterDesk } from './contract/dead-letter-desk.js';
import type { BrokerName, OutgoingMessage } from './contract/message.js';
import { Desk } from './dead-letters/desk.js';
import type { DeskConsumer, ReplayPlace } from './dead-letters/desk-parts.js';
import { wait } from './delivery/backoff.js';
import { Ticket } from './delivery/publish-ticket.js';
import { newMessageId } from './messages/ids.js';

const CLOSE_DEADLINE_MS = 5_000;

/** Connects each broker when it is first asked for; one that did not come up is tried again by the next who asks. */
function opener({ ports, clock }: Wiring, timeoutMs: number) {
  const opened = new Map<BrokerName, Promise<BrokerPort>>();
  const connect = async (port: BrokerPort): Promise<BrokerPort> => {
    const over = new AbortController();
    const timer = clock.schedule(() => over.abort(), timeoutMs, { keepAlive: true });
    try {
      await port.connect(over.signal);
      return port;
    } catch (error) {
      opened.delete(port.name);
      throw error;
    } finally {
      timer.cancel();
    }
  };
  return (broker: BrokerName): Promise<BrokerPort> => {
    const present = opened.get(broker) ?? connect(ports.get(broker) as BrokerPort);
    opened.set(broker, present);
    return present;
  };
}

/** Publishes one copy to the place from which it comes to its consumer at once. */
function publishing(
  { book, clock }: Wiring,
  open: (broker: BrokerName) => Promise<BrokerPort>,
  timeoutMs: number,
) {
  return async ({ broker, consumer }: ReplayPlace, message: OutgoingMessage): Promise<PublishOutcome> => {
    const port = await open(broker);
    const publisher = port.publisher({ kind: 'retry', consumer, delayMs: 0 });
    return new Promise((resolve) => {
      const owner = { ticketSettled: (_: Ticket, outcome: PublishOutcome) => resolve(outcome) };
      const ticket = new Ticket(message, clock.monotonicMs() + timeoutMs, owner);
      book.add(ticket);
      publisher.publish(ticket);
    });
  };
}

function consumersOf({ consumers, routes }: Wiring): DeskConsumer[] {
  return consumers.definitions().map((definition) => ({
    definition,
    brokers: routes.planOf(definition.topic).brokers,
    feed: () => consumers.get(definition.name).status().broker,
  }));
}

/**
 * Opens a desk over the dead letters of these consumers, with the options of `createBus`; nothing is consumed. Brokers are
 * connected when they are needed; the inbox is started. Rejects like `createBus`, and with BC_INBOX_UNAVAILABLE.
 */
export async function openDesk(options: CreateBusOptions): Promise<DeadLetterDesk> {
  const wiring = wire(options);
  const { config, inbox = null } = options;
  const { ports, clock } = wiring;
  await inbox?.start();
  const open = opener(wiring, config.start.timeoutMs);
  return new Desk({
    consumers: consumersOf(wiring),
    brokers: config.enabled,
    open,
    publish: publishing(wiring, open, config.publish.timeoutMs),
    inbox,
    clock,
    wait: (delayMs, signal) => wait(clock, delayMs, signal),
    limits: config.deadLetters,
    secrets: secretsOf(config),
    newToken: () => newMessageId(clock.epochMs()),
    close: async () => {
      await Promise.all([...ports.values()].map((port) => port.close({ deadlineMs: CLOSE_DEADLINE_MS })));
    },
  });
}
