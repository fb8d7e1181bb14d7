import { describe } from '@jest/globals';
import { memoryInbox } from '../../../src/inbox/memory-inbox.js';
import { describeInboxContract } from '../../support/inbox/inbox-contract.js';

describe('the memory inbox', () => {
  const inbox = memoryInbox();
  describeInboxContract(() => inbox);
});
