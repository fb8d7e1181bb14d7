/** Every header that is ours, by what it means. All values are UTF-8 strings. */
export const HEADERS = {
  id: 'bc-id',
  key: 'bc-key',
  publishedAt: 'bc-published-at',
  contentType: 'content-type',
  traceparent: 'traceparent',
  tracestate: 'tracestate',
  expiresAt: 'bc-expires-at',
  /** An AMQP message with an empty body that stands for a Kafka null. */
  tombstone: 'bc-tombstone',
  /** Types of header values that a broker with bytes only cannot tell; never leaves the adapter. */
  headerTypes: 'bc-header-types',
  attempt: 'bc-attempt',
  firstFailedAt: 'bc-first-failed-at',
  dueAt: 'bc-due-at',
  consumer: 'bc-consumer',
  originalTopic: 'original-topic',
  failedAt: 'failed-at',
  originalPartition: 'original-partition',
  originalOffset: 'original-offset',
  originalExchange: 'original-exchange',
  originalRoutingKey: 'original-routing-key',
  originalQueue: 'original-queue',
  failedConsumer: 'failed-consumer',
  reason: 'bc-reason',
  errorType: 'error-type',
  errorMessage: 'error-message',
  errorStack: 'error-stack',
  replayCount: 'bc-replay-count',
  replayedAt: 'bc-replayed-at',
  replayedBy: 'bc-replayed-by',
} as const;

/** Prefix of control headers; refused from callers. */
export const RESERVED_PREFIX = 'bc-';

/** Bytes that a caller's own headers may take together, and that are kept free for the headers of copies. */
export const USER_HEADERS_MAX_BYTES = 32 * 1024;
