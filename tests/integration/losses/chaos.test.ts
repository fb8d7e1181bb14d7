import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { heldBytes } from '../../../src/testing/contract/memory.js';
import { createSeededRandom } from '../../../src/testing/seeded-random.js';
import { describeWithServers } from '../../support/servers/describe-with-servers.js';
import { outOfOrder, startLoad } from './chaos-load.js';
import { FAULT_NAMES, playRound } from './chaos-plan.js';
import { type ClusterTools, startTools } from './cluster-tools.js';
import { type OpenSender, openBusSender, openPlainSender } from './senders.js';

/** Printed, so that a run can be repeated: the seed chooses the order of the faults, their nodes and the pauses. */
const SEED = Number(process.env.CHAOS_SEED ?? 20_261_125);
const SECONDS = Number(process.env.CHAOS_SECONDS ?? 15);
const LEADERS = [1, 2, 3, 1, 2, 3];
/** For the ids that were acknowledged, which the test keeps: some 100 bytes each. */
const GROWTH_MIB = 64;

jest.setTimeout(120_000 + SECONDS * 4_000);

/** What is held once the garbage is gone; what is resident breathes by more than a leak would show. */
const heldMib = async (): Promise<number> => (await heldBytes()) / 2 ** 20;

describeWithServers(`seeded chaos (CHAOS_SEED=${SEED})`, { own: ['kafka'] }, () => {
  let tools: ClusterTools;
  beforeAll(async () => {
    tools = await startTools();
  });
  afterAll(() => tools?.dispose());

  const play = async (topic: string, open: OpenSender) => {
    await tools.createTopic(topic, LEADERS);
    const { brokers } = tools.cluster;
    const sender = await open({ brokers, topic, partitions: LEADERS.length, requestTimeoutMs: 1_500 });
    const load = startLoad(sender);
    const stage = { tools, topic, load, random: createSeededRandom(SEED) };
    const endMs = performance.now() + SECONDS * 1_000;
    let rounds = 1;
    await playRound(stage);
    const warmMib = await heldMib();
    do {
      await playRound(stage);
      rounds += 1;
    } while (performance.now() < endMs);
    await tools.heal();
    await load.stop();
    const growthMib = (await heldMib()) - warmMib;
    await sender.close();
    const logs = [...(await tools.stored(topic)).values()];
    const stored = new Set(logs.flat());
    return {
      acked: load.acked,
      refused: load.refused,
      lost: load.acked.filter((id) => !stored.has(id)),
      unordered: logs.flatMap(outOfOrder),
      copies: logs.flat().length - stored.size,
      rounds,
      growthMib,
    };
  };

  const tell = (who: string, { acked, lost, ...run }: Awaited<ReturnType<typeof play>>) =>
    process.stdout.write(
      `${who}, CHAOS_SEED=${SEED}: ${acked.length} acknowledged / ${lost.length} lost, ${run.refused.length} refused, ` +
        `${run.unordered.length} out of order, ${run.copies} stored twice, ${Math.round(run.growthMib)} MiB more; ` +
        `${run.rounds} times each: ${FAULT_NAMES.join(', ')}\n`,
    );

  test('through kills and restarts of brokers, moved leaders and broken connections, nothing acknowledged is lost', async () => {
    const run = await play('chaos_bus', openBusSender);
    tell('bus', run);
    expect(run.lost).toEqual([]);
    expect(run.refused).toEqual([]);
    expect(run.unordered).toEqual([]);
    expect(run.growthMib).toBeLessThan(GROWTH_MIB);
  });

  test('a plain kafkajs producer goes through the same restarts and faults, with what it loses printed', async () => {
    const run = await play('chaos_plain', openPlainSender);
    tell('kafkajs', run);
    expect(run.acked.length).toBeGreaterThan(0);
  });
});
