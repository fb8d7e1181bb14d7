import { describe, expect, test } from '@jest/globals';
import { ConfirmWindow } from '../../../../src/adapters/rabbitmq/confirm-window.js';
import type { Parcel } from '../../../../src/adapters/rabbitmq/parcel.js';

const parcel = (name: string): Parcel => ({ routingKey: name }) as Parcel;

function windowOf(span: number, count: number) {
  const window = new ConfirmWindow(span);
  for (let index = 1; index <= count; index += 1) window.add(parcel(`${index}`));
  const take = (tag: number, isMultiple: boolean): string[] => {
    const taken: string[] = [];
    window.take(tag, isMultiple, (one) => taken.push(one.routingKey));
    return taken;
  };
  return { window, take };
}

describe('the window of unconfirmed parcels', () => {
  test('gives one confirm for many oldest first', () => {
    const { window, take } = windowOf(8, 5);
    expect(take(3, true)).toEqual(['1', '2', '3']);
    expect(window.size).toBe(2);
  });

  test('gives each parcel once, whatever the order of confirms', () => {
    const { window, take } = windowOf(8, 5);
    expect(take(4, false)).toEqual(['4']);
    expect(take(4, false)).toEqual([]);
    expect(take(2, false)).toEqual(['2']);
    expect(take(5, true)).toEqual(['1', '3', '5']);
    expect(take(5, true)).toEqual([]);
    expect(window.size).toBe(0);
  });

  test('ignores tags that it never gave', () => {
    const { take, window } = windowOf(8, 2);
    expect(take(3, false)).toEqual([]);
    expect(take(99, true)).toEqual([]);
    expect(take(0, false)).toEqual([]);
    expect(window.size).toBe(2);
  });

  test('is full when one late confirm holds the tags back, and free again with it', () => {
    const { window, take } = windowOf(8, 8);
    expect(window.isFull).toBe(true);
    for (let tag = 2; tag <= 8; tag += 1) take(tag, false);
    expect(window.size).toBe(1);
    expect(window.isFull).toBe(true);
    take(1, false);
    expect(window.isFull).toBe(false);
  });

  test('goes round its ring for ever', () => {
    const { window, take } = windowOf(4, 0);
    for (let tag = 1; tag <= 1000; tag += 1) {
      window.add(parcel(`${tag}`));
      expect(take(tag, tag % 2 === 0)).toEqual([`${tag}`]);
    }
  });

  test('takes a parcel that is added while a confirm is being told', () => {
    const { window } = windowOf(8, 2);
    const taken: string[] = [];
    window.take(2, true, (one) => {
      taken.push(one.routingKey);
      if (one.routingKey === '1') window.add(parcel('late'));
    });
    expect(taken).toEqual(['1', '2']);
    expect(window.takeAll().map((one) => one.routingKey)).toEqual(['late']);
  });

  test('gives everything at the end of a channel and counts from 1 again', () => {
    const { window, take } = windowOf(8, 3);
    take(2, false);
    expect(window.takeAll().map((one) => one.routingKey)).toEqual(['1', '3']);
    window.add(parcel('new'));
    expect(take(1, false)).toEqual(['new']);
  });
});
