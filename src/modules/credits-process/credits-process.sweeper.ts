import type { Logger } from '../../index.js';
import type { CreditsProcessService } from './credits-process.service.js';

/** What the sweeper is made of. */
export interface SweeperParts {
  readonly service: CreditsProcessService;
  readonly logger: Logger;
  /** Between two rounds, ms. Default 30,000. */
  readonly intervalMs?: number;
}

/** Gives back expired reservations again and again; any number of instances may run it side by side. */
export class ReservationSweeper {
  readonly #parts: SweeperParts;
  #timer: NodeJS.Timeout | null = null;
  #round: Promise<void> = Promise.resolve();

  constructor(parts: SweeperParts) {
    this.#parts = parts;
  }

  start(): void {
    this.#timer ??= setInterval(() => {
      this.#round = this.#round.then(() => this.#sweep());
    }, this.#parts.intervalMs ?? 30_000);
  }

  /** Resolves when the round that runs has ended. */
  async stop(): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    await this.#round;
  }

  async #sweep(): Promise<void> {
    const { service, logger } = this.#parts;
    try {
      const moved = await service.expireReservations();
      if (moved > 0) logger.info({ moved }, 'Reservations expired or were forgotten');
    } catch (err) {
      logger.warn({ err }, 'Expired reservations could not be given back; the next round tries again');
    }
  }
}
