import type { Delivery } from '../contract/broker.js';
import type { BrokerName } from '../contract/message.js';
import type { Pipeline } from '../delivery/pipeline.js';

/** Where one leg hands its deliveries over: to the pipeline, to a holding place while the other leg finishes, or nowhere. */
export class Intake {
  readonly broker: BrokerName;
  readonly #pipeline: Pipeline;
  #held: Delivery[] | null;
  #isClosed = false;

  constructor(pipeline: Pipeline, broker: BrokerName, { isHeld }: { readonly isHeld: boolean }) {
    this.#pipeline = pipeline;
    this.broker = broker;
    this.#held = isHeld ? [] : null;
  }

  readonly take = (delivery: Delivery): void => {
    if (this.#isClosed) return; // unsettled, it goes back when the leg leaves
    if (this.#held !== null) this.#held.push(delivery);
    else this.#pipeline.accept(delivery, this.broker);
  };

  /** What was held goes on, in its order. */
  release(): void {
    const held = this.#held ?? [];
    this.#held = null;
    for (const delivery of held) this.take(delivery);
  }

  /** Nothing that comes from now on is taken; returns how many were held. */
  close(): number {
    const held = this.#held?.length ?? 0;
    this.#isClosed = true;
    this.#held = null;
    return held;
  }
}
