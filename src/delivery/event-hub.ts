import type { BusEventName, BusEvents, EmitEvent } from '../contract/events.js';
import { isThenable } from '../messages/thenable.js';

/** One registration; the same function may be registered twice. */
interface Registration {
  readonly listener: (event: never) => unknown;
}

/** Hands events to listeners; a listener that throws or rejects harms nobody. */
export interface EventHub {
  readonly emit: EmitEvent;
  on<Name extends BusEventName>(name: Name, listener: (event: BusEvents[Name]) => void): () => void;
}

/** Makes a hub. `onListenerError` is told what a listener threw. */
export function createEventHub(onListenerError: (error: unknown, name: BusEventName) => void): EventHub {
  const registrations = new Map<BusEventName, Set<Registration>>();

  const tellError = (error: unknown, name: BusEventName): void => {
    try {
      onListenerError(error, name);
    } catch {
      // Nobody is left to be told.
    }
  };

  return {
    emit(name, event) {
      // A copy: a listener may add and remove others.
      for (const { listener } of [...(registrations.get(name) ?? [])]) {
        try {
          const result = (listener as (event: BusEvents[typeof name]) => unknown)(event);
          if (isThenable(result)) result.then(undefined, (error: unknown) => tellError(error, name));
        } catch (error) {
          tellError(error, name);
        }
      }
    },
    on(name, listener) {
      const set = registrations.get(name) ?? new Set();
      const registration: Registration = { listener };
      registrations.set(name, set.add(registration));
      return () => set.delete(registration);
    },
  };
}
