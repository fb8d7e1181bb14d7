import type { ClaimOutcome } from '../../contract/inbox.js';
import { groupsOf } from './groups-of.js';
import { type InboxRecord, isSettledFor, type Records, type Wanted } from './record.js';
import type { Sightings } from './sightings.js';
import type { WriteCommands } from './write-commands.js';

/** What claiming needs. */
export interface ClaimStore {
  readonly records: Records;
  readonly writes: WriteCommands;
  readonly sightings: Sightings;
  readonly monotonicMs: () => number;
  readonly leaseMs: number;
  /** Claims that ended without a word, after which the message is buried. */
  readonly maxClaims: number;
  /** How long the server tries to take what an open transaction holds, ms. */
  readonly takeoverMs: number;
}

type Outcomes = Map<string, ClaimOutcome>;

/** A record that can be taken, as it was read. */
interface Take {
  readonly record: InboxRecord;
  readonly attempt: number;
}

/** Claims each record that is free, under one token; no key may come twice. */
export async function claimRecords(
  store: ClaimStore,
  wanted: readonly Wanted[],
  token: string,
): Promise<Outcomes> {
  const outcomes: Outcomes = new Map(wanted.map(({ key }) => [key, 'claimed']));
  const present = await insertNew(store, wanted, token);
  if (present.length === 0) return outcomes;
  const takes = await lookAt(store, { present, token, outcomes });
  if (takes.length > 0) await takeOver(store, { takes, token, outcomes });
  return outcomes;
}

/** Inserts a claimed record for each message that nobody knows; resolves with those that somebody does. */
async function insertNew({ writes, leaseMs }: ClaimStore, wanted: readonly Wanted[], token: string) {
  const fresh = wanted.map(
    ({ key, attempt }): InboxRecord => ({
      _id: key,
      state: 'claimed',
      token,
      attempt,
      claims: 1,
      renewals: 0,
      leaseMs,
    }),
  );
  const places = await writes.insert(fresh);
  return places.map((place) => wanted[place] as Wanted);
}

/** Reads the records that are there and says of each what it means; resolves with those that can be taken. */
async function lookAt(
  store: ClaimStore,
  { present, token, outcomes }: { present: readonly Wanted[]; token: string; outcomes: Outcomes },
): Promise<Take[]> {
  const askedMs = store.monotonicMs();
  const records = await store.records.find({ _id: { $in: present.map(({ key }) => key) } }).toArray();
  const answeredMs = store.monotonicMs();
  const byKey = new Map(records.map((record) => [record._id, record]));
  const takes: Take[] = [];
  for (const { key, attempt } of present) {
    const record = byKey.get(key);
    const outcome = record === undefined ? 'busy' : judge(store, record, { attempt, token, askedMs });
    if (outcome !== 'free') outcomes.set(key, outcome);
    else if (record !== undefined) takes.push({ record, attempt });
    if (outcome === 'busy' && record !== undefined) store.sightings.note(record, answeredMs);
    else if (outcome !== 'free') store.sightings.forget(key);
  }
  return takes;
}

function judge(
  { sightings, leaseMs, maxClaims }: ClaimStore,
  record: InboxRecord,
  { attempt, token, askedMs }: { attempt: number; token: string; askedMs: number },
): ClaimOutcome | 'free' {
  if (isSettledFor(record, attempt)) return 'settled';
  if (record.token === token) return heldAs(record, maxClaims); // written by an earlier try whose answer was lost
  if (record.token === null || record.state === 'open') return 'free';
  return sightings.hasStoodStill(record, askedMs, leaseMs) ? 'free' : 'busy';
}

function heldAs({ state, claims }: InboxRecord, maxClaims: number): ClaimOutcome {
  if (state !== 'burying') return 'claimed';
  return claims > maxClaims ? 'poison' : 'burying';
}

/** Takes records that stand as they were read, in one bulk, then reads which of them are ours: a bulk tells totals only. */
async function takeOver(
  store: ClaimStore,
  { takes, token, outcomes }: { takes: readonly Take[]; token: string; outcomes: Outcomes },
): Promise<void> {
  const { records, writes, sightings, takeoverMs, maxClaims } = store;
  const triedMs = store.monotonicMs();
  const statements = groupsOf(takes, nameOfTake).map((group) => takeOf(store, group, token));
  await writes.update(statements, takeoverMs);
  const keys = takes.map(({ record }) => record._id);
  const ours = await records.find({ _id: { $in: keys }, token }).toArray();
  const held = new Map(ours.map((record) => [record._id, heldAs(record, maxClaims)]));
  for (const key of keys) {
    outcomes.set(key, held.get(key) ?? 'busy');
    if (held.has(key)) sightings.forget(key);
    else sightings.noteHeld(key, triedMs);
  }
}

/** Takes that one update can do: seen in the same state, and taken for the same attempt. */
const nameOfTake = ({ record: { state, token, renewals, claims }, attempt }: Take): string =>
  JSON.stringify([state, token, renewals, claims, attempt]);

function takeOf({ leaseMs, maxClaims }: ClaimStore, group: readonly [Take, ...Take[]], mine: string) {
  const [{ record, attempt }] = group;
  const { state, token, renewals, claims } = record;
  const isBuried = state === 'burying' || claims >= maxClaims;
  return {
    q: {
      _id: { $in: group.map((take) => take.record._id) },
      state,
      token,
      renewals,
      attempt: { $lte: attempt },
    },
    u: {
      $set: {
        state: isBuried ? ('burying' as const) : ('claimed' as const),
        token: mine,
        attempt,
        renewals: 0,
        leaseMs,
      },
      $inc: { claims: state === 'burying' ? 0 : 1 },
    },
  };
}
