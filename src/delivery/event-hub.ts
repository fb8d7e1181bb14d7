import type { BusEventName, BusEvents, EmitEvent } from '../contract/events.js';

type Listener = (event: never) => void;

/** Hands events to listeners; a listener that throws harms nobody. */
export interface EventHub {
  readonly emit: EmitEvent;
  on<Name extends BusEventName>(name: Name, listener: (event: BusEvents[Name]) => void): () => void;
}

/** Makes a hub. `onListenerError` is told what a listener threw. */
export function createEventHub(onListenerError: (error: unknown, name: BusEventName) => void): EventHub {
  const listeners = new Map<BusEventName, Set<Listener>>();
  return {
    emit(name, event) {
      for (const listener of listeners.get(name) ?? []) {
        try {
          (listener as (event: BusEvents[typeof name]) => void)(event);
        } catch (error) {
          onListenerError(error, name);
        }
      }
    },
    on(name, listener) {
      const set = listeners.get(name) ?? new Set();
      listeners.set(name, set.add(listener as Listener));
      return () => set.delete(listener as Listener);
    },
  };
}
