import { BuscouplerError } from '../../contract/errors.js';
import { REPLY, replyCodeOf, requestError, serverWords } from './errors.js';
import type { Parcel } from './parcel.js';

/** Whose fault it was that the server closed a channel on which parcels were unconfirmed. */
export type Blame =
  /** It is asked for again before its parcels are given up. */
  | { readonly kind: 'exchange-missing'; readonly culprits: readonly Parcel[] }
  | {
      readonly kind: 'exchange-refused';
      readonly culprits: readonly Parcel[];
      readonly error: BuscouplerError;
    }
  | { readonly kind: 'message'; readonly culprits: readonly Parcel[]; readonly error: BuscouplerError }
  | {
      readonly kind: 'too-large';
      readonly culprits: readonly Parcel[];
      readonly error: BuscouplerError;
      readonly maxBytes: number;
    }
  /** Not told: they are sent again one at a time, and the one that the channel dies of is it. */
  | { readonly kind: 'unknown'; readonly culprits: readonly [] };

/** Server: "PRECONDITION_FAILED - message size 17000000 is larger than configured max size 16777216". */
const TOO_LARGE = /larger than configured max size (\d+)/;

/** Reads the server's reason. `alone`: the only parcel under way, sent alone because it is suspected. */
export function blame(reason: unknown, parcels: readonly Parcel[], alone: Parcel | null): Blame {
  const words = serverWords(reason);
  const limit = TOO_LARGE.exec(words)?.[1];
  if (limit !== undefined) return blameSize(reason, parcels, Number(limit));
  const code = replyCodeOf(reason);
  const culprits = namedIn(words, parcels);
  if (culprits.length > 0 && (code === REPLY.notFound || code === REPLY.accessRefused)) {
    return blameExchange(reason, culprits);
  }
  return alone === null ? { kind: 'unknown', culprits: [] } : blameMessage(reason, alone);
}

/** Parcels whose exchange the server's sentence names in quotes. */
function namedIn(words: string, parcels: readonly Parcel[]): readonly Parcel[] {
  return parcels.filter(({ target }) => {
    const { exchange } = target.exchange;
    return exchange !== '' && words.includes(`exchange '${exchange}'`);
  });
}

function blameExchange(reason: unknown, culprits: readonly Parcel[]): Blame {
  const { target } = culprits[0] as Parcel;
  // The server stores in order: of several messages the first may have been stored before the exchange went.
  const isDoubtful = culprits.length > 1 && target.exchange.hasStored;
  for (const parcel of culprits) if (isDoubtful) parcel.isResent = true;
  if (replyCodeOf(reason) === REPLY.notFound) return { kind: 'exchange-missing', culprits };
  const error = requestError(reason, `Publishing to the ${target.label}`);
  return { kind: 'exchange-refused', culprits, error };
}

function blameSize(reason: unknown, parcels: readonly Parcel[], maxBytes: number): Blame {
  const culprits = parcels.filter(({ ticket }) => (ticket.message.body?.length ?? 0) > maxBytes);
  for (const parcel of culprits) parcel.isResent = false; // no try of it was ever stored
  const what = `RabbitMQ refused a message: ${serverWords(reason)}.`;
  const error = new BuscouplerError('BC_MESSAGE_TOO_LARGE', what, { cause: reason });
  return { kind: 'too-large', culprits, error, maxBytes };
}

function blameMessage(reason: unknown, alone: Parcel): Blame {
  const what = `RabbitMQ closed the channel over this message: ${serverWords(reason)}.`;
  alone.isResent = false; // what closes a channel is not stored
  const error = new BuscouplerError('BC_MESSAGE_INVALID', what, { cause: reason });
  return { kind: 'message', culprits: [alone], error };
}
