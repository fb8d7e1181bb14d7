import type * as z from 'zod';
import { badRequest, type FieldProblem } from './problem.js';

const SHOWN_MAX_LENGTH = 80;

/** Longest list of problems in one answer: a list of a thousand bad items is told by its first ones. */
const PROBLEMS_MAX = 20;

/** The value as a schema makes it. Throws a problem that names each field, what it was and what is allowed. */
export function check<Output>(schema: z.ZodType<Output>, value: unknown): Output {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw badRequest(result.error.issues.flatMap((issue) => toProblems(issue, value)).slice(0, PROBLEMS_MAX));
}

function toProblems(issue: z.core.$ZodIssue, root: unknown): FieldProblem[] {
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => problemAt([...issue.path, key], root, 'no field of this name'));
  return [problemAt(issue.path, root, allowedBy(issue))];
}

const problemAt = (path: readonly PropertyKey[], root: unknown, allowed: string): FieldProblem => ({
  field: path.length === 0 ? 'body' : path.map(String).join('.'),
  was: shown(valueAt(path, root)),
  allowed,
});

const valueAt = (path: readonly PropertyKey[], root: unknown): unknown =>
  path.reduce<unknown>(
    (at, key) =>
      typeof at === 'object' && at !== null && Object.hasOwn(at, key)
        ? (at as Record<PropertyKey, unknown>)[key]
        : undefined,
    root,
  );

function shown(value: unknown): string {
  const text = value === undefined ? 'not set' : (JSON.stringify(value) ?? typeof value);
  return text.length > SHOWN_MAX_LENGTH ? `${text.slice(0, SHOWN_MAX_LENGTH)}…` : text;
}

/** What zod expected, without what it received: that is told by itself. */
function allowedBy(issue: z.core.$ZodIssue): string {
  if (issue.code === 'invalid_format') return `a valid ${issue.format}`;
  return /expected (.+?)(?:, received .*)?$/s.exec(issue.message)?.[1] ?? issue.message;
}
