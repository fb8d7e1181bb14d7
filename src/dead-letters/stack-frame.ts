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

/** The frame in which a handler, or what decides in its place, is called. */
const CALLER =
  /^ *at (?:async )?(?:HandlerRun|Work)\..*[\\/]delivery[\\/](?:handler-run|work)\.[cm]?[jt]s:\d/m;

/**
 * A stack without the frames below the handler: they are ours, and which adapter delivered the message is all that they
 * tell. The same failure has the same stack then on both brokers. Where we are bundled into another file nothing is cut.
 */
export function withoutCallers(stack: string): string {
  const at = stack.search(CALLER);
  return at <= 0 ? stack : stack.slice(0, at - 1);
}
