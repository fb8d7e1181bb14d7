import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type Channel, type ChannelModel, connect } from 'amqplib';
import { openUserFolder, type UserFolder } from '../support/built-package.js';
import { runProgram } from '../support/run-program.js';
import { describeWithServers } from '../support/servers/describe-with-servers.js';
import { type MongodbServer, startMongodb } from '../support/servers/mongodb.js';
import { blocksOf, commandsOf, type Page, readPages, variablesOf } from '../unit/docs/pages.js';
import { type ShopServer, startShop } from './shop-server.js';

const id = randomBytes(4).toString('hex');
/** The page's names, made unique: the brokers are shared. */
const renamed = (text: string): string =>
  text
    .replaceAll('shop.', `shop_${id}.`)
    .replaceAll('shop-invoices', `shop-${id}-invoices`)
    .replaceAll('orders_topic', `orders_${id}_topic`);
const page = readPages().find(({ path }) => path === 'MIGRATION.md') as Page;
const shown = commandsOf(page);

/** Not run: the package test installs the packed package. */
const ELSEWHERE = ['npm install buscoupler zod mongoose'];
const SERVER = 'node server.mjs';

/** A line of a page as it may come: `…` is anything, a number any number, blanks as many as there are. */
const shapeOf = (line: string): RegExp =>
  new RegExp(
    line
      .split(/\s{2,}/)
      .map((part) =>
        part
          .replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
          .replaceAll('…', '.*')
          .replace(/\d+/g, '\\d+'),
      )
      .join('\\s+'),
  );

describeWithServers(
  'MIGRATION.md, followed from top to bottom',
  { shared: ['kafka', 'rabbitmq-4.0'], own: ['mongodb'] },
  (servers) => {
    const { url, managementUrl = '' } = servers['rabbitmq-4.0'];
    const addresses = {
      RABBITMQ_URL: url,
      RABBITMQ_MANAGEMENT_URL: managementUrl,
      KAFKA_BROKERS: servers.kafka.brokers.join(','),
    };
    let folder: UserFolder;
    let mongodb: MongodbServer;
    let connection: ChannelModel;
    let old: Channel;
    let env: Record<string, string>;

    /** Those that run; a failed test leaves its own, which would keep the run from ending. */
    const shops: ShopServer[] = [];
    const start = (variables: Readonly<Record<string, string>>): ShopServer => {
      const shop = startShop({ cwd: folder.path, env: variables });
      shops.push(shop);
      return shop;
    };

    const flag = (json: string): void =>
      writeFileSync(join(folder.path, 'buscoupler.config.json'), renamed(json));

    beforeAll(async () => {
      [folder, mongodb, connection] = await Promise.all([openUserFolder(), startMongodb(), connect(url)]);
      env = { ...variablesOf(page), ...addresses, MONGODB_URL: mongodb.url };
      for (const block of [...blocksOf(page, 'ts'), ...blocksOf(page, 'js')]) {
        const [, name = ''] = /^\/\/ (\S+)\n/.exec(block) ?? [];
        writeFileSync(join(folder.path, name), renamed(block));
      }
      // What the team has before the migration.
      old = await connection.createChannel();
      await old.assertExchange(renamed('shop.events'), 'topic');
      await old.assertQueue(renamed('shop.invoices'), { arguments: { 'x-queue-type': 'quorum' } });
      await old.bindQueue(renamed('shop.invoices'), renamed('shop.events'), 'order.created');
    }, 120_000);
    afterAll(async () => {
      for (const shop of shops) shop.kill('SIGKILL');
      await Promise.all(shops.map(({ end }) => end));
      await connection.close();
      await mongodb.dispose();
      folder.remove();
    });

    async function run(command: string): Promise<string> {
      const words = renamed(command).split(' ') as [string, ...string[]];
      const { stdout, stderr } = await runProgram(words, { cwd: folder.path, env });
      expect(stderr).toBe('');
      return stdout;
    }

    test('before, the service runs on RabbitMQ alone', async () => {
      flag(blocksOf(page, 'json')[0] ?? '');
      const shop = start({ ...env, KAFKA_ENABLED: 'false' });
      await shop.says('ann owes 1200 (from rabbitmq)');
      shop.kill('SIGTERM');
      expect(await shop.end).toBe(0);
    }, 60_000);

    test('each command gives the answer that the page shows, and the consumer moves', async () => {
      const [standing = '', moved = ''] = blocksOf(page, 'json');
      const ran: string[] = [];
      flag(standing);
      let shop: ShopServer | undefined;
      for (const { command, answer } of shown) {
        if (ELSEWHERE.includes(command)) continue;
        if (command === SERVER) {
          shop = start(env);
          await shop.says('ann owes 1200 (from rabbitmq)');
        } else {
          if (command.endsWith('--consumer invoices')) {
            flag(moved);
            await shop?.says('Consumer invoices is fed by Kafka');
          }
          const stdout = await run(command);
          for (const line of answer?.trimEnd().split('\n') ?? [])
            expect(stdout).toMatch(shapeOf(renamed(line)));
          expect(stdout).not.toBe('');
        }
        ran.push(command);
      }
      shop?.kill('SIGTERM');
      expect(await shop?.end).toBe(0);
      expect(ran.length).toBeGreaterThanOrEqual(8);
    }, 180_000);

    test('a flag that still says rabbitmq keeps the service from starting without it, by name', async () => {
      flag(blocksOf(page, 'json')[0] ?? '');
      const shop = start({ ...env, RABBITMQ_ENABLED: 'false' });
      await shop.says('invoices');
      expect(await shop.end).toBe(1);
    }, 60_000);

    test('in the end the service runs on Kafka alone, and can go back', async () => {
      flag(blocksOf(page, 'json')[1] ?? '');
      const alone = start({ ...env, RABBITMQ_ENABLED: 'false' });
      await alone.says('ann owes 1200 (from kafka)');
      alone.kill('SIGTERM');
      expect(await alone.end).toBe(0);
      const both = start(env);
      await both.says('ann owes 1200 (from kafka)');
      flag(blocksOf(page, 'json')[0] ?? '');
      await both.says('Consumer invoices is fed by RabbitMQ');
      both.kill('SIGTERM');
      expect(await both.end).toBe(0);
    }, 120_000);
  },
);
