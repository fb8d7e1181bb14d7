import { parseArgs } from 'node:util';
import { openSharedServers } from '../tests/support/servers/shared-servers.js';
import { machineLine, progressLine, tableOf } from './report.js';
import { type BenchServers, isMet, type Row, type RowResult } from './row.js';
import { consumeRows } from './rows/consume.js';
import { consumeInboxRows } from './rows/consume-inbox.js';
import { dualRows } from './rows/dual.js';
import { dualByHandRow } from './rows/dual-by-hand.js';
import { embeddedRows } from './rows/embedded.js';
import { failurePathRows } from './rows/failure-paths.js';
import { inboxRows } from './rows/inbox.js';
import { keyOrderRows } from './rows/key-order.js';
import { memoryRows } from './rows/memory.js';
import { outboxRows } from './rows/outbox.js';
import { publishKafkaRows } from './rows/publish-kafka.js';
import { publishRabbitmqRows } from './rows/publish-rabbitmq.js';

const ROWS: readonly Row[] = [
  ...publishRabbitmqRows,
  ...publishKafkaRows,
  ...dualRows,
  dualByHandRow,
  ...consumeRows,
  ...keyOrderRows,
  ...embeddedRows,
  ...inboxRows,
  ...consumeInboxRows,
  ...failurePathRows,
  ...memoryRows,
  ...outboxRows,
];

const USAGE = `npm run bench -- [options]
  --only TEXT   rows whose name contains TEXT
  --json        one object per row: name, ours, theirs, ratio, goal, met
  --check       exit 1 when a goal is missed by more than equal things differ by in this run
  --help        this text`;

const { values: options } = parseArgs({
  options: {
    only: { type: 'string' },
    json: { type: 'boolean', default: false },
    check: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

/** Runs the chosen rows one after another, telling about each as it ends. */
async function runRows(rows: readonly Row[], servers: BenchServers): Promise<RowResult[]> {
  const results: RowResult[] = [];
  for (const row of rows) {
    const result = await row.run(servers);
    results.push(result);
    const { name, ours, theirs, ratio, goal } = result;
    console.log(
      options.json
        ? JSON.stringify({ name, ours, theirs, ratio, goal, met: isMet(result) })
        : progressLine(result),
    );
  }
  return results;
}

const NO_SERVERS: BenchServers = { kafka: [], rabbitmq: '' };

async function withServers<Result>(rows: readonly Row[], use: (servers: BenchServers) => Promise<Result>) {
  if (rows.every((row) => row.needs === 'nothing')) return use(NO_SERVERS);
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

async function main(): Promise<number> {
  if (options.help) {
    console.log(USAGE);
    return 0;
  }
  const rows = ROWS.filter(({ name }) => name.toLowerCase().includes((options.only ?? '').toLowerCase()));
  if (rows.length === 0) {
    console.error(
      `No row's name contains "${options.only}". Rows:\n${ROWS.map(({ name }) => `  ${name}`).join('\n')}`,
    );
    return 64;
  }
  const results = await withServers(rows, (servers) => runRows(rows, servers));
  if (!options.json) console.log(`\n${tableOf(results)}\n\n${machineLine()}`);
  return options.check && !results.every((row) => isMet(row, 'noise')) ? 1 : 0;
}

process.exitCode = await main();
