import RequestQueue from 'kafkajs/src/network/requestQueue/index.js';

let isFixed = false;

/**
 * kafkajs 2.2.4 looks at the queue of every connection once a millisecond, for ever, although nothing waits in it
 * (12 idle connections: 6 % of a core; on Node.js ≥ 24 a warning about a negative timeout too). This leaves the check
 * out when nothing is pending: answers and new requests look at the queue by themselves.
 */
export function stopIdlePolling(): void {
  if (isFixed) return;
  isFixed = true;
  const queue = RequestQueue.prototype;
  const schedule = queue.scheduleCheckPendingRequests;
  if (typeof schedule !== 'function') return;
  queue.scheduleCheckPendingRequests = function scheduleWhenPending(this: RequestQueue): void {
    if (this.pending.length > 0) schedule.call(this);
  };
}
