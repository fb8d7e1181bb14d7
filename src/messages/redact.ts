/** What stands for a secret in every text. */
export const MASK = '***';

/** Longest user, password and host part that is looked through; bounds the work on hostile texts. */
const URL_AUTHORITY_MAX_LENGTH = 1024;

/** `scheme://user:password@`, up to the last `@`: raw passwords hold `@`, `:` and `/`. A list of URLs is several. */
const URL_CREDENTIALS = new RegExp(
  `\\b([a-z][a-z0-9+.-]{1,20}://)(?:(?![,;|]\\s*[a-z][a-z0-9+.-]{1,20}://)[^\\s"<>]){0,${URL_AUTHORITY_MAX_LENGTH}}@`,
  'gi',
);

const PRIVATE_KEY =
  /-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]{0,40}PRIVATE KEY-----|$)/g;

const SCHEME_CREDENTIALS = /\b(Bearer|Basic|Digest) +[A-Za-z0-9._~+/=-]{4,}/gi;

const WEB_TOKEN = /\beyJ[A-Za-z0-9_-]{4,}\.[A-Za-z0-9_-]{4,}(?:\.[A-Za-z0-9_-]*)?/g;

/** Parts of names whose values are secrets, in any spelling. */
const SECRET_WORDS =
  'password|passwd|passphrase|secret|token|authorization|cookie|credentials?|api[-_]?key|private[-_]?key|access[-_]?key';

/** `password=…`, `"token": "…"`, `Authorization: …` inside a text. */
const NAMED_SECRET = new RegExp(
  `((?:${SECRET_WORDS})[\\w-]{0,40}["']?\\s{0,3}[=:]\\s{0,3})("(?:[^"\\\\]|\\\\.)*"|'(?:[^'\\\\]|\\\\.)*'|(?:Bearer |Basic )?[^\\s,;&"'{}[\\])]+)`,
  'gi',
);

const SECRET_NAME = new RegExp(SECRET_WORDS, 'i');

/** Names that hold a secret only when they are the whole name: `key` alone is a message key, `tls.key` is not. */
const SECRET_WHOLE_NAMES = new Set(['pass', 'pwd', 'pfx', 'auth', 'jwt']);

/** True if a field of this name holds a secret: `password`, `sasl_token`, `Authorization`, `apiKey`, … */
export function isSecretName(name: string): boolean {
  return SECRET_NAME.test(name) || SECRET_WHOLE_NAMES.has(name.toLowerCase());
}

/**
 * The text without secrets: credentials in URLs, private keys, bearer tokens and values of secret names become `***`.
 * Pure; masks too much rather than too little.
 */
export function redactText(text: string): string {
  return text
    .replace(PRIVATE_KEY, MASK)
    .replace(URL_CREDENTIALS, `$1${MASK}@`)
    .replace(NAMED_SECRET, `$1${MASK}`)
    .replace(SCHEME_CREDENTIALS, `$1 ${MASK}`)
    .replace(WEB_TOKEN, MASK);
}

/** Characters that end a line, move the cursor, colour a terminal or turn the direction of text. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the ones to be found
const CONTROL_CHARACTERS = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

const ESCAPES: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** The text on one line: control characters become visible escapes, so that no value can forge a log line. */
export function escapeControls(text: string): string {
  return text.replace(
    CONTROL_CHARACTERS,
    (character) => ESCAPES[character] ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
