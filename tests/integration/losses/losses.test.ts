import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { describeWithServers } from '../../support/servers/describe-with-servers.js';
import { type ClusterTools, startTools } from './cluster-tools.js';
import { SCENARIOS, type Scenario } from './scenarios.js';
import { type OpenSender, openBusSender, openPlainSender } from './senders.js';

jest.setTimeout(90_000);

describeWithServers('messages that were acknowledged', { own: ['kafka'] }, () => {
  let tools: ClusterTools;
  let ran = 0;
  const rows: string[] = [];
  beforeAll(async () => {
    tools = await startTools();
  });
  afterAll(async () => {
    process.stdout.write(`acknowledged / lost\n${rows.join('\n')}\n`);
    await tools?.dispose();
  });

  const play = async ({ title, run }: Scenario, who: string, open: OpenSender) => {
    ran += 1;
    const topic = `losses_${ran}`;
    const { acked, faults } = await run({ tools, topic, open });
    const stored = new Set([...(await tools.stored(topic)).values()].flat());
    const lost = acked.filter((id) => !stored.has(id));
    rows.push(`${acked.length} / ${lost.length}  ${who}  ${title}`);
    expect(faults).toBeGreaterThan(0);
    expect(acked.length).toBeGreaterThan(0);
    return { acked, lost };
  };

  describe.each(SCENARIOS)('$title', (scenario) => {
    test('kafkajs loses some of them', async () => {
      const { lost } = await play(scenario, 'kafkajs', openPlainSender);
      expect(lost.length).toBeGreaterThan(0);
    });

    test('the bus loses none', async () => {
      const { lost } = await play(scenario, 'bus', openBusSender);
      expect(lost).toEqual([]);
    });
  });
});
