import { defineConsumer, defineTopic, type MessageBus, type Receipt } from '../../index.js';
import { dropInvalid } from '../drop-invalid.js';
import type { ServerModule } from '../server-module.js';
import { type UserRegistration, userRegistrationSchema } from './user-registration.schema.js';
import type { UserRegistrationStore } from './user-registration.store.js';

type ConsumerOptions = Parameters<typeof defineConsumer>[0];

/** Parts of the module. */
export interface UserRegistrationOptions {
  readonly store: UserRegistrationStore;
  /** The store and the inbox share transactions. Default `false`. */
  readonly hasTransactions?: boolean;
  /** Default: deferred by 5 s, 30 s and 5 min. */
  readonly retry?: NonNullable<ConsumerOptions['retry']>;
  /** Default `drop`, as the guide has it; `dead-letter` keeps them. */
  readonly invalid?: 'drop' | 'dead-letter';
}

/** What the module publishes. */
export interface UserRegistrationPublisher {
  sendUserRegistration(data: UserRegistration, options?: { readonly id?: string }): Promise<Receipt>;
}

const userRegistration = defineTopic({
  name: 'user_registration_topic',
  schema: userRegistrationSchema,
  key: ({ user }) => user,
});

/** Two consumers of one topic, each with its own group: both get every registration, and move by a flag of their own. */
export function userRegistrationModule(
  options: UserRegistrationOptions,
): ServerModule<UserRegistrationPublisher> {
  const { store, hasTransactions = false, invalid = 'drop' } = options;
  const shared = {
    topic: userRegistration,
    invalid,
    retry: options.retry ?? { deferred: ['5s', '30s', '5m'] },
    ...(hasTransactions ? { inbox: { transaction: true } as const } : {}),
  };
  const welcome = defineConsumer<UserRegistration>({
    ...shared,
    name: 'user-registration-welcome',
    group: 'zaaz-server-user-registration-welcome-group',
    handle: dropInvalid(({ data: { user, email } }, { session }) =>
      store.addWelcome({ user, email }, session),
    ),
  });
  const statistics = defineConsumer<UserRegistration>({
    ...shared,
    name: 'user-registration-statistics',
    group: 'zaaz-server-user-registration-statistics-group',
    handle: dropInvalid(({ data: { user, time } }, { session }) =>
      store.addToDay(time.slice(0, 10), user, session),
    ),
  });
  return {
    topics: [userRegistration],
    consumers: [welcome, statistics],
    prepare: () => store.prepare(),
    publisher: (bus: MessageBus) => ({
      sendUserRegistration: (data, given) => bus.publish(userRegistration, data, given),
    }),
  };
}
