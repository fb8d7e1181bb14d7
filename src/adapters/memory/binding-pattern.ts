import type { Headers } from '../../contract/message.js';

/** Tells whether a routing key is meant. */
export type Matcher = (routingKey: string) => boolean;

/**
 * Compiles the binding key of a topic exchange: words between dots, `*` for exactly one word, `#` for any number of
 * words, none included.
 */
export function compilePattern(pattern: string): Matcher {
  if (pattern === '#') return () => true;
  if (!/[*#]/.test(pattern)) return (routingKey) => routingKey === pattern;
  const words = pattern.split('.');
  return (routingKey) => matchWords(words, routingKey.split('.'));
}

/** Word by word, remembering the last `#`: what follows it is tried further along when it does not fit. */
function matchWords(pattern: readonly string[], words: readonly string[]): boolean {
  let at = 0;
  let word = 0;
  let hashAt = -1;
  let hashWord = 0;
  while (word < words.length) {
    if (pattern[at] === '#') {
      hashAt = at;
      hashWord = word;
      at += 1;
    } else if (at < pattern.length && (pattern[at] === '*' || pattern[at] === words[word])) {
      at += 1;
      word += 1;
    } else if (hashAt >= 0) {
      hashWord += 1;
      word = hashWord;
      at = hashAt + 1;
    } else {
      return false;
    }
  }
  while (pattern[at] === '#') at += 1;
  return at === pattern.length;
}

/**
 * Whether a message's headers fit the arguments of a headers binding: all of them (`x-match: all`, the default) or one
 * (`any`). Arguments that begin with `x-` do not take part.
 */
export function matchHeaders(binding: Readonly<Record<string, string>>, headers: Headers): boolean {
  const names = Object.keys(binding).filter((name) => !name.startsWith('x-'));
  const fits = (name: string): boolean => Object.hasOwn(headers, name) && headers[name] === binding[name];
  return binding['x-match'] === 'any' ? names.some(fits) : names.every(fits);
}
