import type { BrokerName } from '../contract/message.js';
import type { LegReport, LegReportState, SeenLeg } from '../contract/status-report.js';
import type { Survey } from '../contract/survey.js';

/** Which leg it is, and when it was looked at. */
export interface LegPlace {
  readonly broker: BrokerName;
  /** The flag of the consumer names this broker. */
  readonly isFed: boolean;
  /** The broker keeps what was read: there a leg that drains reads retry copies alone, and the rest is no backlog. */
  readonly retains: boolean;
  /** Ms since the Unix epoch. */
  readonly nowMs: number;
}

const NOTHING_KNOWN = {
  waiting: null,
  unsettled: null,
  oldestAgeMs: null,
  retries: null,
  deadLetters: null,
  readers: null,
} as const;

function stateOf(survey: Survey, { isFed, retains }: LegPlace): LegReportState {
  const { waiting, unsettled, retries, readers } = survey;
  if (waiting === null) return 'absent';
  if (isFed) return 'live';
  const left = retries + (retains ? 0 : waiting + (unsettled ?? 0));
  return left > 0 && readers !== 0 ? 'draining' : 'idle';
}

/** What is said of a leg, from what was seen of it and the flag of its consumer. */
export function legReport(place: LegPlace, seen: SeenLeg): LegReport {
  const { broker, nowMs } = place;
  if ('reason' in seen) return { broker, state: 'unreachable', ...NOTHING_KNOWN, reason: seen.reason };
  const { oldestAtMs, problem, ...counts } = seen.survey;
  return {
    broker,
    state: stateOf(seen.survey, place),
    ...counts,
    oldestAgeMs: oldestAtMs === null ? null : Math.max(0, nowMs - oldestAtMs),
    ...(problem !== undefined && { reason: problem }),
  };
}
