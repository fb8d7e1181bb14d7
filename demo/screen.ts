import { clearScreenDown, moveCursor } from 'node:readline';

/** Lines that stay, and on a terminal one block below them that is drawn anew. */
export interface Screen {
  /** True on a terminal; elsewhere blocks are not drawn. */
  readonly isLive: boolean;
  say(line: string): void;
  draw(block: readonly string[]): void;
  /** Takes the block away. */
  clear(): void;
}

/** A screen on the standard output or a stream like it. */
export function createScreen(stream: NodeJS.WriteStream): Screen {
  const isLive = stream.isTTY === true;
  let drawn: readonly string[] = [];
  const clear = (): void => {
    if (drawn.length === 0) return;
    moveCursor(stream, 0, -drawn.length);
    clearScreenDown(stream);
    drawn = [];
  };
  const draw = (block: readonly string[]): void => {
    if (!isLive) return;
    clear();
    // A block higher than the terminal cannot be taken back.
    drawn = block.slice(0, Math.max(0, stream.rows - 1));
    for (const line of drawn) stream.write(`${line}\n`);
  };
  return {
    isLive,
    draw,
    clear,
    say: (line) => {
      const block = drawn;
      clear();
      stream.write(`${line}\n`);
      draw(block);
    },
  };
}
