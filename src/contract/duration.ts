import { BuscouplerError } from './errors.js';

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `'5s'`, `'500ms'`, `'1.5m'` or a number of ms, in ms. Throws BC_DEFINITION_INVALID naming the setting. */
export function parseDurationMs(value: number | string, setting: string): number {
  if (typeof value === 'number' && Number.isFinite(value) && value >= 0) return value;
  const match = typeof value === 'string' ? /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(value) : null;
  if (match !== null) return Number(match[1]) * (UNIT_MS[match[2] as string] as number);
  throw new BuscouplerError(
    'BC_DEFINITION_INVALID',
    `${setting} is ${JSON.stringify(value)}; allowed: a number of ms or text such as "500ms", "5s", "2m".`,
  );
}

/** Ms as the largest unit that says it exactly: `5s`, `5m`, `1500ms`, `0s`. */
export function formatDurationMs(valueMs: number): string {
  if (valueMs === 0) return '0s';
  const unit = ['d', 'h', 'm', 's'].find((one) => valueMs % (UNIT_MS[one] as number) === 0) ?? 'ms';
  return `${valueMs / (UNIT_MS[unit] as number)}${unit}`;
}
