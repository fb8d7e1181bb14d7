import { describe, expect, test } from '@jest/globals';
import type { ConfirmChannel } from 'amqplib/callback_api';
import type { Parcel } from '../../../../src/adapters/rabbitmq/parcel.js';
import { exchangeState, targetOf } from '../../../../src/adapters/rabbitmq/target.js';
import { parcelWriter } from '../../../../src/adapters/rabbitmq/write-parcel.js';
import { defineTopic } from '../../../../src/contract/define-topic.js';
import type { OutgoingMessage } from '../../../../src/contract/message.js';

const topic = defineTopic({ name: 'orders_topic' });

function parcelOf(message: Partial<OutgoingMessage>): Parcel {
  const target = targetOf({ kind: 'topic', topic }, exchangeState);
  const complete = {
    id: 'id-1',
    key: null,
    body: Buffer.from('{}'),
    headers: { 'bc-id': 'id-1' },
    contentType: 'application/json',
    timestampMs: 1_700_000_000_999,
    ...message,
  };
  const ticket = { message: complete } as unknown as Parcel['ticket'];
  return { ticket, target, routingKey: 'a.b', bytes: 0, isReturned: false, isResent: false };
}

/** What an amqplib of either kind is told to send. */
function sentBy(kind: 'inner' | 'declared', parcel: Parcel): Record<string, unknown> {
  let sent: Record<string, unknown> = {};
  const channel =
    kind === 'inner'
      ? {
          sendMessage: (fields: object, properties: object, content: Buffer) => {
            sent = { ...fields, ...properties, content };
            return true;
          },
        }
      : {
          publish: (exchange: string, routingKey: string, content: Buffer, options: object) => {
            sent = { exchange, routingKey, content, ...options };
            return true;
          },
        };
  expect(parcelWriter(channel as unknown as ConfirmChannel)(parcel)).toBe(true);
  return sent;
}

describe.each(['inner', 'declared'] as const)(
  'a parcel written through the %s functions of amqplib',
  (kind) => {
    test('is persistent and mandatory, with our id and the time in seconds', () => {
      const sent = sentBy(kind, parcelOf({}));
      expect(sent).toMatchObject({
        exchange: 'orders_topic',
        routingKey: 'a.b',
        mandatory: true,
        messageId: 'id-1',
        contentType: 'application/json',
        timestamp: 1_700_000_000,
        headers: { 'bc-id': 'id-1' },
        content: Buffer.from('{}'),
      });
      expect(sent.persistent ?? sent.deliveryMode === 2).toBe(true);
      expect(sent).not.toHaveProperty('userId');
      expect(sent).not.toHaveProperty('expiration');
    });

    test('carries a tombstone as an empty body with a header', () => {
      const sent = sentBy(kind, parcelOf({ body: null }));
      expect(sent).toMatchObject({ content: Buffer.alloc(0), headers: { 'bc-tombstone': 'true' } });
    });

    test('leaves an id out of the properties that is too long for them', () => {
      expect(sentBy(kind, parcelOf({ id: 'ü'.repeat(127) })).messageId).toBe('ü'.repeat(127));
      expect(sentBy(kind, parcelOf({ id: 'ü'.repeat(128) })).messageId).toBeUndefined();
    });
  },
);
