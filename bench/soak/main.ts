import { parseArgs } from 'node:util';
import type { BrokerName } from '../../src/index.js';
import { openSharedServers } from '../../tests/support/servers/shared-servers.js';
import { machineLine } from '../report.js';
import type { BenchServers } from '../row.js';
import { LIVE_GROWTH_MIB, RESIDENT_GROWTH_MIB } from './memory-verdict.js';
import { runSoak, type SoakResult } from './run-soak.js';

const USAGE = `npm run soak -- [options]
  --count N     messages for each broker, from 10000; default 1000000
  --broker NAME kafka or rabbitmq; default both
  --real        on Kafka, RabbitMQ and MongoDB; default: embedded brokers, inbox in memory
  --help        this text
Exits 1 if the memory after the last message is more than ${RESIDENT_GROWTH_MIB} MiB resident or ${LIVE_GROWTH_MIB} MiB of live objects more than after the warm-up.`;

const COUNT_MIN = 10_000;

const { values: options } = parseArgs({
  options: {
    count: { type: 'string', default: '1000000' },
    broker: { type: 'string' },
    real: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

async function withServers<Result>(use: (servers: BenchServers | null) => Promise<Result>): Promise<Result> {
  if (!options.real) return use(null);
  const { servers, close } = await openSharedServers();
  try {
    const { kafka, 'rabbitmq-4.0': rabbitmq } = servers.shared;
    if ('reason' in kafka) throw new Error(`no Kafka: ${kafka.reason} ${kafka.cure}`);
    if ('reason' in rabbitmq) throw new Error(`no RabbitMQ: ${rabbitmq.reason} ${rabbitmq.cure}`);
    return await use({ kafka: kafka.brokers, rabbitmq: rabbitmq.url });
  } finally {
    await close();
  }
}

const HEAD = `${'broker'.padEnd(10)}${'handled'.padStart(11)}${'retried'.padStart(10)}${'per s'.padStart(9)}   resident MiB       live MiB`;

function lineOf({ broker, handled, retried, perSecond, warm, end, isFlat }: SoakResult): string {
  const number = (value: number, width: number): string =>
    Math.round(value).toLocaleString('en-US').padStart(width);
  const change = (from: number, to: number): string => `${from.toFixed(1)} → ${to.toFixed(1)}`.padStart(15);
  const memory = `${change(warm.residentMiB, end.residentMiB)}${change(warm.liveMiB, end.liveMiB)}`;
  return `${broker.padEnd(10)}${number(handled, 11)}${number(retried, 10)}${number(perSecond, 9)}${memory}  ${isFlat ? 'flat' : 'GROWS'}`;
}

async function main(): Promise<number> {
  const count = Number(options.count);
  const brokers = (['rabbitmq', 'kafka'] as const).filter((name) => (options.broker ?? name) === name);
  if (options.help || !Number.isSafeInteger(count) || count < COUNT_MIN || brokers.length === 0) {
    (options.help ? console.log : console.error)(USAGE);
    return options.help ? 0 : 64;
  }
  const results = await withServers((servers) => runAll(brokers, { servers, count }));
  console.log(`\n${machineLine()}${options.real ? ', real servers' : ', embedded brokers'}`);
  return results.every(({ isFlat }) => isFlat) ? 0 : 1;
}

async function runAll(
  brokers: readonly BrokerName[],
  { servers, count }: { servers: BenchServers | null; count: number },
): Promise<SoakResult[]> {
  const results: SoakResult[] = [];
  console.log(HEAD);
  for (const broker of brokers) {
    const result = await runSoak({ broker, servers, count });
    console.log(lineOf(result));
    results.push(result);
  }
  return results;
}

process.exitCode = await main();
