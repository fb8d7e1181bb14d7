import { expect, test } from '@jest/globals';
import { createEventHub } from '../../../src/delivery/event-hub.js';

const warning = { what: 'odd' };

test('a listener that throws or rejects harms neither the others nor the process', async () => {
  const errors: unknown[] = [];
  const heard: string[] = [];
  const hub = createEventHub((error, name) => errors.push(`${name}: ${(error as Error).message}`));
  hub.on('warning', () => {
    throw new Error('threw');
  });
  hub.on('warning', async () => {
    throw new Error('rejected');
  });
  hub.on('warning', ({ what }) => void heard.push(what));
  hub.emit('warning', warning);
  await new Promise((resolve) => setImmediate(resolve));
  expect(heard).toEqual(['odd']);
  expect(errors).toEqual(['warning: threw', 'warning: rejected']);
});

test('whoever is told of errors may throw too', () => {
  const hub = createEventHub(() => {
    throw new Error('the log is broken');
  });
  hub.on('warning', () => {
    throw new Error('threw');
  });
  expect(() => hub.emit('warning', warning)).not.toThrow();
});

test('a function registered twice is called twice, and each registration is removed by itself', () => {
  let calls = 0;
  const count = (): void => {
    calls += 1;
  };
  const hub = createEventHub(() => undefined);
  const remove = hub.on('warning', count);
  hub.on('warning', count);
  hub.emit('warning', warning);
  remove();
  remove();
  hub.emit('warning', warning);
  expect(calls).toBe(3);
});

test('a listener that adds others for the same event does not hear itself for ever', () => {
  let calls = 0;
  const hub = createEventHub(() => undefined);
  const grow = (): void => {
    calls += 1;
    hub.on('warning', grow);
  };
  hub.on('warning', grow);
  hub.emit('warning', warning);
  expect(calls).toBe(1);
  hub.emit('warning', warning);
  expect(calls).toBe(3);
});
