import kafkajs, { type Cluster, type PartitionAssigner } from 'kafkajs';
import type { Assignment } from './driver.js';

const NAME = 'buscoupler';
const VERSION = 1;
const { MemberAssignment, MemberMetadata } = kafkajs.AssignerProtocol;

/** What the leader knows of one member. */
export interface MemberClaim {
  readonly memberId: string;
  readonly topics: readonly string[];
  /** What it held in the generation before. */
  readonly held: Assignment;
}

/** Partitions by member and topic. */
export type GroupAssignment = ReadonlyMap<string, Record<string, number[]>>;

function emptyAssignment(members: readonly MemberClaim[]): Map<string, Record<string, number[]>> {
  return new Map(members.map(({ memberId }) => [memberId, Object.create(null)]));
}

interface Share {
  readonly memberId: string;
  readonly partitions: number[];
}

/** Each member keeps what it held, up to its share; returns the partitions that are left over. */
function keepHeld(shares: readonly (Share & { held: readonly number[] })[], partitions: readonly number[]) {
  const free = new Set(partitions);
  const least = Math.floor(partitions.length / shares.length);
  let larger = partitions.length % shares.length;
  for (const { held, partitions: kept } of shares) {
    for (const partition of held) {
      const hasRoom = kept.length < least || (kept.length === least && larger > 0);
      if (!hasRoom || !free.has(partition)) continue;
      if (kept.length === least) larger -= 1;
      free.delete(partition);
      kept.push(partition);
    }
  }
  return [...free];
}

const totalOf = (held: Record<string, number[]>): number =>
  Object.values(held).reduce((sum, partitions) => sum + partitions.length, 0);

/**
 * Shares out each topic among the members that subscribe to it, evenly, and leaves partitions where they were: a
 * partition that moves is read again from its last commit.
 */
export function assignPartitions(
  members: readonly MemberClaim[],
  partitionsOf: (topic: string) => readonly number[],
): GroupAssignment {
  const sorted = [...members].sort((a, b) => (a.memberId < b.memberId ? -1 : 1));
  const assignment = emptyAssignment(sorted);
  for (const topic of [...new Set(sorted.flatMap((member) => member.topics))].sort()) {
    const subscribed = sorted.filter((member) => member.topics.includes(topic));
    const shares = subscribed.map(({ memberId, held }) => ({
      memberId,
      partitions: [] as number[],
      held: held[topic] ?? [],
    }));
    for (const partition of keepHeld(shares, partitionsOf(topic))) {
      const totals = new Map(
        shares.map((share) => [share, totalOf(assignment.get(share.memberId) as Record<string, number[]>)]),
      );
      const [next] = [...shares].sort(
        (a, b) =>
          a.partitions.length - b.partitions.length ||
          (totals.get(a) as number) - (totals.get(b) as number) ||
          (a.memberId < b.memberId ? -1 : 1),
      );
      next?.partitions.push(partition);
    }
    for (const { memberId, partitions } of shares) {
      if (partitions.length === 0) continue;
      (assignment.get(memberId) as Record<string, number[]>)[topic] = partitions.sort((a, b) => a - b);
    }
  }
  return assignment;
}

function readHeld(userData: Buffer): Assignment {
  try {
    const held: unknown = JSON.parse(userData.toString('utf8'));
    return typeof held === 'object' && held !== null ? (held as Assignment) : {};
  } catch {
    return {}; // a member of another version: it claims nothing
  }
}

/** The leader knows the partitions of its own topics only; those of the other members have to be asked for. */
async function learnTopics(cluster: Cluster, topics: ReadonlySet<string>): Promise<void> {
  for (const topic of topics) {
    try {
      await cluster.addMultipleTargetTopics([topic]);
    } catch {
      // It does not exist (any more): its subscriber gets nothing of it, and the rest of the group goes on.
    }
  }
}

/**
 * Our assigner: kafkajs' own gives every member every topic, so that a topic which only some members read goes unread.
 * `held` says what this member has now.
 */
export function createAssigner(held: () => Assignment): PartitionAssigner {
  return ({ cluster }) => ({
    name: NAME,
    version: VERSION,
    protocol: ({ topics }) => ({
      name: NAME,
      metadata: MemberMetadata.encode({
        version: VERSION,
        topics,
        userData: Buffer.from(JSON.stringify(held())),
      }),
    }),
    assign: async ({ members }) => {
      const claims = members.map(({ memberId, memberMetadata }) => {
        const metadata = MemberMetadata.decode(memberMetadata);
        return {
          memberId,
          topics: metadata?.topics ?? [],
          held: metadata === null ? {} : readHeld(metadata.userData),
        };
      });
      await learnTopics(cluster, new Set(claims.flatMap(({ topics }) => topics)));
      const partitionsOf = (topic: string): number[] =>
        cluster.findTopicPartitionMetadata(topic).map(({ partitionId }) => partitionId);
      const assignment = assignPartitions(claims, partitionsOf);
      return [...assignment].map(([memberId, topics]) => ({
        memberId,
        memberAssignment: MemberAssignment.encode({
          version: VERSION,
          assignment: topics,
          userData: Buffer.alloc(0),
        }),
      }));
    },
  });
}
