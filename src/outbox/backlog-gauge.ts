import type { Clock, Timer } from '../contract/clock.js';
import type { EmitEvent } from '../contract/events.js';
import { BROKER_NAMES } from '../contract/message.js';
import type { Outbox } from '../contract/outbox.js';
import type { StoreWatch } from './store-watch.js';

/** How often the backlog is measured, ms. */
const MEASURE_MS = 5_000;

/** What waits longer is told, ms. */
const LAGGING_MS = 30_000;

/** What a gauge is made of. */
export interface BacklogGaugeOptions {
  readonly outbox: Outbox;
  readonly watch: StoreWatch;
  readonly clock: Clock;
  readonly emit: EmitEvent;
}

/** Measures what waits for every broker, those that this process does not reach too, and tells when it lags. */
export class BacklogGauge {
  readonly #options: BacklogGaugeOptions;
  #timer: Timer | null = null;
  #isStopped = false;
  #isMeasuring = false;
  #isLagging = false;
  #pending = 0;
  #parked = 0;
  #oldestAtMs: number | null = null;

  constructor(options: BacklogGaugeOptions) {
    this.#options = options;
  }

  /** As measured last; the age goes on while the store is away. */
  reading(): { pending: number; parked: number; oldestAgeMs: number; isLagging: boolean } {
    const oldestAgeMs =
      this.#oldestAtMs === null ? 0 : Math.max(0, this.#options.clock.epochMs() - this.#oldestAtMs);
    return { pending: this.#pending, parked: this.#parked, oldestAgeMs, isLagging: this.#isLagging };
  }

  start(): void {
    if (this.#isMeasuring || this.#isStopped) return;
    this.#isMeasuring = true;
    void this.#measure()
      .catch(() => undefined) // told by the watch
      .then(() => {
        this.#isMeasuring = false;
        if (!this.#isStopped) this.#timer = this.#options.clock.schedule(() => this.start(), MEASURE_MS);
      });
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
  }

  async #measure(): Promise<void> {
    const { outbox, watch } = this.#options;
    const backlogs = await Promise.all(BROKER_NAMES.map((broker) => watch.ask(() => outbox.backlog(broker))));
    const oldest = backlogs.flatMap(({ oldestAtMs }) => (oldestAtMs === null ? [] : [oldestAtMs]));
    this.#pending = backlogs.reduce((sum, { pending }) => sum + pending, 0);
    this.#parked = backlogs.reduce((sum, { parked }) => sum + parked, 0);
    this.#oldestAtMs = oldest.length === 0 ? null : Math.min(...oldest);
    this.#tell();
  }

  #tell(): void {
    const { pending, oldestAgeMs } = this.reading();
    const isLagging = oldestAgeMs > LAGGING_MS;
    if (isLagging === this.#isLagging) return;
    this.#isLagging = isLagging;
    if (isLagging) this.#options.emit('outbox-lagging', { pending, oldestAgeMs });
    else this.#options.emit('outbox-caught-up', { pending });
  }
}
