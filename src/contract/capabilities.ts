/** What a broker can and cannot do, as data: checked when definitions and configuration are read, never at delivery. */
export interface Capabilities {
  /** `partition`: messages of one key are stored in order in one of several partitions. `queue`: one order per queue. */
  readonly ordering: 'partition' | 'queue';
  /** Each message is settled by itself; otherwise by position, contiguously. */
  readonly settlesSingly: boolean;
  /** An empty body and a null body differ natively. */
  readonly hasTombstones: boolean;
  /** A message that no consumer place is bound for is reported. */
  readonly reportsUnroutable: boolean;
  /** Header values keep their type natively (numbers, null, tables); otherwise all are bytes. */
  readonly hasTypedHeaders: boolean;
  /** The broker itself gives up on a message after so many deliveries. */
  readonly limitsDeliveries: boolean;
  /** Messages stay after they were settled. */
  readonly retains: boolean;
}
