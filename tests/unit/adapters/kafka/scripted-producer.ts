import type {
  PartitionAnswer,
  PartitionBatch,
  PartitionInfo,
  ProducerClient,
} from '../../../../src/adapters/kafka/driver.js';

/** What becomes of one request. */
export type RequestFate =
  | { readonly kind: 'answer' }
  /** Nothing is stored and the request is rejected. */
  | { readonly kind: 'lost' }
  /** Everything is stored, but the answer never comes. */
  | { readonly kind: 'unanswered' }
  /** These partitions are neither stored nor named in the answer, as a client with wrong tables does. */
  | { readonly kind: 'silent'; readonly partitions: readonly number[] }
  /** These partitions are answered with the code and not stored. */
  | { readonly kind: 'refused'; readonly code: number; readonly partitions: readonly number[] };

/** A request as it arrived. */
export interface SeenRequest {
  readonly node: number;
  readonly batches: readonly PartitionBatch[];
}

/** A cluster behind the producer port, whose every answer is scripted; it keeps what it stored. */
export class ScriptedProducer implements ProducerClient {
  readonly requests: SeenRequest[] = [];
  readonly stored = new Map<string, string[]>();
  leaders: number[] | null;
  /** Largest batch that is taken, in records. */
  fateOf: (request: SeenRequest, index: number) => RequestFate = () => ({ kind: 'answer' });
  descriptions = 0;
  describeError: Error | null = null;
  openError: Error | null = null;
  underWay = 0;
  mostUnderWay = new Map<string, number>();

  constructor(leaders: number[] | null) {
    this.leaders = leaders;
  }

  async connect(): Promise<void> {}

  async open(): Promise<void> {
    if (this.openError !== null) throw this.openError;
  }

  async describe(): Promise<readonly PartitionInfo[] | null> {
    this.descriptions += 1;
    if (this.describeError !== null) throw this.describeError;
    return this.leaders?.map((leader, partition) => ({ partition, leader, replicas: 1 })) ?? null;
  }

  async produce(node: number, batches: readonly PartitionBatch[]): Promise<readonly PartitionAnswer[]> {
    const request = { node, batches };
    const fate = this.fateOf(request, this.requests.length);
    this.requests.push(request);
    await new Promise(setImmediate);
    if (fate.kind === 'lost') throw new Error('connection reset');
    const answers: PartitionAnswer[] = [];
    for (const batch of batches) {
      const isHit = 'partitions' in fate && fate.partitions.includes(batch.partition);
      const errorCode = this.#codeFor(batch, { node, fate, isHit });
      if (errorCode === 0) this.#store(batch);
      if (errorCode !== null) {
        answers.push({ topic: batch.topic, partition: batch.partition, errorCode });
      }
    }
    if (fate.kind === 'unanswered') throw new Error('request timed out');
    return answers;
  }

  #codeFor(
    batch: PartitionBatch,
    { node, fate, isHit }: { node: number; fate: RequestFate; isHit: boolean },
  ): number | null {
    const notLeader = 6;
    if (this.leaders?.[batch.partition] !== node) return notLeader;
    if (isHit && fate.kind === 'silent') return null;
    return isHit && fate.kind === 'refused' ? fate.code : 0;
  }

  #store(batch: PartitionBatch): void {
    const key = `${batch.topic}/${batch.partition}`;
    const log = this.stored.get(key) ?? [];
    this.stored.set(key, log);
    for (const { value } of batch.records) log.push(String(value));
  }

  close(): void {}
}
