import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { TlsSettings } from '../../../src/contract/settings.js';
import { type Certificates, createCertificates } from '../../support/certificates.js';
import { describeWithServers } from '../../support/servers/describe-with-servers.js';
import { type RabbitServer, startRabbit } from '../../support/servers/rabbitmq.js';
import {
  attachRecorder,
  type Cleanup,
  cleanup,
  makeBroker,
  makePlaces,
  message,
  openBroker,
  openPlain,
  STORED,
  type Told,
  untilHolds,
  VERSIONS,
} from './harness.js';

const isTold =
  (name: Told['name']) =>
  (one: Told): boolean =>
    one.name === name;

describeWithServers('a RabbitMQ of its own', { own: VERSIONS }, () => {
  describe.each(['3.10', '4.0'] as const)('%s', (version) => {
    let certificates: Certificates;
    let rabbit: RabbitServer;
    let undo: Cleanup;
    beforeAll(async () => {
      certificates = createCertificates();
      rabbit = await startRabbit({ version, tls: certificates, clientCertificates: true });
    }, 60_000);
    afterAll(() => rabbit.dispose());
    beforeEach(() => {
      undo = cleanup();
    });
    afterEach(() => undo.run());

    test('blocks publishers in a memory alarm, says so, and takes everything afterwards', async () => {
      const plain = await openPlain(rabbit.url, undo);
      const { topic, consumer } = makePlaces(plain, undo);
      const broker = await openBroker(rabbit.url, undo, { settings: { requestTimeoutMs: 1_000 } });
      await broker.port.provision({ topics: [topic], consumers: [consumer] });
      const { seen } = await attachRecorder(broker, consumer);
      await rabbit.memoryAlarm(true);
      const sent = Array.from({ length: 500 }, () => message());
      const outcomes = Promise.all(sent.map((one) => broker.publish(topic, one)));
      await broker.told.until(isTold('broker-blocked'));
      expect(broker.port.health()).toMatchObject({ state: 'degraded' });
      expect(await broker.port.depth(consumer)).not.toBeNull();
      await rabbit.memoryAlarm(false);
      await broker.told.until(isTold('broker-unblocked'));
      expect((await outcomes).every((one) => one === STORED)).toBe(true);
      await seen.until(() => true, sent.length);
      expect(broker.told.all.filter(isTold('broker-lost'))).toEqual([]);
      expect(broker.port.health()).toEqual({ state: 'up', pendingPublishes: 0 });
    });

    test('keeps a copy whose way back is closed when its delay is over, and sends it once there is one', async () => {
      // The server looks every 3 min whether there is a way again; the queue takes that over when it is declared.
      const seconds = '[application:set_env(rabbit, dead_letter_worker_publisher_confirm_timeout, 1000)].';
      await rabbit.rabbitmqctl('eval', seconds);
      const plain = await openPlain(rabbit.url, undo);
      const { topic, consumer, queue } = makePlaces(plain, undo, { deferred: [100] });
      const broker = await openBroker(rabbit.url, undo);
      await broker.port.provision({ topics: [topic], consumers: [consumer] });
      await (await plain.channel()).deleteQueue(queue);
      const to = { retryOf: consumer, delayMs: 100 };
      expect(await broker.publish(to, message({ id: 'kept' }))).toBe(STORED);
      await untilHolds(plain, `${queue}_retry_100ms`, 0);
      await broker.port.provision({ topics: [topic], consumers: [consumer] });
      const { seen } = await attachRecorder(broker, consumer);
      expect((await seen.until(() => true))[0]?.message.id).toBe('kept');
    });

    test('is killed and restarted under load: everything that was stored is delivered', async () => {
      const { topic, consumer } = makePlaces(await openPlain(rabbit.url, cleanup()), cleanup());
      const first = await openBroker(rabbit.url, undo);
      await first.port.provision({ topics: [topic], consumers: [consumer] });
      await first.port.close({ deadlineMs: 2_000 });
      // RabbitMQ forgets a quorum queue that is younger than about two seconds when it is killed, with all that it
      // confirmed; an orderly restart writes down which queues there are.
      await rabbit.stop();
      await rabbit.start();
      const broker = await openBroker(rabbit.url, undo, { publishTimeoutMs: 60_000 });
      const { seen, ids } = await attachRecorder(broker, consumer);
      const sent = Array.from({ length: 6_000 }, () => message());
      const outcomes = sent.map((one) => broker.publish(topic, one));
      await seen.until(() => true, 1_000);
      await rabbit.kill();
      await broker.told.until(isTold('broker-lost'));
      await rabbit.start();
      const notStored = (await Promise.all(outcomes)).filter((one) => one !== STORED);
      expect(notStored).toEqual([]);
      await broker.told.until(isTold('broker-recovered'), 2);
      const wanted = new Set(sent.map((one) => one.id));
      for (const id of ids()) wanted.delete(id);
      await Promise.all([...wanted].map((id) => seen.until(({ message: one }) => one.id === id)));
    }, 90_000);

    const connect = (tls: TlsSettings | undefined, url = rabbit.tlsUrl as string) =>
      makeBroker(url, undo, { settings: { ...(tls && { tls }), connectionTimeoutMs: 3_000 } }).port.connect(
        AbortSignal.timeout(10_000),
      );

    test('speaks TLS with a client certificate', async () => {
      const { ca, client } = certificates;
      await connect({ ca, cert: client.certificate, key: client.key });
    });

    test('refuses a server that an unknown authority vouches for', async () => {
      await expect(connect(undefined)).rejects.toMatchObject({ code: 'BC_TLS' });
    });

    test('refuses a server of another name', async () => {
      const { ca, client } = certificates;
      const tls = { ca, cert: client.certificate, key: client.key, serverName: 'elsewhere.example' };
      await expect(connect(tls)).rejects.toMatchObject({ code: 'BC_TLS' });
    });

    test('refuses a client without a certificate', async () => {
      await expect(connect({ ca: certificates.ca })).rejects.toMatchObject({ code: 'BC_TLS' });
    });

    test('says that a TLS port was spoken to in plain', async () => {
      const plain = `amqp://guest:guest@127.0.0.1:${new URL(rabbit.tlsUrl as string).port}`;
      await expect(connect(undefined, plain)).rejects.toMatchObject({ code: 'BC_PROTOCOL' });
    });
  });
});
