import { type AddressInfo, createServer } from 'node:net';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { STORED } from '../../../src/contract/broker.js';
import type { KafkaSettings, SaslSettings, TlsSettings } from '../../../src/contract/settings.js';
import { type Certificates, createCertificates } from '../../support/certificates.js';
import { describeWithServers } from '../../support/servers/describe-with-servers.js';
import { type KafkaCluster, startKafka } from '../../support/servers/kafka.js';
import {
  closeBrokersAfterEach,
  makeBroker,
  openBroker,
  recordingSpec,
  send,
  someConsumer,
  someMessage,
  someTopic,
} from './kafka-harness.js';

const START_MS = 60_000;
const USER = { username: 'orders', password: 'p@ss/word:%' };

const connectTo = (brokers: readonly string[], settings: Partial<KafkaSettings> = {}): Promise<void> =>
  makeBroker(brokers, { settings }).broker.connect(new AbortController().signal);

describeWithServers('Kafka security', { own: ['kafka'] }, () => {
  let certificates: Certificates;
  let stranger: Certificates;
  let cluster: KafkaCluster;
  let tls: TlsSettings;
  beforeAll(async () => {
    certificates = createCertificates();
    stranger = createCertificates();
    cluster = await startKafka({ tls: certificates, clientCertificates: true, sasl: USER });
    tls = { ca: certificates.ca, cert: certificates.client.certificate, key: certificates.client.key };
  }, START_MS);
  afterAll(() => cluster?.dispose());
  closeBrokersAfterEach();

  const unsignedToken = (): string => {
    const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
    const nowS = Math.floor(Date.now() / 1_000);
    return `${part({ alg: 'none' })}.${part({ sub: 'orders', iat: nowS, exp: nowS + 600 })}.`;
  };
  const mechanisms: readonly SaslSettings[] = [
    { mechanism: 'plain', ...USER },
    { mechanism: 'scram-sha-256', ...USER },
    { mechanism: 'scram-sha-512', ...USER },
    { mechanism: 'oauthbearer', token: async () => unsignedToken() },
  ];

  test.each(mechanisms.map((sasl) => [sasl.mechanism, sasl] as const))(
    'messages go both ways over TLS with %s',
    async (_, sasl) => {
      const { broker } = await openBroker(cluster.brokers, { settings: { tls, sasl } });
      const topic = someTopic({ partitions: 1 });
      const consumer = someConsumer(topic);
      await broker.provision({ topics: [topic], consumers: [consumer] });
      expect(await send(broker.publisher({ kind: 'topic', topic }), someMessage('m')).outcome).toBe(STORED);
      const { spec, deliveries } = recordingSpec(consumer);
      await broker.attach(spec);
      expect((await deliveries.count(1))[0]?.message.id).toBe('m');
    },
  );

  test.each(['plain', 'scram-sha-256'] as const)(
    'a wrong password for %s is refused at once',
    async (mechanism) => {
      const sasl = { mechanism, username: USER.username, password: 'wrong-secret' };
      const refused = connectTo(cluster.brokers, { tls, sasl });
      await expect(refused).rejects.toMatchObject({ code: 'BC_AUTHENTICATION' });
      await expect(refused).rejects.not.toThrow(/wrong-secret/);
    },
  );

  test('an unknown certificate authority is refused at once', async () => {
    const settings = { tls: { ...tls, ca: stranger.ca }, sasl: mechanisms[0] as SaslSettings };
    await expect(connectTo(cluster.brokers, settings)).rejects.toMatchObject({ code: 'BC_TLS' });
  });

  test('plain text on a TLS port is refused at once', async () => {
    await expect(connectTo(cluster.brokers)).rejects.toMatchObject({ code: 'BC_TLS' });
  });
});

describeWithServers('Kafka on the wrong port', { shared: ['kafka'] }, ({ kafka }) => {
  closeBrokersAfterEach();
  let closeServer: (() => void) | undefined;
  afterEach(() => closeServer?.());

  /** A server that answers every connection with these bytes, or with silence. */
  const answering = async (bytes: string | null): Promise<string> => {
    const server = createServer((socket) => {
      socket.on('error', () => {});
      socket.once('data', () => bytes !== null && socket.write(Buffer.from(bytes, 'latin1')));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    closeServer = () => server.close();
    return `127.0.0.1:${(server.address() as AddressInfo).port}`;
  };

  test('TLS on a plain port is refused at once', async () => {
    await expect(connectTo(kafka.brokers, { tls: {} })).rejects.toMatchObject({ code: 'BC_TLS' });
  });

  test.each([
    ['HTTP', 'HTTP/1.1 400 Bad Request\r\n\r\n'],
    ['AMQP', 'AMQP\x00\x00\x09\x01'],
    ['a frame of 2 GB', '\x7f\xff\xff\xff'],
    ['a negative length', '\xff\xff\xff\xff'],
  ])('a port that answers with %s is refused at once', async (_, bytes) => {
    const address = await answering(bytes);
    await expect(connectTo([address])).rejects.toMatchObject({ code: 'BC_PROTOCOL' });
  });

  test('a port that never answers is given up when the caller does', async () => {
    const address = await answering(null);
    const { broker } = makeBroker([address], {
      settings: { connectionTimeoutMs: 200, requestTimeoutMs: 200 },
    });
    const refused = broker.connect(AbortSignal.timeout(600));
    await expect(refused).rejects.toMatchObject({ code: 'BC_BROKER_UNAVAILABLE' });
  });

  test('a port that nobody listens on is tried until the caller gives up', async () => {
    const { broker, event } = makeBroker(['127.0.0.1:1']);
    const refused = broker.connect(AbortSignal.timeout(300));
    await expect(refused).rejects.toMatchObject({ code: 'BC_BROKER_UNAVAILABLE' });
    expect(await event('broker-connecting')).toMatchObject({ address: '127.0.0.1:1' });
  });

  test('a dead broker in the list does not keep the others from being found', async () => {
    await connectTo(['127.0.0.1:1', ...kafka.brokers]);
    await connectTo([...kafka.brokers, '127.0.0.1:1']);
  });
});
