import { describe, expect, it } from '@jest/globals';
import { Turns, type TurnTask } from '../../../../src/adapters/memory/turns.js';
import { systemClock } from '../../../../src/delivery/system-clock.js';
import { createFakeClock } from '../../../../src/testing/fake-clock.js';
import { settleMicrotasks } from './harness.js';

/** A task with `left` steps that queues itself until they are done. */
function taskOf(turns: Turns, left: number): TurnTask & { left: number } {
  return {
    isQueued: false,
    left,
    run(limit) {
      const done = Math.min(limit, this.left);
      this.left -= done;
      if (this.left > 0) turns.queue(this);
      return done;
    },
  };
}

describe('Turns', () => {
  it('never runs a task inside the call that queues it, and runs it once however often it is queued', async () => {
    const turns = new Turns(createFakeClock());
    let runs = 0;
    const task: TurnTask = { isQueued: false, run: () => ++runs };
    turns.queue(task);
    turns.queue(task);
    expect(runs).toBe(0);
    await settleMicrotasks();
    expect(runs).toBe(1);
  });

  it('stops a long run until the injected time is advanced', async () => {
    const clock = createFakeClock();
    const turns = new Turns(clock);
    const task = taskOf(turns, 3_000);
    turns.queue(task);
    await settleMicrotasks();
    expect(task.left).toBe(3_000 - 1_024);
    await clock.advance(0);
    expect(task.left).toBe(0);
  });

  it('counts steps across short runs too, so that a chain of microtasks cannot go on for ever', async () => {
    const clock = createFakeClock();
    const turns = new Turns(clock);
    let runs = 0;
    const task: TurnTask = {
      isQueued: false,
      run: () => {
        runs += 1;
        queueMicrotask(() => turns.queue(task));
        return 1;
      },
    };
    turns.queue(task);
    for (let rounds = 0; rounds < 100; rounds += 1) await settleMicrotasks();
    expect(runs).toBe(1_024);
  });

  it('lets real timers in between with the system clock', async () => {
    const turns = new Turns(systemClock);
    let isFired = false;
    setTimeout(() => {
      isFired = true;
    }, 1);
    await new Promise<void>((resolve, reject) => {
      let runs = 0;
      const task: TurnTask = {
        isQueued: false,
        run: () => {
          runs += 1;
          if (isFired) resolve();
          else if (runs > 5_000_000) reject(new Error('the timer starved'));
          else turns.queue(task);
          return 1;
        },
      };
      turns.queue(task);
    });
    expect(isFired).toBe(true);
  });
});
