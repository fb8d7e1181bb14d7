import { embeddedQueueSetup } from '../../src/testing/contract/embedded-rigs.js';
import { runContract } from './run-contract.js';

runContract(embeddedQueueSetup());
