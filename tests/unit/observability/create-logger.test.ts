import { describe, expect, it } from '@jest/globals';
import { BuscouplerError } from '../../../src/contract/errors.js';
import { type CreateLoggerOptions, createLogger } from '../../../src/observability/create-logger.js';

function capture(options: Omit<CreateLoggerOptions, 'stream'>) {
  const chunks: string[] = [];
  const logger = createLogger({ ...options, stream: { write: (text) => chunks.push(text) } });
  const text = () => chunks.join('');
  const lines = () => text().split('\n').slice(0, -1);
  return { logger, text, lines, objects: () => lines().map((line) => JSON.parse(line)) };
}

describe('createLogger', () => {
  it('writes one JSON object per line, with the level as a word', () => {
    const { logger, objects } = capture({});
    logger.info({ topic: 'a' }, 'first');
    logger.error({}, 'second');
    expect(objects()).toMatchObject([
      { level: 'info', topic: 'a', msg: 'first' },
      { level: 'error', msg: 'second' },
    ]);
  });

  it('writes nothing below its level', () => {
    const { logger, text } = capture({ level: 'warn' });
    logger.info({}, 'quiet');
    expect(logger.isLevelEnabled('info')).toBe(false);
    expect(text()).toBe('');
  });

  it('masks secrets in names, texts, errors, causes and stacks at any depth', () => {
    const { logger, text } = capture({ level: 'debug', secrets: ['plain-s3cret'] });
    const cause = new Error('password=s3cret and plain-s3cret');
    const error = new BuscouplerError('BC_TLS', 'amqp://u:s3cret@h is away.', { cause });
    const fields = {
      err: error,
      deep: [{ tls: { key: 's3cret', ca: 'public' }, Authorization: 'Basic s3cret', apiKey: 's3cret' }],
      list: new AggregateError([new Error('token: s3cret')], 'both'),
      url: new URL('https://u:s3cret@h/'),
      bytes: Buffer.from('s3cret'),
      map: new Map([['a', 's3cret']]),
    };
    logger.error(fields, 'at http://s3cret@h with plain-s3cret');
    expect(text()).not.toContain('s3cret');
    expect(text()).toContain('amqp://***@h is away.');
    expect(text()).toContain('public');
  });

  it('keeps what a reader needs of an error: type, code, message, stack and cause', () => {
    const { logger, objects } = capture({});
    logger.error({ err: new BuscouplerError('BC_PROTOCOL', 'What.', { cause: new Error('why') }) }, 'x');
    expect(objects()[0].err).toMatchObject({
      type: 'BuscouplerError',
      code: 'BC_PROTOCOL',
      message: expect.stringMatching(/^What\. /),
      stack: expect.stringContaining('at '),
      cause: { message: 'why' },
    });
  });

  it.each([true, false])('keeps values on their line (pretty: %s)', (pretty) => {
    const { logger, lines, text } = capture({ pretty, level: 'debug' });
    const evil = 'x\r\n[00:00:00.000] INFO: forged\u001b[2J\u2028';
    logger.info({ [evil]: evil, nested: { [evil]: [evil] } }, evil);
    expect(lines()).toHaveLength(1);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: what must not be there
    expect(text()).not.toMatch(/[\r\u001b\u2028]/);
  });

  it('keeps the frames of a stack and not a line that its message forges', () => {
    const { logger, text } = capture({ pretty: true, level: 'debug' });
    logger.error({ err: new Error('x\n[00:00:00.000] INFO: forged') }, 'failed');
    expect(text()).toMatch(/^\s+at /m);
    expect(text()).not.toMatch(/^\s*\[00:00:00\.000\] INFO: forged/m);
  });

  it('survives what cannot be read', () => {
    const { logger, objects } = capture({});
    const cyclic: Record<string, unknown> = { name: 'a' };
    cyclic.self = cyclic;
    const throwing = {
      get bad() {
        throw new Error('no');
      },
    };
    const deep = JSON.parse(`${'{"a":'.repeat(50)}1${'}'.repeat(50)}`);
    logger.info(
      { cyclic, throwing, deep, big: 1n, none: undefined, run: () => 1, at: new Date(Number.NaN) },
      'odd',
    );
    expect(objects()[0]).toMatchObject({
      cyclic: { name: 'a', self: '<cycle>' },
      throwing: '<unreadable>',
      big: '1',
      run: '<function>',
      at: '<invalid date>',
      msg: 'odd',
    });
  });

  it('writes an own key named __proto__ as a key', () => {
    const { logger, text } = capture({});
    logger.info(JSON.parse('{"__proto__":{"polluted":true}}'), 'x');
    expect(text()).toContain('"__proto__":{"polluted":true}');
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });

  it.each([
    ['connection', '📨'],
    ['published', '📤'],
    ['consuming', '📥'],
    ['success', '✅'],
    ['error', '❌'],
    ['warning', '⚠️'],
    ['dead-letter', '📮'],
  ])('shows the mark %s as %s to people', (mark, prefix) => {
    const { logger, text } = capture({ pretty: true });
    logger.info({ mark }, 'Something');
    expect(text()).toContain(`INFO: ${prefix} Something`);
  });

  it('shows unmarked warnings and errors with their prefix, and plain lines without', () => {
    const { logger, text } = capture({ pretty: true });
    logger.warn({}, 'careful');
    logger.error({}, 'broken');
    logger.info({}, 'plain');
    expect(text()).toMatch(/WARN: ⚠️ careful\n.*ERROR: ❌ broken\n.*INFO: plain\n/);
  });
});
