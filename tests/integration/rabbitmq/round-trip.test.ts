import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { describeWithServers } from '../../support/servers/describe-with-servers.js';
import {
  attachRecorder,
  type Cleanup,
  cleanup,
  makePlaces,
  message,
  openBroker,
  openPlain,
  type Plain,
  STORED,
  VERSIONS,
} from './harness.js';

describeWithServers('publishing and consuming', { shared: VERSIONS }, (servers) => {
  for (const version of VERSIONS) {
    let undo: Cleanup;
    let plain: Plain;
    const { url } = servers[version];
    beforeEach(async () => {
      undo = cleanup();
      plain = await openPlain(url, undo);
    });
    afterEach(() => undo.run());

    test(`carries 20,000 messages, each once, on ${version}`, async () => {
      const { topic, consumer } = makePlaces(plain, undo);
      const broker = await openBroker(url, undo);
      await broker.port.provision({ topics: [topic], consumers: [consumer] });
      const { seen, ids } = await attachRecorder(broker, consumer);
      const sent = Array.from({ length: 20_000 }, () => message());
      const outcomes = await Promise.all(sent.map((one) => broker.publish(topic, one)));
      expect(outcomes.every((outcome) => outcome === STORED)).toBe(true);
      await seen.until(() => true, sent.length);
      expect(ids()).toEqual(sent.map((one) => one.id));
      expect(broker.port.health()).toEqual({ state: 'up', pendingPublishes: 0 });
    });

    test(`leaves nothing unsettled behind when a leg is detached on ${version}`, async () => {
      const { topic, consumer } = makePlaces(plain, undo);
      const broker = await openBroker(url, undo);
      await broker.port.provision({ topics: [topic], consumers: [consumer] });
      const { seen, leg } = await attachRecorder(broker, consumer);
      await Promise.all(Array.from({ length: 100 }, () => broker.publish(topic, message())));
      await seen.until(() => true, 100);
      await leg.drain();
      await leg.detach({ deadlineMs: 2_000 });
      expect(leg.status()).toEqual({ state: 'stopped', unsettled: 0, waiting: null });
      expect(await broker.port.depth(consumer)).toBe(0);
    });
  }
});
