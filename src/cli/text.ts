import { styleText } from 'node:util';

/** Characters that end a line, move the cursor, colour a terminal or turn the direction of text. */
const CONTROLS = /[\p{Cc}\p{Cf}\u2028\u2029]/gu;

const unitOf = (text: string, at: number): string =>
  `\\u${text.charCodeAt(at).toString(16).padStart(4, '0')}`;

const escapeControl = (character: string): string =>
  Array.from({ length: character.length }, (_, at) => unitOf(character, at)).join('');

/** The text on one line, with every control character visible. */
export const plain = (text: string): string => text.replace(CONTROLS, escapeControl);

/** JSON that no terminal obeys; it means the same. */
export const json = (value: unknown, indent?: number): string =>
  JSON.stringify(value, null, indent)
    .split('\n')
    .map((line) => line.replace(CONTROLS, escapeControl))
    .join('\n');

/** Colours a text, or leaves it alone. */
export type Paint = (colour: 'bold' | 'dim' | 'red' | 'green' | 'yellow', text: string) => string;

export const paintFor = (hasColours: boolean): Paint =>
  hasColours ? (colour, text) => styleText(colour, text) : (_, text) => text;

/** The text, cut to so many characters. */
export const cut = (text: string, length: number): string =>
  text.length > length ? `${text.slice(0, length - 1)}…` : text;

/** The frame of a stack, cut to so many characters: what names the function and the file stays, the folders above go. */
export function cutFrame(frame: string, length: number): string {
  const parts = /^(.*\()?(.*)$/s.exec(frame);
  const [, before = '', place = ''] = parts ?? [];
  const room = length - before.length - 1;
  if (frame.length <= length || room < 1) return cut(frame, length);
  return `${before}…${place.slice(-room)}`;
}

/** Lines of aligned columns under their names. */
export function table(head: readonly string[], rows: readonly (readonly string[])[], paint: Paint): string {
  const lines = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...lines.map((cells) => (cells[column] ?? '').length)));
  const align = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd();
  const [first = '', ...rest] = lines.map(align);
  return `${[paint('bold', first), ...rest].join('\n')}\n`;
}
