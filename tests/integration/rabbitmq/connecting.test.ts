import { randomUUID } from 'node:crypto';
import { createServer as createHttpServer } from 'node:http';
import { connect as connectSocket, createServer, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createLogBroker } from '../../../src/adapters/memory/log-broker.js';
import { createLogStore } from '../../../src/adapters/memory/log-store.js';
import { createBus, createLogger, loadConfig, memoryInbox } from '../../../src/index.js';
import { startProxy } from '../../support/proxy.js';
import { describeWithServers } from '../../support/servers/describe-with-servers.js';
import { askManagement } from '../../support/servers/rabbitmq-management.js';
import {
  type Cleanup,
  cleanup,
  makeBroker,
  makePlaces,
  message,
  openBroker,
  openPlain,
  STORED,
  VERSIONS,
} from './harness.js';

/** A peer of another kind: answers the first bytes and goes on as told. */
async function startPeer(undo: Cleanup, answer: (socket: Socket) => void, host = '127.0.0.1') {
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    socket.on('error', () => {});
    socket.on('data', () => answer(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  undo.add(async () => {
    for (const socket of open) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  return (server.address() as { port: number }).port;
}

/** Carries a connection on to a port of 127.0.0.1. */
function startForward(socket: Socket, port: number): Socket {
  const onward = connectSocket(port, '127.0.0.1');
  socket.on('error', () => onward.destroy());
  onward.on('error', () => socket.destroy());
  onward.on('close', () => socket.destroy());
  socket.pipe(onward).pipe(socket);
  return onward;
}

const code = (name: string) => expect.objectContaining({ code: name });

describeWithServers('connecting to RabbitMQ', { shared: VERSIONS }, (servers) => {
  describe.each(VERSIONS)('%s', (version) => {
    let undo: Cleanup;
    const { url, managementUrl } = servers[version];
    const port = Number(new URL(url).port);
    beforeEach(() => {
      undo = cleanup();
    });
    afterEach(() => undo.run());

    const connect = (address: string, settings = {}, withinMs = 8_000) =>
      makeBroker(address, undo, {
        settings: { requestTimeoutMs: 2_000, connectionTimeoutMs: 2_000, ...settings },
      }).port.connect(AbortSignal.timeout(withinMs));

    test('refuses a wrong password at once, without telling it', async () => {
      const failure = await connect(`amqp://guest:wrong-pass-word@127.0.0.1:${port}`).catch((error) => error);
      expect(failure).toEqual(code('BC_AUTHENTICATION'));
      expect(`${failure.stack} ${failure.cause?.stack}`).not.toContain('wrong-pass-word');
    });

    test('refuses an unknown virtual host at once, naming it', async () => {
      const failure = await connect(`amqp://guest:guest@127.0.0.1:${port}/no%2Fsuch`).catch((error) => error);
      expect(failure).toEqual(code('BC_PERMISSION'));
      expect(failure.message).toContain('"no/such"');
    });

    test('says that an HTTP port does not speak AMQP', async () => {
      const server = createHttpServer();
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      undo.add(async () => void server.close());
      const { port: peer } = server.address() as { port: number };
      await expect(connect(`amqp://guest:guest@127.0.0.1:${peer}`)).rejects.toEqual(code('BC_PROTOCOL'));
    });

    test('says that a port that hangs up at the greeting is of another kind, as Kafka and TLS do', async () => {
      const peer = await startPeer(undo, (socket) => socket.destroy());
      await expect(connect(`amqp://guest:guest@127.0.0.1:${peer}`)).rejects.toEqual(code('BC_PROTOCOL'));
    });

    test('says that a plain port does not speak TLS', async () => {
      await expect(connect(`amqps://guest:guest@127.0.0.1:${port}`)).rejects.toEqual(code('BC_PROTOCOL'));
    });

    test('gives a silent port up after the connection deadline and tries it until the signal aborts', async () => {
      const peer = await startPeer(undo, () => {});
      const broker = makeBroker(`amqp://guest:guest@127.0.0.1:${peer}`, undo, {
        settings: { connectionTimeoutMs: 200 },
      });
      const failure = await broker.port.connect(AbortSignal.timeout(1_000)).catch((error) => error);
      expect(failure).toEqual(code('BC_BROKER_UNAVAILABLE'));
      expect(failure.message).toContain('within 200 ms');
    });

    test('tries a refused port until the signal aborts, and may be called again', async () => {
      const proxy = await startProxy({ target: port });
      undo.add(() => proxy.close());
      await proxy.refuse();
      const broker = makeBroker(`amqp://guest:guest@127.0.0.1:${proxy.port}`, undo);
      const failure = await broker.port.connect(AbortSignal.timeout(500)).catch((error) => error);
      expect(failure).toEqual(code('BC_BROKER_UNAVAILABLE'));
      expect(failure.message).toContain('ECONNREFUSED');
      await proxy.heal();
      await broker.port.connect(AbortSignal.timeout(5_000));
      expect(broker.port.health().state).toBe('up');
    });

    test('is well as soon as a bus started, though the leg that drains it is on its way', async () => {
      const plain = await openPlain(url, undo);
      const { topic, consumer } = makePlaces(plain, undo);
      const flag = `CONSUMER_${consumer.name.replaceAll('-', '_').toUpperCase()}_BROKER`;
      const env = { KAFKA_ENABLED: 'true', KAFKA_BROKERS: '127.0.0.1:1', [flag]: 'kafka' };
      const bus = await createBus({
        config: await loadConfig({ ...env, RABBITMQ_ENABLED: 'true', RABBITMQ_URL: url }, { file: false }),
        topics: [topic],
        consumers: [consumer],
        inbox: memoryInbox(),
        logger: createLogger({ level: 'silent' }),
        brokers: { kafka: (parts) => createLogBroker({ ...parts, store: createLogStore(parts) }) },
      });
      undo.add(() => bus.close({ deadlineMs: 2_000 }));
      await bus.start();
      const { ok, brokers, consumers } = bus.health();
      expect(consumers[consumer.name]?.legs.rabbitmq?.state).toBe('starting'); // so early is it
      expect({ ok, state: brokers.rabbitmq?.state }).toEqual({ ok: true, state: 'up' });
    });

    test('is degraded while nothing can be consumed from it', async () => {
      const proxy = await startProxy({ target: port, protocol: 'amqp' });
      undo.add(() => proxy.close());
      const broker = await openBroker(`amqp://guest:guest@127.0.0.1:${proxy.port}`, undo);
      const { topic, consumer } = makePlaces(await openPlain(url, undo), undo);
      await broker.port.provision({ topics: [topic], consumers: [consumer] });
      await proxy.refuse();
      const attaching = broker.port.attach({ consumer, capacity: 1, deliver: () => undefined });
      await broker.told.until(({ name }) => name === 'broker-lost');
      expect(broker.port.health()).toMatchObject({ state: 'degraded', reason: expect.any(String) });
      await proxy.heal();
      await attaching;
      expect(broker.port.health()).toEqual({ state: 'up', pendingPublishes: 0 });
    });

    test('uses the next URL when one server is away', async () => {
      const proxy = await startProxy({ target: port });
      await proxy.close();
      const away = `amqp://guest:guest@127.0.0.1:${proxy.port}`;
      const broker = makeBroker(url, undo, { settings: { urls: [away, url] } });
      await broker.port.connect(AbortSignal.timeout(5_000));
      expect(broker.port.health().state).toBe('up');
    });

    test('reaches a server by IPv6', async () => {
      const server = createServer((socket) => {
        const onward = startForward(socket, port);
        undo.add(async () => void onward.destroy());
      });
      await new Promise<void>((resolve) => server.listen(0, '::1', resolve));
      undo.add(async () => void server.close());
      const { port: ipv6 } = server.address() as { port: number };
      const broker = await openBroker(`amqp://guest:guest@[::1]:${ipv6}`, undo);
      expect(broker.port.health().state).toBe('up');
    });

    test('takes users, passwords and virtual hosts of any characters', async () => {
      if (managementUrl === undefined) throw new Error('this RabbitMQ was named without its management URL');
      const name = randomUUID();
      const user = `ü ${name}`;
      const password = 'p@ss:w/rd%é#?+ ';
      const vhost = `v/host% ${name}`;
      const path = (kind: string, ...parts: string[]) =>
        `/api/${kind}/${parts.map(encodeURIComponent).join('/')}`;
      await askManagement(managementUrl, path('vhosts', vhost), { body: {} });
      undo.add(() => askManagement(managementUrl, path('vhosts', vhost), { method: 'DELETE' }));
      await askManagement(managementUrl, path('users', user), { body: { password, tags: '' } });
      undo.add(() => askManagement(managementUrl, path('users', user), { method: 'DELETE' }));
      await askManagement(managementUrl, path('permissions', vhost, user), {
        body: { configure: '.*', write: '.*', read: '.*' },
      });
      const address = `amqp://${encodeURIComponent(user)}:${encodeURIComponent(password)}@127.0.0.1:${port}/${encodeURIComponent(vhost)}`;
      const plain = await openPlain(
        { hostname: '127.0.0.1', port, username: user, password, vhost: encodeURIComponent(vhost) },
        undo,
      );
      const { topic, consumer } = makePlaces(plain, undo);
      const broker = await openBroker(address, undo);
      await broker.port.provision({ topics: [topic], consumers: [consumer] });
      expect(await broker.publish(topic, message())).toBe(STORED);
      const told = JSON.stringify(broker.told.all);
      expect(told).not.toContain('p@ss');
      expect(told).not.toContain(encodeURIComponent(password));
    });

    test('names what a user without permission may not do, and fails only that', async () => {
      if (managementUrl === undefined) throw new Error('this RabbitMQ was named without its management URL');
      const plain = await openPlain(url, undo);
      const allowed = makePlaces(plain, undo);
      const denied = makePlaces(plain, undo);
      const admin = await openBroker(url, undo);
      await admin.port.provision({
        topics: [allowed.topic, denied.topic],
        consumers: [allowed.consumer, denied.consumer],
      });
      const user = `limited-${randomUUID()}`;
      await askManagement(managementUrl, `/api/users/${user}`, { body: { password: 'limited', tags: '' } });
      undo.add(() => askManagement(managementUrl, `/api/users/${user}`, { method: 'DELETE' }));
      await askManagement(managementUrl, `/api/permissions/%2F/${user}`, {
        body: { configure: '^$', write: `^${allowed.exchange}$`, read: '.*' },
      });
      const broker = await openBroker(`amqp://${user}:limited@127.0.0.1:${port}`, undo);
      await expect(broker.port.provision({ topics: [denied.topic], consumers: [] })).rejects.toEqual(
        code('BC_PERMISSION'),
      );
      const outcomes = await Promise.all(
        Array.from({ length: 200 }, (_, index) =>
          broker.publish(index % 50 === 25 ? denied.topic : allowed.topic, message()),
        ),
      );
      outcomes.forEach((outcome, index) => {
        if (index % 50 === 25) {
          expect(outcome).toMatchObject({ status: 'failed', error: { code: 'BC_PERMISSION' } });
        } else expect(outcome).toBe(STORED);
      });
    });
  });
});
