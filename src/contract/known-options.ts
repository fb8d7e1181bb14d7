/** The options without those that are `undefined`: they count as not given, so that defaults hold. */
export function givenOptions<Options extends object>(options: Options): Options {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Options;
}

/**
 * Names the options that nobody knows, with their path; `null`: there are none. A section that is not given is fine, one
 * that is no object is told as such.
 */
export function unknownOptions(path: string, section: unknown, known: readonly string[]): string | null {
  if (section === undefined) return null;
  if (typeof section !== 'object' || section === null) return `${path} must be an object`;
  const unknown = Object.keys(section).filter((name) => !known.includes(name));
  if (unknown.length === 0) return null;
  const prefix = path === '' ? '' : `${path}.`;
  const names = unknown.map((name) => `${prefix}${name}`).join(', ');
  return `unknown option ${names}; allowed: ${known.map((name) => `${prefix}${name}`).join(', ')}`;
}

/** Says what a value must be unless it is one of the allowed ones, or not given. */
export function notOneOf(path: string, value: unknown, allowed: readonly unknown[]): string | null {
  if (value === undefined || allowed.includes(value)) return null;
  return `${path} must be ${allowed.map((one) => JSON.stringify(one)).join(' or ')}`;
}
