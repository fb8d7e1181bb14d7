import type { Inspection } from '../contract/inspection.js';
import type { BrokerName } from '../contract/message.js';
import type { Finding } from '../contract/setup-check.js';
import type { CheckContext } from './check-context.js';
import { finding } from './finding.js';
import { logFindings } from './log-rules.js';
import { queueServerFindings } from './queue-server-rules.js';

/** What is to say about one broker, from what was seen of it. */
export function judge(broker: BrokerName, inspection: Inspection, context: CheckContext): Finding[] {
  if (inspection.kind === 'log') return logFindings(inspection, context);
  if (inspection.kind === 'queues') return queueServerFindings(inspection);
  return [finding('broker-embedded', { where: broker, found: 'embedded', expected: 'a broker of its own' })];
}
