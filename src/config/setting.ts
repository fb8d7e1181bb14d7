import { z } from 'zod';

/** What is written down about one setting, besides its schema. */
export interface SettingFacts {
  /** Variable of the environment. Absent: only the file and overrides can say it. */
  readonly env?: string;
  /** What it is, one or two sentences. */
  readonly doc: string;
  /** What values it takes, for people: completes "allowed: …". */
  readonly allowed: string;
  /** How the text of a variable becomes a value. */
  readonly kind: 'text' | 'integer' | 'boolean' | 'list' | 'other';
  readonly unit?: string;
  /** `value`: never shown. `url`: shown without its credentials. */
  readonly secret?: 'value' | 'url';
  /** What `.env.example` shows when there is no default. */
  readonly example?: string;
  /** What happens when it is absent and there is no default. */
  readonly absent?: string;
}

/** The facts of every setting, by its schema. */
export const SETTING_FACTS = z.registry<SettingFacts>();

/** What builders take: the facts that they do not know themselves. */
export type FactsInput = Omit<SettingFacts, 'kind' | 'allowed'> & { readonly allowed?: string };

/** Ends or forges a line in logs and protocols. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the ones to be refused
const CONTROL_CHARACTERS = /[\u0000-\u001f\u007f]/;

const TEXT_MAX_LENGTH = 4096;

/** Attaches the facts to a schema that is complete (with its default). */
export function described<Schema extends z.ZodType>(schema: Schema, facts: SettingFacts): Schema {
  SETTING_FACTS.add(schema, facts);
  return schema;
}

/** One line of text: not empty, no control characters. */
export const line = () =>
  z
    .string()
    .min(1)
    .max(TEXT_MAX_LENGTH)
    .refine((text) => !CONTROL_CHARACTERS.test(text), 'one line of text without control characters');

/** An optional line of text. */
export const text = (facts: FactsInput) =>
  described(z.exactOptional(line()), { allowed: 'a text of one line', ...facts, kind: 'text' });

/** Bounds and default of a whole number. */
export interface IntegerRange {
  readonly min: number;
  readonly max: number;
}

const inWords = (value: number): string => value.toLocaleString('en-US');

function integerFacts({ min, max }: IntegerRange, facts: FactsInput): SettingFacts {
  const unit = facts.unit === undefined ? '' : ` (${facts.unit}, without a unit in the value)`;
  return {
    allowed: `a whole number from ${inWords(min)} to ${inWords(max)}${unit}`,
    ...facts,
    kind: 'integer',
  };
}

const integerSchema = ({ min, max }: IntegerRange) => z.number().int().min(min).max(max);

/** A whole number with a default. */
export const integer = (range: IntegerRange & { readonly default: number }, facts: FactsInput) =>
  described(integerSchema(range).default(range.default), integerFacts(range, facts));

/** A whole number that may be absent. */
export const optionalInteger = (range: IntegerRange, facts: FactsInput) =>
  described(z.exactOptional(integerSchema(range)), integerFacts(range, facts));

/** Longest duration that settings take: an hour. */
const DURATION_MAX_MS = 3_600_000;

/** A duration of 1 ms to an hour. */
export const duration = (defaultMs: number, facts: Omit<FactsInput, 'unit'>) =>
  integer({ min: 1, max: DURATION_MAX_MS, default: defaultMs }, { unit: 'ms', ...facts });

/** A text such as `7d`, or ms, with a default: for spans longer than an hour. */
export const span = (value: string, facts: FactsInput) =>
  described(z.union([z.number().min(0), z.string().regex(/^\d+(\.\d+)?(ms|s|m|h|d)$/)]).default(value), {
    allowed: 'a duration, as `7d`',
    ...facts,
    kind: 'text',
  });

const BOOLEAN_ALLOWED = 'exactly `true` or `false`';

/** `true` or `false`, with a default. */
export const toggle = (value: boolean, facts: FactsInput) =>
  described(z.boolean().default(value), { allowed: BOOLEAN_ALLOWED, ...facts, kind: 'boolean' });

/** `true` or `false`, or absent. */
export const optionalToggle = (facts: FactsInput) =>
  described(z.exactOptional(z.boolean()), { allowed: BOOLEAN_ALLOWED, ...facts, kind: 'boolean' });

const listed = (values: readonly string[]): string => values.map((value) => `\`${value}\``).join(', ');

/** One of several words, or absent. */
export const optionalChoice = <const Values extends readonly [string, ...string[]]>(
  values: Values,
  facts: FactsInput,
) => described(z.exactOptional(z.enum(values)), { allowed: listed(values), ...facts, kind: 'text' });

/** One of several words, with a default. */
export const choice = <const Values extends readonly [string, ...string[]]>(
  { values, default: value }: { readonly values: Values; readonly default: Values[number] },
  facts: FactsInput,
) => described(z.enum(values).default(value as never), { allowed: listed(values), ...facts, kind: 'text' });
