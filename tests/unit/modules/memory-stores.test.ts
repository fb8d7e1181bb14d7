import { describe } from '@jest/globals';
import { memoryFeatureUsageLogStore } from '../../../src/modules/feature-usage-log/feature-usage-log.store.js';
import { memoryUserRegistrationStore } from '../../../src/modules/user-registration/user-registration.store.js';
import {
  describeFeatureUsageLogStore,
  describeUserRegistrationStore,
} from '../../support/modules/store-contracts.js';

describe('usage logs in memory', () => {
  const store = memoryFeatureUsageLogStore();
  describeFeatureUsageLogStore(() => store);
});

describe('registrations in memory', () => {
  const store = memoryUserRegistrationStore();
  describeUserRegistrationStore(() => store);
});
