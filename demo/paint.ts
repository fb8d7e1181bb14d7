import { styleText } from 'node:util';

/** Colours that the demo uses. */
export type Colour = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan';

/** Colours a text, or leaves it alone. */
export type Paint = (colour: Colour, text: string) => string;

/** Colours only on a terminal that has them; it knows NO_COLOR and FORCE_COLOR. */
export function paintFor(stream: NodeJS.WriteStream): Paint {
  if (!stream.isTTY || !stream.hasColors()) return (_, text) => text;
  return (colour, text) => styleText(colour, text);
}
