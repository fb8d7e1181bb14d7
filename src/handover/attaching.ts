import type { BrokerPort, Leg, LegSpec } from '../contract/broker.js';
import type { Clock } from '../contract/clock.js';
import { BuscouplerError } from '../contract/errors.js';

/** Longest wait for a broker to feed a leg, ms: a Kafka group waits for members that died, session and rebalance. */
const ATTACH_TIMEOUT_MS = 120_000;

/** Time that a leg which came too late is given to leave, ms. */
const LEAVE_MS = 1_000;

/** One attach under way, which can be given up. */
export class Attaching {
  readonly #attached: Promise<Leg>;
  /** Resolves with the leg, or rejects because it was given up or could not be attached. */
  readonly leg: Promise<Leg>;
  /** Set when it was given up: resolves once whatever comes of it has left. Never rejects. */
  gone: Promise<void> | null = null;
  #reject!: (error: BuscouplerError) => void;
  #isOver = false;

  constructor(port: BrokerPort, spec: LegSpec, clock: Clock) {
    this.#attached = port.attach(spec);
    const what = `${port.name} did not feed "${spec.consumer.name}" within ${ATTACH_TIMEOUT_MS} ms.`;
    const timer = clock.schedule(
      () => this.giveUp(new BuscouplerError('BC_BROKER_UNAVAILABLE', what)),
      ATTACH_TIMEOUT_MS,
    );
    this.leg = new Promise((resolve, reject) => {
      const end = (): void => {
        this.#isOver = true;
        timer.cancel();
      };
      this.#reject = (error) => {
        end();
        reject(error);
      };
      this.#attached.then((leg) => {
        if (this.#isOver) return;
        end();
        resolve(leg);
      }, this.#reject);
    });
  }

  /** A leg that is attached all the same leaves at once. */
  giveUp(error: BuscouplerError): void {
    if (this.#isOver) return;
    this.#reject(error);
    // Nobody is left to be told of a leg that fails to come or to leave.
    this.gone = this.#attached.then((leg) => leg.detach({ deadlineMs: LEAVE_MS })).catch(() => undefined);
  }
}
