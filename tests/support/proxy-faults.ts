import type { ProxyDirection, ProxyFrame } from './proxy-frames.js';

/**
 * What is done to a frame. `swallow`: dropped, the connection goes on. `reset`: the frame is dropped and the
 * connection is reset on both sides. `cut`: only `keepBytes` of it are passed, then the connection is reset.
 * `delay`: it and all that follows it on its connection and direction is held for `delayMs`.
 */
export type FaultAction =
  | { readonly do: 'swallow' }
  | { readonly do: 'reset' }
  | { readonly do: 'cut'; readonly keepBytes: number }
  | { readonly do: 'delay'; readonly delayMs: number };

/** Which frames meet a fault. */
export interface FaultTarget {
  /** `reply` hits what the server answers: the request has reached it by then. */
  readonly on: ProxyDirection;
  /** A frame's name or a test of the frame; every frame when left out. */
  readonly frame?: string | ((frame: ProxyFrame) => boolean);
  /** How many matching frames pass before. Default 0. */
  readonly after?: number;
  /** How many matching frames are hit. Default 1. */
  readonly times?: number;
}

export type Fault = FaultTarget & FaultAction;

/** A fault that was asked for, and what became of it. */
export interface PlacedFault {
  /** How many frames it hit. */
  readonly hits: number;
  /** Resolves with the first frame that it hits: a test counts only if its fault was seen to happen. */
  readonly happened: Promise<ProxyFrame>;
  /** Lets later frames pass. */
  remove(): void;
}

/** The faults of one proxy, over all of its connections. */
export interface FaultList {
  place(fault: Fault): PlacedFault;
  /** The action that this frame meets, counted as a hit; undefined when it passes. */
  meet(on: ProxyDirection, frame: ProxyFrame): FaultAction | undefined;
  clear(): void;
}

interface Armed {
  readonly fault: Fault;
  matched: number;
  hits: number;
  readonly hit: (frame: ProxyFrame) => void;
}

/** Makes an empty list; the first fault that matches a frame is the one that it meets. */
export function faultList(): FaultList {
  const armed = new Set<Armed>();
  return {
    place(fault) {
      let hit: (frame: ProxyFrame) => void = () => {};
      const happened = new Promise<ProxyFrame>((resolve) => {
        hit = resolve;
      });
      const entry: Armed = { fault, matched: 0, hits: 0, hit };
      armed.add(entry);
      return {
        get hits() {
          return entry.hits;
        },
        happened,
        remove: () => void armed.delete(entry),
      };
    },
    meet(on, frame) {
      for (const entry of armed) {
        if (!matches(entry.fault, on, frame)) continue;
        entry.matched += 1;
        if (entry.matched <= (entry.fault.after ?? 0)) continue;
        entry.hits += 1;
        entry.hit(frame);
        if (entry.hits >= (entry.fault.times ?? 1)) armed.delete(entry);
        return entry.fault;
      }
      return undefined;
    },
    clear: () => armed.clear(),
  };
}

function matches(fault: Fault, on: ProxyDirection, frame: ProxyFrame): boolean {
  if (fault.on !== on) return false;
  if (fault.frame === undefined) return true;
  return typeof fault.frame === 'string' ? fault.frame === frame.name : fault.frame(frame);
}
