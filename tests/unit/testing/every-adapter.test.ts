import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, jest, test } from '@jest/globals';
import { skipReason } from '../../../src/testing/contract/contract-case.js';
import { contractCases } from '../../../src/testing/contract/contract-cases.js';
import type { BrokerProduct, ContractSetup } from '../../../src/testing/contract/contract-rig.js';

const ADAPTERS = join(__dirname, '../../../src/adapters');
const CONTRACT = join(__dirname, '../../contract');

/** A set-up that a contract file ran the suite on, and what it registered. */
interface Run {
  readonly file: string;
  readonly setup: ContractSetup;
  readonly run: string[];
  readonly skipped: string[];
}

/** Loads every contract file with a test runner that only takes notes. */
function collectRuns(): Run[] {
  const runs: Run[] = [];
  let current: Run | undefined;
  const files = readdirSync(CONTRACT).filter((name) => name.endsWith('.test.ts'));
  jest.isolateModules(() => {
    jest.doMock('../../contract/runner.js', () => ({
      describe: (_: string, body: () => void) => body(),
      beforeAll: () => undefined,
      afterAll: () => undefined,
      test: Object.assign((title: string) => current?.run.push(idOf(title)), {
        skip: (title: string) => current?.skipped.push(idOf(title)),
      }),
    }));
    jest.doMock('../../support/servers/describe-with-servers.js', () => ({
      describeWithServers: (_title: string, _needed: object, body: (addresses: object) => void) => body({}),
    }));
    const { runContract } = jest.requireActual<{ runContract: (setup: ContractSetup) => void }>(
      '../../contract/run-contract.js',
    );
    let file = '';
    jest.doMock('../../contract/run-contract.js', () => ({
      runContract: (setup: ContractSetup) => {
        current = { file, setup, run: [], skipped: [] };
        runs.push(current);
        runContract(setup);
      },
    }));
    for (file of files) require(join(CONTRACT, file));
  });
  return runs;
}

const idOf = (title: string): string => title.split(' ')[0] ?? '';

/** What serves messages: every `create…Broker` that an adapter's folder exports. */
function productsOfAdapters(): string[] {
  const files = readdirSync(ADAPTERS, { recursive: true, encoding: 'utf8' });
  return files
    .filter((name) => name.endsWith('broker.ts'))
    .flatMap((name) => [
      ...readFileSync(join(ADAPTERS, name), 'utf8').matchAll(/^export function create(\w+)Broker\(/gm),
    ])
    .map(([, product = '']) => product.toLowerCase());
}

const runs = collectRuns();
const productsOf = ({ setup }: Run): BrokerProduct[] => setup.brokers.map(({ product }) => product);

test('every folder of adapters exports the brokers that are looked for', () => {
  expect(productsOfAdapters().sort()).toEqual(['kafka', 'log', 'queue', 'rabbitmq']);
  expect(readdirSync(ADAPTERS).sort()).toEqual(['kafka', 'memory', 'rabbitmq']);
});

test.each(productsOfAdapters())('the adapter of %s runs the contract alone', (product) => {
  expect(runs.map(productsOf)).toContainEqual([product]);
});

test.each([
  ['log', 'queue'],
  ['kafka', 'rabbitmq'],
])('the routed bus runs the contract over %s and %s', (...products) => {
  expect(runs.map(productsOf)).toContainEqual(products);
});

test('RabbitMQ runs the contract in two versions', () => {
  const names = runs
    .filter((run) => productsOf(run).join() === 'rabbitmq')
    .map(({ setup }) => setup.name)
    .sort();
  expect(names).toEqual(['RabbitMQ 3.10', 'RabbitMQ 4.0']);
});

test.each(runs.map((run) => [run.setup.name, run] as const))(
  '%s runs every case, and skips only what its brokers cannot have',
  (_, { setup, run, skipped }) => {
    const cannot = contractCases.filter((one) => skipReason(one, setup) !== null).map(({ id }) => id);
    expect(skipped).toEqual(cannot);
    expect([...run, ...skipped].sort()).toEqual(contractCases.map(({ id }) => id));
  },
);

test('the suite has every case of this stage, once', () => {
  const numbers = [
    ...Array.from({ length: 29 }, (_, index) => index + 1),
    ...[31, 32, 36, 37, 38, 49, 56, 61, 62, 63, 65, 66],
  ];
  const wanted = numbers.map((number) => `C${String(number).padStart(2, '0')}`);
  const ids = contractCases.map(({ id }) => id);
  expect(new Set(ids).size).toBe(ids.length);
  expect(wanted.filter((id) => !ids.includes(id))).toEqual([]);
});

test('every case is run on at least one set-up', () => {
  const run = new Set(runs.flatMap((one) => one.run));
  expect(contractCases.map(({ id }) => id).filter((id) => !run.has(id))).toEqual([]);
});
