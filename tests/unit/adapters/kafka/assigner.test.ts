import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { assignPartitions, type MemberClaim } from '../../../../src/adapters/kafka/assigner.js';

const TOPICS = ['a', 'b', 'c'] as const;
const member = (
  memberId: string,
  topics: readonly string[],
  held: MemberClaim['held'] = {},
): MemberClaim => ({
  memberId,
  topics,
  held,
});
const range = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

describe('Kafka assigner', () => {
  test('every partition of a topic goes to exactly one of its subscribers, evenly', () => {
    const claims = fc.array(
      fc.record({
        topics: fc.subarray([...TOPICS]),
        held: fc.dictionary(fc.constantFrom(...TOPICS), fc.array(fc.nat(9))),
      }),
      { minLength: 1, maxLength: 6 },
    );
    fc.assert(
      fc.property(claims, fc.nat(9), (parts, partitions) => {
        const members = parts.map(({ topics, held }, index) => member(`m-${index}`, topics, held));
        const assignment = assignPartitions(members, () => range(partitions));
        for (const topic of TOPICS) {
          const subscribed = members.filter(({ topics }) => topics.includes(topic));
          const shares = subscribed.map(({ memberId }) => assignment.get(memberId)?.[topic] ?? []);
          const all = shares.flat().sort((x, y) => x - y);
          expect(all).toEqual(subscribed.length === 0 ? [] : range(partitions));
          const sizes = shares.map(({ length }) => length);
          if (sizes.length > 0) expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
          for (const { memberId, topics } of members) {
            if (!topics.includes(topic)) expect(assignment.get(memberId)?.[topic]).toBeUndefined();
          }
        }
      }),
    );
  });

  test('a topic that one member alone reads goes to that member', () => {
    const assignment = assignPartitions([member('old', ['a']), member('new', ['a', 'b'])], () => range(4));
    expect(assignment.get('new')?.b).toEqual([0, 1, 2, 3]);
    expect(assignment.get('old')?.b).toBeUndefined();
  });

  test('a member that comes takes only its share, the others keep theirs', () => {
    const held = { a: range(6) };
    const assignment = assignPartitions([member('stays', ['a'], held), member('comes', ['a'])], () =>
      range(6),
    );
    expect(assignment.get('stays')?.a).toEqual([0, 1, 2]);
    expect(assignment.get('comes')?.a).toEqual([3, 4, 5]);
  });

  test('a member that leaves gives its share to the others, who keep theirs', () => {
    const members = [member('x', ['a'], { a: [1, 3] }), member('y', ['a'], { a: [0, 5] })];
    const assignment = assignPartitions(members, () => range(6));
    expect(assignment.get('x')?.a).toEqual(expect.arrayContaining([1, 3]));
    expect(assignment.get('y')?.a).toEqual(expect.arrayContaining([0, 5]));
  });
});
