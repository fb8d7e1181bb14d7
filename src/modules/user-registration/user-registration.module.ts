import { defineConsumer, defineTopic, type MessageBus, type Receipt } from '../../index.js';
import { type ConsumingOptions, consuming } from '../consuming.js';
import { dropInvalid } from '../drop-invalid.js';
import type { ServerModule } from '../server-module.js';
import { type UserRegistration, userRegistrationSchema } from './user-registration.schema.js';
import type { UserRegistrationStore } from './user-registration.store.js';

/** Parts of the module. */
export interface UserRegistrationOptions extends ConsumingOptions {
  readonly store: UserRegistrationStore;
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
  const { store } = options;
  const shared = {
    topic: userRegistration,
    ...consuming(options),
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
