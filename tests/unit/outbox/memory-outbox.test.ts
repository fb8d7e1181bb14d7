import { describe } from '@jest/globals';
import { memoryOutbox } from '../../../src/outbox/memory-outbox.js';
import { testOutbox } from '../../support/outbox/store-cases.js';

describe('the memory outbox', () => {
  testOutbox(async () => {
    const outbox = memoryOutbox();
    return {
      outbox,
      begin: async () => {
        const transaction = outbox.begin();
        const { session } = transaction;
        return {
          session,
          commit: async () => transaction.commit(),
          abort: async () => transaction.abort(),
        };
      },
    };
  });
});
