import { expect, test } from '@jest/globals';
import { createBus, createLogger, defineTopic, loadConfig } from '../../../src/index.js';

const topic = defineTopic({ name: 'usage_topic', unroutable: 'accept' });

/** Publishes one message at this level; resolves with the lines that tell of it. */
async function linesAt(level: 'debug' | 'info'): Promise<string[]> {
  const lines: string[] = [];
  const logger = createLogger({ level, stream: { write: (line) => lines.push(line) } });
  const config = await loadConfig({ EMBEDDED: 'true' }, { file: false });
  const bus = await createBus({ config, logger, topics: [topic] });
  await bus.start();
  await bus.publish(topic, { user: 'a' });
  await bus.close();
  return lines.filter((line) => line.includes('Message published'));
}

test('tells of each published message at debug, with its id and brokers but not its body', async () => {
  const [line = ''] = await linesAt('debug');
  expect(JSON.parse(line)).toMatchObject({
    msg: "Message published to topic 'usage_topic'",
    brokers: { kafka: 'stored', rabbitmq: 'stored' },
  });
  expect(line).not.toContain('"user"');
});

test('tells of no published message at info', async () => {
  expect(await linesAt('info')).toEqual([]);
});
