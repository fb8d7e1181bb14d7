import * as z from 'zod';
import type { Schema } from '../contract/topic.js';
import { isThenable } from './thenable.js';

/** The schema's verdict; `problem` names paths and reasons, never values. */
export type Validation = { readonly value: unknown } | { readonly problem: string };

/** Checks one value; answers at once unless the schema is asynchronous. */
export type Validate = (value: unknown) => Validation | Promise<Validation>;

interface Issue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

const SHOWN_ISSUES = 10;
/** Longest text of one issue: paths hold names from the body. */
const ISSUE_MAX_LENGTH = 200;

function describe(issues: readonly Issue[]): string {
  const lines = issues.slice(0, SHOWN_ISSUES).map(({ path, message }) => {
    const steps = (path ?? []).map((step) => String(typeof step === 'object' ? step.key : step));
    const line = `${steps.join('.') || '(root)'}: ${message}`;
    return line.length > ISSUE_MAX_LENGTH ? `${line.slice(0, ISSUE_MAX_LENGTH)}…` : line;
  });
  if (issues.length > SHOWN_ISSUES) lines.push(`and ${issues.length - SHOWN_ISSUES} more`);
  return lines.join('; ');
}

function standardValidate(schema: Schema): Validate {
  const read = (result: { value: unknown; issues?: undefined } | { issues: readonly Issue[] }): Validation =>
    result.issues === undefined ? { value: result.value } : { problem: describe(result.issues) };
  return (value) => {
    const result = schema['~standard'].validate(value);
    // Of any library and realm; awaiting makes it a promise of ours.
    return isThenable<Parameters<typeof read>[0]>(result) ? Promise.resolve(result).then(read) : read(result);
  };
}

/** True for schemas of the zod release that is installed here: only those may go through its compiler. */
function isOurZod(schema: unknown): schema is z.ZodType {
  const internals = (schema as { _zod?: { version?: { major: number; minor: number } } })._zod;
  const own = z.core.version;
  return internals?.version?.major === own.major && internals.version.minor === own.minor;
}

/**
 * Turns a schema into a function, once per topic. zod's ahead-of-time compiler makes the check about eight times
 * faster; what it cannot compile, and every other library, goes through the Standard Schema interface.
 */
export function compileSchema(schema: Schema): Validate {
  const general = standardValidate(schema);
  if (!isOurZod(schema)) return general;
  const compiled = z.compile(schema);
  let isAsync = false;
  return (value) => {
    if (isAsync) return general(value);
    try {
      const result = compiled.safeParse(value);
      return result.success ? { value: result.data } : { problem: describe(result.error.issues) };
    } catch (error) {
      if (!(error instanceof z.core.$ZodAsyncError)) throw error;
      isAsync = true; // known from the first value on that comes to an asynchronous part
      return general(value);
    }
  };
}
