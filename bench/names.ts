let made = 0;

/** A name that no other row and no other run uses. */
export function uniqueName(stem: string): string {
  made += 1;
  return `bench_${stem}_${process.pid}_${Date.now().toString(36)}_${made}`;
}
