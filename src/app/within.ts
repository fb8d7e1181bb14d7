/** Waits for the end of something, whatever it is, at most so long (ms). Resolves with whether it ended. */
export async function within(work: Promise<unknown>, timeoutMs: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const isOver = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), timeoutMs);
  });
  const isDone = work.then(
    () => true,
    () => true,
  );
  try {
    return await Promise.race([isDone, isOver]);
  } finally {
    clearTimeout(timer);
  }
}
