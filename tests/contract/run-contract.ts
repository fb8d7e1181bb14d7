import { CASE_TIMEOUT_MS, runCase, skipReason } from '../../src/testing/contract/contract-case.js';
import { contractCases } from '../../src/testing/contract/contract-cases.js';
import type { ContractSetup } from '../../src/testing/contract/contract-rig.js';
import { afterAll, beforeAll, describe, test } from './runner.js';

/** Servers of a set-up start within this, ms. */
const START_TIMEOUT_MS = 90_000;

/** Registers every case of the contract as a test of this set-up; those that it cannot have are skipped, with the reason. */
export function runContract(setup: ContractSetup): void {
  describe(`contract: ${setup.name}`, () => {
    beforeAll(() => setup.start(), START_TIMEOUT_MS);
    afterAll(() => setup.stop(), START_TIMEOUT_MS);
    for (const one of contractCases) {
      const title = `${one.id} ${one.title}`;
      const reason = skipReason(one, setup);
      if (reason === null) test(title, () => runCase(one, setup), one.timeoutMs ?? CASE_TIMEOUT_MS);
      else test.skip(`${title} (skipped: ${reason})`, () => undefined);
    }
  });
}
