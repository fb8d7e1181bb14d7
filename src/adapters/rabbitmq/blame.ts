import { BuscouplerError } from '../../contract/errors.js';
import { REPLY, replyCodeOf, requestError, serverWords } from './errors.js';
import type { Parcel } from './parcel.js';

/** Whose fault it was that the server closed a channel on which parcels were unconfirmed. */
export type Blame =
  | { readonly kind: 'exchange-missing'; readonly culprits: readonly Parcel[] }
  | { readonly kind: 'refused'; readonly culprits: readonly Parcel[]; readonly error: BuscouplerError }
  | { readonly kind: 'too-large'; readonly maxBytes: number; readonly error: BuscouplerError }
  /** Not told: they are sent again one at a time, and the one that the channel dies of is it. */
  | { readonly kind: 'unknown' };

/** Server: "PRECONDITION_FAILED - message size 17000000 is larger than configured max size 16777216". */
const TOO_LARGE = /larger than configured max size (\d+)/;

/** Parcels whose exchange the server's sentence names in quotes. */
function namedIn(words: string, parcels: readonly Parcel[]): readonly Parcel[] {
  return parcels.filter(({ target }) => {
    const { exchange } = target.exchange;
    return exchange !== '' && words.includes(`exchange '${exchange}'`);
  });
}

/** Reads the server's reason. `alone`: the only parcel under way, sent alone because it is suspected. */
export function blame(reason: unknown, parcels: readonly Parcel[], alone: Parcel | null): Blame {
  const code = replyCodeOf(reason);
  const words = serverWords(reason);
  const limit = TOO_LARGE.exec(words)?.[1];
  if (limit !== undefined) {
    const error = new BuscouplerError('BC_MESSAGE_TOO_LARGE', `RabbitMQ refused a message: ${words}.`, {
      cause: reason,
    });
    return { kind: 'too-large', maxBytes: Number(limit), error };
  }
  const culprits = namedIn(words, parcels);
  if (code === REPLY.notFound && culprits.length > 0) return { kind: 'exchange-missing', culprits };
  if (code === REPLY.accessRefused && culprits.length > 0) {
    return {
      kind: 'refused',
      culprits,
      error: requestError(reason, `Publishing to ${culprits[0]?.target.label}`),
    };
  }
  if (alone !== null) {
    // After an error of its own the server may well take the same message later.
    const kind = code === REPLY.internalError ? 'BC_PUBLISH_REFUSED' : 'BC_MESSAGE_INVALID';
    const what = `RabbitMQ closed the channel over this message: ${words}.`;
    const error = new BuscouplerError(kind, what, { cause: reason });
    return { kind: 'refused', culprits: [alone], error };
  }
  return { kind: 'unknown' };
}
