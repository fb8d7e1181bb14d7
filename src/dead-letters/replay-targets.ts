import type { ReplayTarget } from '../contract/dead-letter-desk.js';
import { queueOf, retryTopicOf } from '../messages/names.js';
import type { ReplayPlace } from './desk-parts.js';

/** The place from which a copy comes to the consumer alone, at once. */
const placeNameOf = ({ broker, consumer }: ReplayPlace): string =>
  broker === 'kafka' ? retryTopicOf(consumer, 0) : queueOf(consumer);

/** Counts letters by where they go. */
export class ReplayTargets {
  readonly #byPlace = new Map<string, ReplayTarget>();
  total = 0;

  add(place: ReplayPlace): void {
    const { broker, consumer } = place;
    const target = { consumer: consumer.name, broker, place: placeNameOf(place) };
    const key = `${target.consumer}/${broker}`;
    this.#byPlace.set(key, { ...target, letters: (this.#byPlace.get(key)?.letters ?? 0) + 1 });
    this.total += 1;
  }

  report(): readonly ReplayTarget[] {
    return [...this.#byPlace.values()];
  }
}
