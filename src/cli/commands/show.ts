import type { DeskCommand, WholeLetter } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { json, type Paint, plain } from '../text.js';

/** Options of `show`. */
export interface ShowOptions {
  readonly id: string;
}

function fieldsOf({ headers, body, ...facts }: WholeLetter): [string, string][] {
  const entries = Object.entries(facts).filter(([, value]) => value !== null && value !== undefined);
  return [
    ...entries.map(([name, value]): [string, string] => [name, plain(String(value))]),
    ...Object.entries(headers).map(([name, value]): [string, string] => [
      plain(`header ${name}`),
      typeof value === 'string' ? plain(value) : json(value),
    ]),
    ['body', bodyText(body)],
  ];
}

function bodyText(body: WholeLetter['body']): string {
  if (body === null) return '(tombstone)';
  return 'utf8' in body ? plain(body.utf8) : `(base64) ${body.base64}`;
}

function page(letter: WholeLetter, paint: Paint): string {
  const fields = fieldsOf(letter);
  const width = Math.max(...fields.map(([name]) => name.length));
  return fields.map(([name, value]) => `${paint('dim', name.padEnd(width))}  ${value}\n`).join('');
}

/** Shows the letters of one message, or one letter, whole. */
export const show: DeskCommand<ShowOptions> = async ({ desk, io, isJson, paint }, { id }) => {
  const letters = await desk.show(id, { signal: io.signal });
  if (letters.length === 0) io.err(`There is no dead letter ${plain(id)}.\n`);
  else if (isJson) await io.out(`${json(letters, 2)}\n`);
  else await io.out(letters.map((letter) => page(letter, paint)).join('\n'));
  return letters.length === 0 ? EXIT.error : EXIT.done;
};
