import { describe, expect, test } from '@jest/globals';
import { runProgram } from '../support/run-program.js';

const SOAK = [process.execPath, '--expose-gc', '--import', 'tsx', 'bench/soak/main.ts'] as const;

describe('the soak', () => {
  test('leaves no memory behind when 50,000 messages go through inbox and retry on each embedded broker', async () => {
    const { code, stdout, stderr } = await runProgram([...SOAK, '--count', '50000']);
    expect({ code, stderr, said: code === 0 ? '' : stdout }).toEqual({ code: 0, stderr: '', said: '' });
    const rows = [...stdout.matchAll(/^(\w+) +50,000 +(12,5\d\d) .* flat$/gm)];
    expect(rows.map(([, broker]) => broker)).toEqual(['rabbitmq', 'kafka']);
  }, 180_000);

  test('refuses what it cannot run', async () => {
    const { code, stderr } = await runProgram([...SOAK, '--broker', 'nats']);
    expect({ code, stderr }).toEqual({ code: 64, stderr: expect.stringContaining('--broker NAME') });
  });
});
