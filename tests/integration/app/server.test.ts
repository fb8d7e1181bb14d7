import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import type { BrokerName } from '../../../src/index.js';
import { askAt } from '../../support/app/ask.js';
import { type SpawnedApp, spawnApp } from '../../support/app/spawn-app.js';
import { runProgram } from '../../support/run-program.js';
import { describeWithServers } from '../../support/servers/describe-with-servers.js';
import { FIND, type FoundServer } from '../../support/servers/find-servers.js';
import { type KafkaCluster, startKafka } from '../../support/servers/kafka.js';
import { startRabbit } from '../../support/servers/rabbitmq.js';

/** The groups of the server have fixed names, so these brokers are shared with no other suite. */
const NEEDED = { own: ['kafka', 'rabbitmq-4.0', 'mongodb'] } as const;

const USERS = 20;
const EVENTS = 400;
const SENDERS = 16;

describeWithServers('the server on real Kafka, RabbitMQ and MongoDB', NEEDED, () => {
  let kafka: KafkaCluster;
  let rabbit: Awaited<ReturnType<typeof startRabbit>>;
  let mongodb: FoundServer<'mongodb'>;
  beforeAll(async () => {
    [kafka, rabbit, mongodb] = await Promise.all([
      startKafka(),
      startRabbit({ version: '4.0' }),
      FIND.mongodb(),
    ]);
  }, 120_000);
  afterAll(async () => {
    await Promise.all([kafka?.dispose(), rabbit?.dispose(), mongodb?.dispose()]);
  }, 60_000);

  let cwd: string;
  let apps: SpawnedApp[];
  let env: Record<string, string>;
  beforeEach(async () => {
    cwd = await mkdtemp(join(tmpdir(), 'server-test-'));
    apps = [];
    const url = new URL(mongodb.address.url);
    url.pathname = `/server_${randomUUID().slice(0, 8)}`;
    env = {
      KAFKA_ENABLED: 'true',
      KAFKA_BROKERS: kafka.brokers.join(','),
      RABBITMQ_ENABLED: 'true',
      RABBITMQ_URL: rabbit.url,
      MONGODB_URL: url.href,
    };
  });
  afterEach(async () => {
    for (const app of apps) app.kill('SIGKILL');
    await Promise.all(apps.map(({ end }) => end));
    await rm(cwd, { recursive: true });
  });

  const start = (...args: string[]): SpawnedApp => {
    const app = spawnApp(env, { args, cwd });
    apps.push(app);
    return app;
  };

  const feedBy = async (broker: BrokerName): Promise<string> => {
    const path = join(cwd, 'flags.json');
    await writeFile(`${path}.new`, JSON.stringify({ consumers: { 'feature-usage': { broker } } }));
    await rename(`${path}.new`, path);
    return path;
  };

  const userOf = (event: number): string => `user-${event % USERS}`;

  /** The ids that are stored for every user, as an instance tells them. */
  const storedAt = async (address: string): Promise<string[]> => {
    const answers = await Promise.all(
      Array.from({ length: USERS }, (_, n) => askAt(address).get(`/usage/${userOf(n)}?limit=1000`)),
    );
    return answers.flatMap(({ body }) => body.usage.map((log: { messageId: string }) => log.messageId));
  };

  test('stores each event once while its consumer moves and one of two instances is ended', async () => {
    const file = await feedBy('rabbitmq');
    const [one, two] = [start('--config', file), start('--config', file)];
    await Promise.all([one.line('The server is ready'), two.line('The server is ready')]);
    const addresses = [await one.address(), await two.address()] as const;

    let next = 0;
    let isEnded = false;
    /** Takes one event after another; what the first instance does not take goes to the second one, with the same id. */
    const send = async (): Promise<void> => {
      while (next < EVENTS) {
        const event = next++;
        if (event === EVENTS / 4) await feedBy('kafka');
        if (event === EVENTS / 2) {
          await Promise.all([one.line('is fed by Kafka'), two.line('is fed by Kafka')]);
          one.kill('SIGTERM');
          isEnded = true;
        }
        const usage = { feature_endpoint: 'chat', user: userOf(event), email: 'user@example.com' };
        const headers = { 'idempotency-key': `event-${event}` };
        const first = await askAt(addresses[0])
          .post('/usage', usage, headers)
          .catch(() => ({ status: 0 }));
        if (first.status === 202) continue;
        expect(isEnded).toBe(true);
        expect((await askAt(addresses[1]).post('/usage', usage, headers)).status).toBe(202);
      }
    };
    await Promise.all(Array.from({ length: SENDERS }, send));
    const { code, stderr, stdout } = await one.end;
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain('The server has closed');

    const all = Array.from({ length: EVENTS }, (_, event) => `event-${event}`).sort();
    const deadlineMs = Date.now() + 60_000;
    let stored = await storedAt(addresses[1]);
    while (stored.length < EVENTS && Date.now() < deadlineMs) stored = await storedAt(addresses[1]);
    expect(stored.sort()).toEqual(all);
    two.kill('SIGTERM');
    expect((await two.end).code).toBe(0);
  }, 180_000);

  test('lives while RabbitMQ says nothing, is not ready and says why, and can be stopped', async () => {
    const silent = createServer().listen(0, '127.0.0.1'); // takes connections and never says a word
    await once(silent, 'listening');
    env.RABBITMQ_URL = `amqp://ann:hunter22@127.0.0.1:${(silent.address() as AddressInfo).port}`;
    try {
      const app = start();
      const { get, post } = askAt(await app.address());
      expect((await get('/health/live')).status).toBe(200);
      const ready = await get('/health/ready');
      expect(ready).toMatchObject({ status: 503, body: { status: 'not ready' } });
      expect(ready.body.parts).toContainEqual(expect.objectContaining({ part: 'broker rabbitmq' }));
      const usage = { feature_endpoint: 'chat', user: 'ann', email: 'ann@example.com' };
      const refused = await post('/usage', usage);
      expect({ status: refused.status, after: refused.headers.get('retry-after') }).toEqual({
        status: 503,
        after: '5',
      });
      app.kill('SIGTERM');
      const { code, stdout, stderr } = await app.end;
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      expect(stdout + JSON.stringify(ready.body)).not.toContain('hunter22');
    } finally {
      silent.close();
    }
  }, 60_000);

  test('gives up with one sentence on a broker that is away', async () => {
    env.KAFKA_BROKERS = '127.0.0.1:1';
    env.START_TIMEOUT_MS = '1000';
    const { code, stderr } = await start().end;
    expect(code).toBe(1);
    expect(stderr).toMatch(/^The server could not start\. .*[Kk]afka.+\[BC_BROKER_UNAVAILABLE\]\n$/);
  }, 60_000);

  test('its definitions serve the command line', async () => {
    const app = start();
    await app.line('The server is ready');
    const command = ['--import', 'tsx', 'src/cli/main.ts', 'dead-letters', 'list', '--json'];
    const { code, stdout, stderr } = await runProgram(
      [process.execPath, ...command, '--config', 'src/app/bus-options.ts'],
      { env },
    );
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(JSON.parse(stdout)).toEqual({ letters: [], cursor: null });
  }, 60_000);
});
