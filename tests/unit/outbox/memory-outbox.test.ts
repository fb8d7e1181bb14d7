import { describe } from '@jest/globals';
import { memoryOutbox } from '../../../src/outbox/memory-outbox.js';
import { testOutbox } from '../../support/outbox/store-cases.js';

describe('the memory outbox', () => {
  testOutbox(async () => {
    const outbox = memoryOutbox();
    return {
      outbox,
      begin: async () => {
        const session = outbox.begin();
        return {
          session,
          commit: async () => session.commit(),
          abort: async () => session.abort(),
        };
      },
    };
  });
});
