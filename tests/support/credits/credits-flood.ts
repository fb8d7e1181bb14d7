import {
  createBus,
  createLogger,
  defineTopic,
  loadConfig,
  type TopicDefinition,
} from '../../../src/index.js';
import type { CreditsMessage } from '../../../src/modules/credits-process/credits-process.schema.js';
import { createSeededRandom } from '../../../src/testing/index.js';
import type { CreditsHistory } from './reference.js';

/** How many messages of each kind. */
export interface FloodSize {
  readonly users: number;
  /** Requests of which start and end are published. */
  readonly requests: number;
  /** Messages that are published once more with their id. */
  readonly duplicates: number;
  readonly invalid: number;
}

/** One message to be published. */
interface Drop {
  readonly kind: 'start' | 'end';
  readonly id: string;
  readonly data: unknown;
}

/** Credit that nobody can use up. */
const CREDIT = 1_000_000_000;
const IN_FLIGHT = 500;

const messageOf = (n: number, users: number, units: number): CreditsMessage => {
  const whose = { request: `r${n}`, user: `user-${n % users}` };
  const small = { model: 'small', units, price: 3 };
  return n % 3 === 0
    ? { kind: 'multi', ...whose, models: [small, { model: 'large', units: n % 5, price: 20 }] }
    : { kind: 'single', ...whose, ...small };
};

/** What no schema of the module takes; each would change a balance if it were believed. */
function invalidOf(n: number, users: number): unknown {
  const valid = messageOf(3 * n + 1, users, 7);
  const faults = [
    { ...valid, units: -1_000 },
    { ...valid, price: 0.5 },
    { ...valid, user: '' },
    { ...valid, kind: 'triple' },
    { ...valid, units: '7' },
  ];
  return { ...faults[n % faults.length], request: `invalid-${n}` };
}

/** The messages in a shuffled order, and what balances must come of. */
export function createFlood({ users, requests, duplicates, invalid }: FloodSize) {
  const random = createSeededRandom(7);
  const indexes = Array.from({ length: requests }, (_, n) => n);
  const starts = indexes.map((n) => messageOf(n, users, 10 + (n % 13)));
  const ends = indexes.map((n) => messageOf(n, users, n % 23));
  const drop = (kind: Drop['kind'], data: CreditsMessage): Drop => ({
    kind,
    id: `${kind}-${data.request}`,
    data,
  });
  const valid = [...starts.map((one) => drop('start', one)), ...ends.map((one) => drop('end', one))];
  const drops = [
    ...valid,
    ...Array.from({ length: duplicates }, () => valid[Math.floor(random() * valid.length)] as Drop),
    ...Array.from({ length: invalid }, (_, n): Drop => {
      const kind = n % 2 === 0 ? 'start' : 'end';
      return { kind, id: `invalid-${n}`, data: invalidOf(n, users) };
    }),
  ];
  for (let last = drops.length - 1; last > 0; last -= 1) {
    const other = Math.floor(random() * (last + 1));
    [drops[last], drops[other]] = [drops[other] as Drop, drops[last] as Drop];
  }
  const topUps = Array.from({ length: users }, (_, n) => ({
    id: `payment-${n}`,
    user: `user-${n}`,
    amount: CREDIT,
  }));
  const history: CreditsHistory = { topUps, starts, ends };
  return { drops, history };
}

/** The module's topic, by a producer that checks nothing; keyed as the module does. */
const unchecked = (name: string): TopicDefinition<unknown> =>
  defineTopic({
    name,
    schema: { '~standard': { version: 1, vendor: 'test', validate: (value: unknown) => ({ value }) } },
    key: (data) => (data as { user?: string }).user || 'nobody',
  });

/** Publishes each of them from another service than the server. */
export async function pour(drops: readonly Drop[], env: Readonly<Record<string, string>>): Promise<void> {
  const topics = { start: unchecked('credits_process_topic'), end: unchecked('credits_process_end_topic') };
  const bus = await createBus({
    config: await loadConfig(env, { file: false }),
    topics: Object.values(topics),
    logger: createLogger({ level: 'silent' }),
  });
  await bus.start();
  let next = 0;
  const publish = async (): Promise<void> => {
    for (let drop = drops[next++]; drop !== undefined; drop = drops[next++])
      await bus.publish(topics[drop.kind], drop.data, { id: drop.id });
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, publish));
  await bus.close();
}
