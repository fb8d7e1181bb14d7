import { LETTER_LEASE_MS, memoryLedger } from '../../../src/inbox/memory-ledger.js';
import { createFakeClock } from '../../../src/testing/fake-clock.js';
import { describeLedgerContract } from '../../support/inbox/ledger-contract.js';

const clock = createFakeClock();
const ledger = memoryLedger(clock);

describeLedgerContract({
  ledger: () => ledger,
  other: () => ledger,
  passLease: () => clock.advance(LETTER_LEASE_MS + 1),
});
