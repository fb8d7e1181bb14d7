import type { ContractCase } from './contract-case.js';
import { deadLetterCases } from './dead-letter-cases.js';
import { roundTripCases } from './round-trip-cases.js';
import { sharingCases } from './sharing-cases.js';

/** Every promise of the contract, in the order of ids. */
export const contractCases: readonly ContractCase[] = [
  ...roundTripCases,
  ...sharingCases,
  ...deadLetterCases,
].sort((one, other) => (one.id < other.id ? -1 : 1));
