import type { CheckFacts } from './check-facts.js';

/** What can be found of configuration, names, connections, places and the inbox, whatever the broker. */
export const BUS_CHECKS = {
  'config-refused': {
    severity: 'error',
    meaning:
      'The configuration or a definition is refused: the bus does not start, and nothing else was looked at.',
    cure: 'Correct what is named.',
  },
  'config-warning': {
    severity: 'warning',
    meaning: 'A setting works but looks wrong.',
    cure: 'Correct the setting, or leave it if it is meant.',
  },
  'name-invalid': {
    severity: 'error',
    meaning: 'A name that follows from a definition is one that a broker refuses.',
    cure: 'Shorten or change the name, or map the place by the settings of its topic or consumer.',
  },
  'broker-unreachable': {
    severity: 'error',
    meaning: 'The broker does not answer in time; nothing else of it was looked at.',
    cure: 'Check that it runs, that its address is right and that no firewall is between.',
  },
  'broker-credentials': {
    severity: 'error',
    meaning: 'The broker refuses user, password or mechanism.',
    cure: 'Correct user, password and mechanism.',
  },
  'broker-tls': {
    severity: 'error',
    meaning: 'TLS with the broker fails.',
    cure: 'Check the certificate authority, the host name and whether the port speaks TLS.',
  },
  'broker-protocol': {
    severity: 'error',
    meaning: 'What answers at the address is no broker of this kind.',
    cure: 'Check host and port.',
  },
  'broker-access': {
    severity: 'error',
    meaning: 'The broker refuses access as a whole (a virtual host that is not there or not granted).',
    cure: 'Create the virtual host, or grant it to the user.',
  },
  'broker-embedded': {
    severity: 'info',
    meaning:
      'Embedded brokers live in the memory of each process: there is nothing to set up and nothing to check.',
    cure: 'Set EMBEDDED=false and the addresses of the brokers to check real ones.',
  },
  'place-missing': {
    severity: 'error',
    meaning: 'A topic, exchange or queue that somebody else creates is not there: the bus does not start.',
    cure: 'Create it, or take `existing` off the definition so that the bus creates it.',
  },
  'place-will-be-created': {
    severity: 'info',
    meaning: 'A topic, exchange or queue is not there yet; the bus creates it at its start.',
    cure: 'Nothing to do.',
  },
  'place-not-shown': {
    severity: 'not-checked',
    meaning: 'The broker does not say how a place is.',
    cure: 'Check again; if it stays so, look into the log of the broker.',
  },
  'clock-skew': {
    severity: 'warning',
    meaning:
      'The clocks of this machine and of a server or a store differ: retries come late, ages are judged wrongly.',
    cure: 'Let both machines follow one time server (NTP).',
  },
  'inbox-none': {
    severity: 'info',
    meaning:
      'There is no inbox: a message may have its effect again after a fault, and no consumer can move while it runs.',
    cure: 'Give the bus an inbox before a consumer is moved.',
  },
  'inbox-in-memory': {
    severity: 'warning',
    meaning:
      'The inbox is in the memory of one process: other instances and the next start know nothing of it.',
    cure: 'Use a shared inbox (`mongoInbox`) where consumers move or have several instances.',
  },
  'inbox-unreachable': {
    severity: 'error',
    meaning: 'The store of the inbox does not answer: nothing is consumed until it does.',
    cure: 'Check that it runs and that its address is right.',
  },
  'inbox-not-replicated': {
    severity: 'warning',
    meaning:
      'The store of the inbox is one server alone: what it confirmed can be lost with it, and there are no transactions.',
    cure: 'Run MongoDB as a replica set.',
  },
  'inbox-transactions': {
    severity: 'error',
    meaning:
      'A consumer wants its effects in a transaction, which the store cannot give: the bus does not start.',
    cure: 'Run the store as a replica set, or take `transaction: true` off the consumer, or lower its timeoutMs.',
  },
  'inbox-ttl-short': {
    severity: 'warning',
    meaning:
      'The store forgets sooner than the option `ttl` of the inbox says; the bus lengthens the index at its start.',
    cure: 'Start the bus once with a user that may run collMod.',
  },
} as const satisfies Record<string, CheckFacts>;
