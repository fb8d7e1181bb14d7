import { describe, expect, test } from '@jest/globals';
import { createJournal, type Journal } from '../../../demo/journal.js';
import { showVerdict } from '../../../demo/show-verdict.js';
import { judge } from '../../../demo/verdict.js';

/** A run in which everything went well: ids 0 to 9, of which 9 was made to be dead-lettered. */
function goodRun(): Journal {
  const journal = createJournal({ log: 'usage', report: 'usage' });
  for (let number = 0; number < 10; number += 1) {
    const id = `id-${number}`;
    journal.publishing(id, { topic: 'usage', isDoomed: number === 9 });
    journal.stored(id, ['kafka', 'rabbitmq']);
    for (const consumer of ['log', 'report']) {
      if (number === 9) journal.deadLettered(consumer, id);
      else journal.handled(consumer, id);
    }
  }
  return journal;
}

const verdictOf = (change: (journal: Journal) => void) => {
  const journal = goodRun();
  change(journal);
  return judge(journal);
};

/** Publishes one more message, of which the consumers hear nothing. */
const publishMore = (journal: Journal, brokers: readonly ('kafka' | 'rabbitmq')[]): void => {
  journal.publishing('more', { topic: 'usage', isDoomed: false });
  journal.stored('more', brokers);
};

describe('the verdict of the demo', () => {
  test('is good when every id ended once and as it had to', () => {
    expect(judge(goodRun())).toEqual({
      ok: true,
      published: 10,
      rejected: 0,
      unanswered: 0,
      stored: { kafka: 10, rabbitmq: 10 },
      missingCopies: [],
      consumers: ['log', 'report'].map((name) => ({
        name,
        expected: 10,
        handled: 9,
        deadLettered: 1,
        lost: [],
        twice: [],
        wrong: [],
      })),
    });
  });

  test('names a lost message and the consumer that lost it', () => {
    const verdict = verdictOf((journal) => {
      publishMore(journal, ['kafka', 'rabbitmq']);
      journal.handled('report', 'more');
    });
    expect(verdict.ok).toBe(false);
    expect(verdict.consumers.map(({ name, lost }) => [name, lost])).toEqual([
      ['log', ['more']],
      ['report', []],
    ]);
  });

  test('is not deceived by equal numbers: one lost and one handled twice', () => {
    const verdict = verdictOf((journal) => {
      publishMore(journal, ['kafka', 'rabbitmq']);
      journal.handled('report', 'more');
      journal.handled('log', 'id-3');
    });
    expect(verdict.ok).toBe(false);
    expect(verdict.consumers[0]).toMatchObject({ lost: ['more'], twice: ['id-3'] });
  });

  test.each([
    ['handled twice', (journal: Journal) => journal.handled('log', 'id-1'), { twice: ['id-1'], wrong: [] }],
    [
      'dead-lettered twice',
      (journal: Journal) => journal.deadLettered('log', 'id-9'),
      { twice: ['id-9'], wrong: [] },
    ],
    [
      'handled and dead-lettered',
      (journal: Journal) => journal.deadLettered('log', 'id-1'),
      { twice: ['id-1'], wrong: ['id-1'] },
    ],
    [
      'handled although it cannot be',
      (journal: Journal) => journal.handled('log', 'id-9'),
      { twice: ['id-9'], wrong: ['id-9'] },
    ],
  ])('is bad when a message is %s', (_, change, expected) => {
    const verdict = verdictOf(change);
    expect(verdict.ok).toBe(false);
    expect(verdict.consumers[0]).toMatchObject(expected);
  });

  test('is bad when a message was confirmed by one broker only', () => {
    const verdict = verdictOf((journal) => {
      publishMore(journal, ['rabbitmq']);
      for (const consumer of ['log', 'report']) journal.handled(consumer, 'more');
    });
    expect(verdict).toMatchObject({
      ok: false,
      missingCopies: ['more'],
      stored: { kafka: 10, rabbitmq: 11 },
    });
  });

  test('is bad when a publish was never answered, or nothing was published', () => {
    const unanswered = verdictOf((journal) => journal.publishing('x', { topic: 'usage', isDoomed: false }));
    expect(unanswered).toMatchObject({ ok: false, unanswered: 1 });
    expect(judge(createJournal({ log: 'usage' })).ok).toBe(false);
  });

  test('does not count as lost what its publisher was told to be refused', () => {
    const verdict = verdictOf((journal) => {
      journal.publishing('x', { topic: 'usage', isDoomed: false });
      journal.rejected('x');
    });
    expect(verdict).toMatchObject({ ok: true, published: 10, rejected: 1 });
  });

  test('ignores what an earlier run left on the brokers', () => {
    const verdict = verdictOf((journal) => {
      for (let time = 0; time < 2; time += 1) journal.handled('log', 'of-yesterday');
    });
    expect(verdict).toMatchObject({ ok: true });
    expect(verdict.consumers[0]?.handled).toBe(9);
  });
});

describe('the printed verdict', () => {
  const print = (journal: Journal): string => showVerdict(judge(journal), 4, (_, text) => text).join('\n');

  test('aligns the columns and ends with one sentence', () => {
    const lines = print(goodRun()).split('\n');
    const table = lines.filter((line) => /^ {2}(consumer|log|report)/.test(line));
    expect(table).toHaveLength(3);
    expect(new Set(table.map((line) => line.length)).size).toBe(1);
    expect(lines.at(-1)).toBe(
      '✓ All 10 messages are accounted for by their ids: none lost, none handled twice, through 4 moves between two brokers.',
    );
  });

  test('says which ids went wrong and does not claim success', () => {
    const journal = goodRun();
    publishMore(journal, ['kafka', 'rabbitmq']);
    journal.handled('report', 'more');
    const text = print(journal);
    expect(text).toContain('log lost more');
    expect(text).toContain('✗');
    expect(text).not.toContain('✓');
  });
});
