import { badMessageCases } from './bad-message-cases.js';
import { concurrencyCases } from './concurrency-cases.js';
import type { ContractCase } from './contract-case.js';
import { deadLetterCases } from './dead-letter-cases.js';
import { deadLetterParityCases } from './dead-letter-parity-cases.js';
import { lifeCycleCases } from './life-cycle-cases.js';
import { lostAnswerCases } from './lost-answer-cases.js';
import { orderingCases } from './ordering-cases.js';
import { outageCases } from './outage-cases.js';
import { publishingCases } from './publishing-cases.js';
import { refusedPublishCases } from './refused-publish-cases.js';
import { replayCases } from './replay-cases.js';
import { retryCases } from './retry-cases.js';
import { roundTripCases } from './round-trip-cases.js';
import { securityCases } from './security-cases.js';
import { settlingCases } from './settling-cases.js';
import { sharingCases } from './sharing-cases.js';

/** Every promise of the contract, in the order of ids. */
export const contractCases: readonly ContractCase[] = [
  ...roundTripCases,
  ...sharingCases,
  ...publishingCases,
  ...lostAnswerCases,
  ...refusedPublishCases,
  ...orderingCases,
  ...settlingCases,
  ...concurrencyCases,
  ...lifeCycleCases,
  ...retryCases,
  ...replayCases,
  ...deadLetterCases,
  ...deadLetterParityCases,
  ...badMessageCases,
  ...securityCases,
  ...outageCases,
].sort((one, other) => (one.id < other.id ? -1 : 1));
