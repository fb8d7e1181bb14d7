/** A line of a stack that names a place in the code. */
const FRAME = /^\s*at (.+)$/;

/** Code that is not the application's: Node.js itself, and packages. */
const FOREIGN = /\bnode:|[\\/]node_modules[\\/]/;

/**
 * The first frame of a stack that lies in the application, else the first of all: `send (/app/src/mail.js:3:9)`. `null`:
 * it has none.
 */
export function applicationFrameOf(stack: string): string | null {
  let first: string | null = null;
  for (const line of stack.split('\n')) {
    const frame = FRAME.exec(line)?.[1];
    if (frame === undefined) continue;
    if (!FOREIGN.test(frame)) return frame;
    first ??= frame;
  }
  return first;
}
