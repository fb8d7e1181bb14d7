/** A place in one partition of a Kafka topic. */
export interface LogPosition {
  readonly topic: string;
  readonly partition: number;
  /** In digits: offsets may be larger than numbers are exact. */
  readonly offset: string;
}

/** What a position looks like as text: `topic/partition/offset`. */
export const LOG_POSITION = /^([A-Za-z0-9._-]{1,249})\/(\d{1,9})\/(\d{1,18})$/;

/** Reads `topic/partition/offset`; `null`: it is not of that form. */
export function parseLogPosition(text: string): LogPosition | null {
  const match = LOG_POSITION.exec(text);
  if (match === null) return null;
  const [, topic, partition, offset] = match as unknown as [string, string, string, string];
  return { topic, partition: Number(partition), offset: BigInt(offset).toString() };
}

/** A position as `topic/partition/offset`. */
export const formatLogPosition = ({ topic, partition, offset }: LogPosition): string =>
  `${topic}/${partition}/${offset}`;
