import { describe } from '@jest/globals';
import { memoryCreditsStore } from '../../../../src/modules/credits-process/credits-process.memory.js';
import { describeCreditsStore } from '../../../support/credits/store-contract.js';

describe('credits in memory', () => {
  const store = memoryCreditsStore();
  describeCreditsStore(() => store);
});
