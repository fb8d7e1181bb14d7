import type { Finding } from './finding.js';
import type { HistoryEvent, Waiting } from './history-event.js';
import { mapOf, type Publishes } from './publishes.js';

/** What became of one message at one consumer. */
interface Fate {
  /** The last thing that happened to it. */
  last: HistoryEvent | undefined;
  hasEnded: boolean;
  waiting: Waiting | undefined;
}

/** Whose fate is judged. */
interface Case {
  readonly consumer: string;
  readonly id: string;
  readonly fate: Fate | undefined;
  readonly publishes: Publishes | undefined;
}

/** Finds messages without an end: LOST, STRANDED and LIVENESS. */
export function findMissing(
  history: readonly HistoryEvent[],
  publishes: ReadonlyMap<string, Publishes>,
): Finding[] {
  const fates = readFates(history);
  const isHealed = history.some(({ type }) => type === 'healed');
  const findings: Finding[] = [];
  const judge = (one: Case): void => {
    const finding = judgeCase(one, isHealed);
    if (finding) findings.push(finding);
  };
  for (const { consumer, id } of owed(history, publishes)) {
    const fate = fates.get(consumer)?.get(id);
    fates.get(consumer)?.delete(id);
    judge({ consumer, id, fate, publishes: publishes.get(id) });
  }
  for (const [consumer, rest] of fates)
    for (const [id, fate] of rest) judge({ consumer, id, fate, publishes: publishes.get(id) });
  return findings;
}

/** Every message that a consumer is owed, if it is stored. */
function* owed(history: readonly HistoryEvent[], publishes: ReadonlyMap<string, Publishes>) {
  const declared = new Map<string, Set<string>>();
  for (const event of history) {
    if (event.type !== 'consumer') continue;
    const consumers = declared.get(event.topic) ?? new Set();
    declared.set(event.topic, consumers.add(event.consumer));
  }
  for (const [id, { invoked }] of publishes)
    for (const consumer of declared.get(invoked.topic) ?? []) yield { consumer, id };
}

function readFates(history: readonly HistoryEvent[]): Map<string, Map<string, Fate>> {
  const fates = new Map<string, Map<string, Fate>>();
  for (const event of history) {
    if (!('consumer' in event && 'id' in event)) continue;
    const ofConsumer = mapOf(fates, event.consumer);
    const fate = ofConsumer.get(event.id) ?? { last: undefined, hasEnded: false, waiting: undefined };
    ofConsumer.set(event.id, fate);
    fate.last = event;
    if (event.type === 'waiting') fate.waiting = event;
    if (ENDS.has(event.type)) fate.hasEnded = true;
  }
  return fates;
}

const ENDS: ReadonlySet<HistoryEvent['type']> = new Set(['effect', 'dead-letter', 'dropped']);

function judgeCase({ consumer, id, fate, publishes }: Case, isHealed: boolean): Finding | undefined {
  if (fate?.hasEnded) return undefined;
  const events = [publishes?.invoked, publishes?.ended, fate?.last].filter((event) => event !== undefined);
  const finding = (kind: Finding['kind'], what: string): Finding => ({ kind, consumer, id, events, what });
  if (fate?.waiting) {
    if (!isHealed) return undefined;
    return finding('LIVENESS', `${id} still waits for "${consumer}" although every fault is over.`);
  }
  const last = fate?.last ? `the last that was seen of it is "${fate.last.type}"` : 'it was never delivered';
  if (publishes?.ended?.type === 'publish-ok')
    return finding('LOST', `${id} was acknowledged and "${consumer}" never ended it: ${last}.`);
  if (fate === undefined) return undefined;
  return finding('STRANDED', `${id} reached "${consumer}", which never ended it: ${last}.`);
}
