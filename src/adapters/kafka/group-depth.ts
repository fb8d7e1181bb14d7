import type { AdminClient } from './driver.js';

/**
 * Where a group reads on in each partition of a topic: its commit, or the first record there is, whichever is later
 * (what retention has taken is gone).
 */
export async function startsOf(
  admin: AdminClient,
  group: string,
  topic: string,
): Promise<ReadonlyMap<number, bigint>> {
  const starts = new Map<number, bigint>();
  const [firsts, commits] = await Promise.all([
    admin.edgeOffsets(topic, 'first'),
    admin.groupOffsets(group, topic),
  ]);
  for (const { partition, offset } of firsts) starts.set(partition, offset);
  for (const { partition, offset } of commits) {
    if (offset > (starts.get(partition) ?? 0n)) starts.set(partition, offset);
  }
  return starts;
}

/** Records of a topic that the group has before it. */
export async function depthOf(admin: AdminClient, group: string, topic: string): Promise<number> {
  const [starts, ends] = await Promise.all([startsOf(admin, group, topic), admin.edgeOffsets(topic, 'end')]);
  let depth = 0n;
  for (const { partition, offset } of ends) depth += offset - (starts.get(partition) ?? 0n);
  return Number(depth);
}
