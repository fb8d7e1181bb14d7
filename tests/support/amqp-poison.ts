import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/** Where poison goes to. */
export interface PoisonTarget {
  readonly exchange: string;
  readonly routingKey: string;
}

/**
 * Sends 5,000 nested header tables (35 KB) with the message id `poison`: whoever receives them runs out of stack. So does
 * the sender, unless it has more.
 */
export async function sendPoison(url: string, { exchange, routingKey }: PoisonTarget): Promise<void> {
  const send = `
    const { connect } = require('amqplib');
    let nested = {};
    for (let depth = 0; depth < 5000; depth += 1) nested = { n: nested };
    (async () => {
      const [, url, exchange, routingKey] = process.argv;
      const connection = await connect(url);
      const channel = await connection.createConfirmChannel();
      const properties = { headers: { plain: 'text', nested }, messageId: 'poison', persistent: true };
      channel.publish(exchange, routingKey, Buffer.from('{}'), properties);
      await channel.waitForConfirms();
      await connection.close();
    })();`;
  await promisify(execFile)(process.execPath, ['--stack-size=4000', '-e', send, url, exchange, routingKey]);
}
