import type { FaultProxy } from '../../support/proxy.js';
import { type ClusterTools, NODES } from './cluster-tools.js';
import type { OpenSender, Outgoing, Sender, SenderSettings } from './senders.js';

/** How a scenario went. */
export interface Outcome {
  /** Ids that the sender was told to be stored. */
  readonly acked: readonly string[];
  /** How often its fault was seen to happen. */
  readonly faults: number;
}

/** What a scenario is run on. */
export interface Run {
  readonly tools: ClusterTools;
  /** Unique; the scenario creates it. */
  readonly topic: string;
  readonly open: OpenSender;
}

/** Something that happens to a cluster while records are sent to it. */
export interface Scenario {
  readonly title: string;
  readonly run: (run: Run) => Promise<Outcome>;
}

/** Creates the topic, opens a sender, makes it write to every partition once, hands it over and closes it. */
async function withSender(
  { tools, topic, open }: Run,
  stage: { leaders: readonly number[]; settings?: Partial<SenderSettings>; config?: Record<string, string> },
  play: (sender: Sender) => Promise<Outcome>,
): Promise<Outcome> {
  const { leaders, settings, config } = stage;
  await tools.createTopic(topic, leaders, config);
  const sender = await open({
    brokers: tools.cluster.brokers,
    topic,
    partitions: leaders.length,
    ...settings,
  });
  try {
    const warmed = await sender.send(leaders.map((_, partition) => ({ id: `warm-${partition}`, partition })));
    if (warmed.length < leaders.length) throw new Error('the sender did not work before the fault');
    return await play(sender);
  } finally {
    await tools.heal();
    await sender.close();
  }
}

const numbered = (stem: string, count: number, more: (index: number) => Partial<Outgoing> = () => ({})) =>
  Array.from({ length: count }, (_, index): Outgoing => ({ id: `${stem}-${index}`, ...more(index) }));

const LEADERS_OF_SIX = [1, 2, 3, 1, 2, 3];

const resetOneOfThree: Scenario = {
  title: 'K1: a reset of one connection while a batch without keys goes to three brokers',
  run: (run) =>
    withSender(run, { leaders: [...LEADERS_OF_SIX, 1] }, async (sender) => {
      const fault = run.tools.proxy(2).fault({ on: 'request', frame: 'produce', do: 'reset' });
      // The bus fills one partition after another: with fewer it may have nothing for the second node.
      const acked = await sender.send(numbered('keyless', 600));
      return { acked, faults: fault.hits };
    }),
};

const movedLeader: Scenario = {
  title: 'K1: a leader that moves before a batch with keys, and no other fault',
  run: (run) =>
    withSender(run, { leaders: LEADERS_OF_SIX }, async (sender) => {
      const partition = 0;
      const leader = await run.tools.moveLeader(run.topic, partition);
      const acked = await sender.send(numbered('keyed', 60, (index) => ({ partition: index % 6 })));
      return { acked, faults: leader === LEADERS_OF_SIX[partition] ? 0 : 1 };
    }),
};

const swallowedReply: Scenario = {
  title: 'K2: one reply that is swallowed while ten sends run, of an idempotent producer',
  run: (run) => {
    const settings = { requestTimeoutMs: 1_500, plain: { idempotent: true } };
    return withSender(run, { leaders: [1], settings }, async (sender) => {
      const fault = run.tools.proxy(1).fault({ on: 'reply', frame: 'produce', do: 'swallow' });
      const acked = await Promise.all(numbered('one', 10).map((record) => sender.send([record])));
      return { acked: acked.flat(), faults: fault.hits };
    });
  },
};

/** Above the 32 KiB that the bus keeps free for the headers of copies. */
const LOWERED_LIMIT_BYTES = 40_000;

const tooLarge: Scenario = {
  title: 'K3: a message above the limit of its topic, of an idempotent producer',
  run: (run) => {
    const settings = { plain: { idempotent: true, retries: 1 } };
    return withSender(run, { leaders: [1, 1, 2], settings }, async (sender) => {
      // Lowered under way, so that it is the broker that refuses.
      await run.tools.lowerLimit(run.topic, LOWERED_LIMIT_BYTES);
      const large = { id: 'large', partition: 0, bytes: LOWERED_LIMIT_BYTES + 1_000 };
      const first = await sender.send([large, { id: 'small', partition: 1 }]);
      const later: string[] = [];
      for (const record of numbered('later', 5, () => ({ partition: 1 })))
        later.push(...(await sender.send([record])));
      return { acked: [...first, ...later], faults: first.includes('large') ? 0 : 1 };
    });
  },
};

const shrunkTopic: Scenario = {
  title: 'S1: a topic that is made anew with fewer partitions while a sender knows the old ones',
  run: (run) =>
    withSender(run, { leaders: LEADERS_OF_SIX }, async (sender) => {
      await run.tools.deleteTopic(run.topic);
      await run.tools.createTopic(run.topic, [1]);
      const acked: string[] = [];
      for (const record of numbered('after', 12, (index) => ({ partition: index % 6 })))
        acked.push(...(await sender.send([record])));
      return { acked, faults: 1 };
    }),
};

/** Longer than a scenario: what is held is let go of by `heal`. */
const HELD = { do: 'delay', delayMs: 600_000, times: 1_000 } as const;
const SEED = 1;

const seedHangsUp: Scenario = {
  title: 'K10: the first broker hangs up while another one answers for the metadata',
  async run(run) {
    const { tools } = run;
    const settings = { brokers: tools.cluster.brokers.slice(SEED - 1, SEED) };
    return withSender(run, { leaders: LEADERS_OF_SIX, settings }, async (sender) => {
      const pending = await holdSendAndMetadata(run, sender);
      const faults = await tools.proxy(SEED).hangUp();
      await tools.heal();
      const acked = [...(await pending.sent)];
      await pending.touched;
      for (const record of numbered('after', 30, (index) => ({ partition: index % 6 })))
        acked.push(...(await sender.send([record])));
      return { acked, faults };
    });
  },
};

/**
 * Resolves while a send waits for the first broker's reply and a request for metadata for another one's. Which node is
 * asked for metadata is a throw of dice, so it is tried again; a client that asks only the first one is left at that.
 */
async function holdSendAndMetadata({ tools, topic }: Run, sender: Sender) {
  for (let tried = 1; ; tried += 1) {
    const other = `${topic}_other_${tried}`;
    await tools.createTopic(other, [2]);
    const held = tools.proxy(SEED).fault({ on: 'reply', frame: 'produce', ...HELD });
    const sent = sender.send([{ id: `held-${tried}`, partition: SEED - 1 }]);
    await held.happened;
    const asked = NODES.map(async (node) => {
      await (tools.proxy(node) as FaultProxy).fault({ on: 'reply', frame: 'metadata', ...HELD }).happened;
      return node;
    });
    const touched = sender.touch(other);
    if ((await Promise.race(asked)) !== SEED || tried === 12) return { sent, touched };
    await tools.heal();
    await Promise.all([sent, touched]);
  }
}

/** What kafkajs loses messages by, each proven on it first. */
export const SCENARIOS: readonly Scenario[] = [
  resetOneOfThree,
  movedLeader,
  swallowedReply,
  tooLarge,
  shrunkTopic,
  seedHangsUp,
];
