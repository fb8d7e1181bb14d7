import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type Channel, type ChannelModel, connect } from 'amqplib';
import { checkSetup, type SetupReport } from '../../../src/index.js';
import { describeWithServers } from '../../support/servers/describe-with-servers.js';
import { askManagement } from '../../support/servers/rabbitmq-management.js';
import { type Changes, someService, startOnce, troubles, troublesOf } from './check-world.js';

const VERSIONS = ['rabbitmq-3.10', 'rabbitmq-4.0'] as const;

describeWithServers('checking RabbitMQ', { shared: VERSIONS }, (servers) => {
  describe.each(VERSIONS)('%s', (version) => {
    const { url, managementUrl = '' } = servers[version];
    const plain = { RABBITMQ_ENABLED: 'true', RABBITMQ_URL: url };
    const env = { ...plain, RABBITMQ_MANAGEMENT_URL: managementUrl };
    let connection: ChannelModel;
    let channel: Channel;
    const undo: (() => Promise<unknown>)[] = [];
    beforeEach(async () => {
      connection = await connect(url);
      channel = await connection.createChannel();
    });
    afterEach(async () => {
      for (const one of undo.splice(0).reverse()) await one();
      await connection.close();
    });

    const manage = (path: string, body?: unknown): Promise<unknown> =>
      askManagement(managementUrl, `/api/${path}`, { body });
    const forget = (path: string): void => {
      undo.push(() => askManagement(managementUrl, `/api/${path}`, { method: 'DELETE' }));
    };

    /** A service whose places are deleted at the end. */
    async function service(changes: Partial<Changes> = {}) {
      const made = await someService({ env, ...changes });
      const { name, queue } = made;
      undo.push(async () => {
        const own = await connection.createChannel();
        for (const one of [queue, `${queue}_dlq`, `${queue}_retry_5s`]) await own.deleteQueue(one);
        await own.deleteExchange(name);
      });
      return made;
    }

    /** A queue that somebody else declared, bound to the exchange of the topic. */
    async function foreign(args: Record<string, unknown>) {
      const made = await service({ consumer: { rabbitmq: { existing: true } } });
      const { name, queue } = made;
      await channel.assertExchange(name, 'topic', { durable: true });
      await channel.assertQueue(queue, { durable: true, arguments: { 'x-queue-type': 'quorum', ...args } });
      await channel.bindQueue(queue, name, '#');
      return made;
    }

    /** The server tells of policies some seconds after it made a queue. */
    const idsOf = ({ findings }: SetupReport): string[] =>
      findings.map(({ id }) => id).filter((id) => id !== 'rabbitmq-policy-not-shown');

    const GOOD = {
      'x-delivery-limit': 20,
      'x-dead-letter-exchange': '',
      'x-dead-letter-routing-key': 'dead',
    };

    test('says what the bus will create, and declares nothing', async () => {
      const { name, queue, options } = await service();
      const report = await checkSetup(options);
      expect(troubles(report)).toEqual([]);
      const created = report.findings.filter(({ id }) => id === 'place-will-be-created');
      expect(created.map(({ where }) => where)).toEqual([
        `rabbitmq: exchange ${name}`,
        `rabbitmq: queue ${queue}`,
        `rabbitmq: dead-letter queue ${queue}_dlq`,
        `rabbitmq: retry queue ${queue}_retry_5s`,
      ]);
      const queues = (await manage('queues/%2F')) as { name: string }[];
      expect(queues.filter((one) => one.name.startsWith(name))).toEqual([]);
    });

    test('finds no trouble in what the bus made', async () => {
      const { options } = await service();
      await startOnce(options);
      const report = await checkSetup(options);
      expect(idsOf(report)).toEqual(['rabbitmq-few-nodes', 'rabbitmq-server-limits', 'rabbitmq-version']);
    });

    test('takes no message and leaves no trace on it', async () => {
      const { queue, options } = await service();
      await startOnce(options);
      const confirmed = await connection.createConfirmChannel();
      confirmed.sendToQueue(queue, Buffer.from('untouched'), { persistent: true });
      await confirmed.waitForConfirms();
      await checkSetup(options);
      const message = await channel.get(queue, { noAck: true });
      expect(message).toMatchObject({ content: Buffer.from('untouched'), fields: { redelivered: false } });
    });

    test('says what it cannot see without the management API', async () => {
      const { options } = await service({ env: plain });
      await startOnce(options);
      expect(idsOf(await checkSetup(options))).toEqual([
        'rabbitmq-management-not-set',
        'rabbitmq-server-limits',
        'rabbitmq-version',
      ]);
    });

    test('goes on when the management API refuses the user, and keeps the password for itself', async () => {
      const refused = managementUrl.replace(/\/\/[^@]*@/, '//guest:hush-hush@');
      const { options } = await service({ env: { ...env, RABBITMQ_MANAGEMENT_URL: refused } });
      const report = await checkSetup(options);
      expect(report.findings.map(({ id }) => id)).toContain('rabbitmq-management-failed');
      expect(report.findings.filter(({ id }) => id === 'place-will-be-created')).toHaveLength(4);
      expect(JSON.stringify(report)).not.toContain('hush');
    });

    test.each([
      ['rabbitmq-delivery-limit-low', { ...GOOD, 'x-delivery-limit': 5 }],
      ['rabbitmq-dead-letter-exchange-none', { 'x-delivery-limit': 20 }],
      ['rabbitmq-dead-letter-exchange-missing', { ...GOOD, 'x-dead-letter-exchange': 'nowhere-at-all' }],
      ['rabbitmq-length-limit', { ...GOOD, 'x-max-length': 10 }],
      ['rabbitmq-expires', { ...GOOD, 'x-expires': 3_600_000 }],
      ['rabbitmq-message-ttl', { ...GOOD, 'x-message-ttl': 3_600_000 }],
      [
        'rabbitmq-queue-classic',
        { 'x-queue-type': 'classic', 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'dead' },
      ],
    ])('finds %s in a queue of somebody else', async (id, args) => {
      const { options } = await foreign(args);
      expect(await troublesOf(options)).toEqual([id]);
    });

    test('takes a good queue of somebody else as it is, and finds one that is not bound', async () => {
      const { name, queue, options } = await foreign(GOOD);
      expect(await troublesOf(options)).toEqual([]);
      await channel.unbindQueue(queue, name, '#');
      expect(await troublesOf(options)).toEqual(['rabbitmq-unbound']);
    });

    test('finds a queue that somebody else should have made', async () => {
      const { queue, options } = await service({ consumer: { rabbitmq: { existing: true } } });
      const { findings } = await checkSetup(options);
      expect(findings[0]).toMatchObject({
        id: 'place-missing',
        severity: 'error',
        where: `rabbitmq: queue ${queue}`,
      });
    });

    test('finds arguments that would stop the bus', async () => {
      const { queue, options } = await service();
      await channel.assertQueue(queue, { durable: true });
      const { findings } = await checkSetup(options);
      expect(findings[0]).toMatchObject({
        id: 'rabbitmq-queue-arguments',
        found: expect.stringContaining('no x-delivery-limit'),
        expected: expect.stringContaining('x-delivery-limit=20'),
      });
      expect(troubles({ findings, counts: { error: 0, warning: 0, info: 0, 'not-checked': 0 } })).toEqual([
        'rabbitmq-queue-arguments',
      ]);
    });

    test('finds an exchange of another type, and one with an alternate exchange', async () => {
      const wrong = await service();
      await channel.assertExchange(wrong.name, 'fanout', { durable: true });
      expect(await troublesOf(wrong.options)).toEqual(['rabbitmq-exchange-type']);
      const silent = await service();
      await channel.assertExchange(silent.name, 'topic', { durable: true, alternateExchange: 'elsewhere' });
      expect(await troublesOf(silent.options)).toEqual(['rabbitmq-alternate-exchange']);
    });

    test('finds what policies change', async () => {
      const { name, queue, options } = await service();
      await manage(`policies/%2F/${name}`, {
        pattern: `^${queue}$`,
        'apply-to': 'queues',
        definition: { 'max-length': 10, 'delivery-limit': 3 },
      });
      forget(`policies/%2F/${name}`);
      await startOnce(options);
      const untilShown = async (): Promise<void> => {
        const { findings } = await checkSetup(options);
        if (findings.some(({ id }) => id === 'rabbitmq-policy-not-shown')) await untilShown();
      };
      await untilShown();
      const { findings } = await checkSetup(options);
      const found = findings.filter(({ severity }) => severity === 'warning');
      expect(found).toContainEqual(expect.objectContaining({ id: 'rabbitmq-delivery-limit-low' }));
      expect(found).toContainEqual(
        expect.objectContaining({ id: 'rabbitmq-length-limit', found: `max-length=10; policies: ${name}` }),
      );
    });

    test('finds permissions that are missing', async () => {
      const { name, options } = await service();
      await startOnce(options);
      await manage(`users/${name}`, { password: 'secret', tags: '' });
      forget(`users/${name}`);
      await manage(`permissions/%2F/${name}`, { configure: '^$', write: `^${name}`, read: '.*' });
      const own = url.replace(/\/\/[^@]*@/, `//${name}:secret@`);
      const limited = {
        ...options,
        config: (await someService({ env: { ...env, RABBITMQ_URL: own } })).options.config,
      };
      const { findings } = await checkSetup(limited);
      expect(findings.filter(({ severity }) => severity === 'error')).toMatchObject([
        {
          id: 'rabbitmq-permission',
          where: `rabbitmq: user ${name}`,
          found: 'configure is "^$"',
          expected: expect.stringMatching(`^configure on ${name}, ${name}-group,`),
        },
        { id: 'rabbitmq-permission', found: `write is "^${name}"`, expected: 'write on amq.default' },
      ]);
    });

    test('looks at queues with a user of the management API who may see no more', async () => {
      const { name, options } = await foreign({ ...GOOD, 'x-delivery-limit': 5 });
      await manage(`users/${name}`, { password: 'secret', tags: 'management' });
      forget(`users/${name}`);
      await manage(`permissions/%2F/${name}`, { configure: '.*', write: '.*', read: '.*' });
      const api = managementUrl.replace(/\/\/[^@]*@/, `//${name}:secret@`);
      const { config } = (await someService({ env: { ...env, RABBITMQ_MANAGEMENT_URL: api } })).options;
      expect(idsOf(await checkSetup({ ...options, config }))).toEqual([
        'rabbitmq-delivery-limit-low',
        'rabbitmq-management-failed',
        'rabbitmq-management-failed',
        'rabbitmq-server-limits',
        'rabbitmq-version',
        'place-will-be-created',
        'place-will-be-created',
      ]);
    });

    test('tells a wrong password, a virtual host that is not there and a server that is down apart', async () => {
      const idOf = async (address: string) => {
        const { options } = await someService({ env: { ...env, RABBITMQ_URL: address } });
        const { findings } = await checkSetup(options, { timeoutMs: 2_000 });
        expect(JSON.stringify(findings)).not.toContain('hush');
        return findings.map(({ id }) => id);
      };
      expect(await idOf(url.replace(/\/\/[^@]*@/, '//guest:hush@'))).toEqual(['broker-credentials']);
      expect(await idOf(`${url.replace(/\/$/, '')}/nowhere`)).toEqual(['broker-access']);
      expect(await idOf('amqp://127.0.0.1:1')).toEqual(['broker-unreachable']);
    });
  });
});
