import { embeddedDualSetup } from '../../src/testing/contract/embedded-rigs.js';
import { runContract } from './run-contract.js';

runContract(embeddedDualSetup('kafka'));
runContract(embeddedDualSetup('rabbitmq'));
