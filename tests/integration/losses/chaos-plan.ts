import type { Random } from '../../../src/contract/clock.js';
import type { Fault } from '../../support/proxy-faults.js';
import type { Load } from './chaos-load.js';
import type { ClusterTools } from './cluster-tools.js';

/** What chaos is played on. */
export interface Stage {
  readonly tools: ClusterTools;
  readonly topic: string;
  readonly load: Load;
  readonly random: Random;
}

/** Each resolves when it was seen to happen. */
const FAULTS: Readonly<Record<string, (stage: Stage) => Promise<void>>> = {
  'request reset': (stage) => hit(stage, { on: 'request', frame: 'produce', do: 'reset' }),
  'reply reset': (stage) => hit(stage, { on: 'reply', frame: 'produce', do: 'reset' }),
  'reply swallowed': (stage) => hit(stage, { on: 'reply', frame: 'produce', do: 'swallow' }),
  'replies delayed': (stage) =>
    hit(stage, { on: 'reply', frame: 'produce', do: 'delay', delayMs: 300, times: 5 }),
  'connections ended': async (stage) => {
    const ended = await stage.tools.proxy(await aLeader(stage)).hangUp();
    if (ended === 0) throw new Error('nothing was connected to a node that leads a partition');
  },
  'leader moved': async (stage) => {
    const { length } = await stage.tools.leaders(stage.topic);
    await stage.tools.moveLeader(stage.topic, Math.floor(stage.random() * length));
  },
  'broker killed and restarted': async (stage) => {
    const node = stage.tools.cluster.node(await aLeader(stage));
    await node.kill();
    await stage.load.more(200);
    await node.start();
  },
};

/** The names of what can happen. */
export const FAULT_NAMES = Object.keys(FAULTS);

/**
 * Plays a round: every fault once, in an order, on nodes and after pauses that `random` chooses. A pause is over after so
 * many more acknowledgements. Resolves when every fault was seen to happen.
 */
export async function playRound(stage: Stage): Promise<void> {
  for (const name of shuffled(FAULT_NAMES, stage.random)) {
    await stage.load.more(50 + Math.floor(stage.random() * 400));
    await FAULTS[name]?.(stage);
  }
}

/** Places a fault before a random node and waits until it has hit. */
async function hit(stage: Stage, fault: Fault): Promise<void> {
  const placed = stage.tools.proxy(await aLeader(stage)).fault(fault);
  await placed.happened;
}

/** A node that leads a partition: what meets a fault is a node that records are sent to. */
async function aLeader({ tools, topic, random }: Stage): Promise<number> {
  const nodes = [...new Set(await tools.leaders(topic))].filter((node) => node > 0).sort();
  return nodes[Math.floor(random() * nodes.length)] as number;
}

function shuffled<Item>(items: readonly Item[], random: Random): Item[] {
  return items
    .map((item) => ({ item, at: random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item);
}
