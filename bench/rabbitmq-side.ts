import { type ChannelModel, type ConfirmChannel, connect } from 'amqplib';
import { Tally } from './messages.js';

/** A connection as a careful hand would make it: confirms, no delay. */
export async function openRabbitmq(url: string): Promise<{ model: ChannelModel; channel: ConfirmChannel }> {
  const model = await connect(url, { noDelay: true });
  return { model, channel: await model.createConfirmChannel() };
}

/** Declares what the bus declares for a consumer: a topic exchange and a bound quorum queue. */
export async function declareQueue(url: string, exchange: string, queue: string): Promise<void> {
  const { model, channel } = await openRabbitmq(url);
  await channel.assertExchange(exchange, 'topic', { durable: true });
  await channel.assertQueue(queue, { durable: true, arguments: { 'x-queue-type': 'quorum' } });
  await channel.bindQueue(queue, exchange, '#');
  await model.close();
}

/** Takes everything out of a queue and adds it up; `count` messages are there. */
export async function drainQueue(url: string, queue: string, count: number): Promise<Tally> {
  const { model, channel } = await openRabbitmq(url);
  const tally = new Tally();
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new Error(`void: ${queue} holds ${tally.count} of ${count}`)),
      30_000,
    );
    void channel.consume(
      queue,
      (message) => {
        if (message !== null) tally.add(message.content);
        if (tally.count < count) return;
        clearTimeout(timer);
        resolve();
      },
      { noAck: true },
    );
  });
  await model.close();
  return tally;
}

/** Removes what a row declared. */
export async function removeQueues(
  url: string,
  places: { queues: string[]; exchanges: string[] },
): Promise<void> {
  const { model, channel } = await openRabbitmq(url);
  for (const queue of places.queues) await channel.deleteQueue(queue);
  for (const exchange of places.exchanges) await channel.deleteExchange(exchange);
  await model.close();
}
