/** A server that can be neither found nor started here, with the reason and what to do about it. */
export class ServerUnavailableError extends Error {
  override readonly name = 'ServerUnavailableError';
  /** Why it is not there. */
  readonly reason: string;
  /** What makes it available. */
  readonly cure: string;

  constructor(reason: string, cure: string) {
    super(`${reason}; ${cure}`);
    this.reason = reason;
    this.cure = cure;
  }
}
