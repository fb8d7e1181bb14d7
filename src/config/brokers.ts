import { BROKER_NAMES, type BrokerName } from '../contract/message.js';
import type { KafkaSettings, RabbitmqSettings } from '../contract/settings.js';
import type { Findings } from './findings.js';
import { completeRabbitmqUrl } from './rabbitmq-url.js';
import { resolveSasl } from './sasl.js';
import type { ConfigValues } from './schema.js';
import { type BaseFolders, readTls } from './tls.js';

type Context = BaseFolders & { readonly findings: Findings };

const ADDRESS = { kafka: ['kafka', 'brokers'], rabbitmq: ['rabbitmq', 'urls'] } as const;
const PRODUCT = { kafka: 'Kafka', rabbitmq: 'RabbitMQ' } as const;

/**
 * The brokers that are on: those whose flag is `true` and whose address is set. Embedded ones need no address, and
 * without any flag both are on. None at all is a finding: nothing is ever served from memory silently.
 */
export function resolveEnabled(values: ConfigValues, findings: Findings): BrokerName[] {
  const flagged = BROKER_NAMES.filter((name) => values[name].enabled);
  if (values.embedded) return flagged.length > 0 ? flagged : [...BROKER_NAMES];
  const enabled = flagged.filter((name) => hasAddress(name, values, findings));
  const flags = BROKER_NAMES.map((name) => [name, 'enabled']);
  const addresses = BROKER_NAMES.map((name) => ADDRESS[name]);
  if (enabled.length === 0 && !findings.isBad(['embedded'], ...flags, ...addresses)) {
    findings.problems.push({
      setting: 'KAFKA_ENABLED, RABBITMQ_ENABLED',
      was: ['both off', ...findings.warnings.map((what) => what.replace(/\.$/, ''))].join(': '),
      allowed:
        'KAFKA_ENABLED=true with KAFKA_BROKERS, RABBITMQ_ENABLED=true with RABBITMQ_URL, or EMBEDDED=true for brokers in memory',
    });
  }
  return enabled;
}

function hasAddress(name: BrokerName, values: ConfigValues, findings: Findings): boolean {
  const isSet = name === 'kafka' ? values.kafka.brokers !== undefined : values.rabbitmq.urls !== undefined;
  if (!isSet && !findings.isBad(ADDRESS[name])) {
    const flag = findings.nameOf([name, 'enabled']);
    const address = findings.nameOf(ADDRESS[name]);
    findings.warnings.push(`${flag} is true but ${address} is not set, so ${PRODUCT[name]} is off.`);
  }
  return isSet;
}

/** Everything that the Kafka adapter needs. */
export async function resolveKafka(values: ConfigValues['kafka'], context: Context): Promise<KafkaSettings> {
  const { enabled: _, brokers = [], tls, sasl: saslValues, ...rest } = values;
  const { enabled: isTlsEnabled, ...tlsValues } = tls;
  const { rejectUnauthorized, ...texts } = tlsValues;
  const hasTlsValues = !rejectUnauthorized || Object.values(texts).some((text) => text !== undefined);
  const isTls = isTlsEnabled ?? hasTlsValues;
  if (!isTls && hasTlsValues) {
    context.findings.warnings.push(
      `${context.findings.nameOf(['kafka', 'tls', 'enabled'])} is false, so the other TLS settings of Kafka have no effect.`,
    );
  }
  const sasl = resolveSasl(saslValues, context);
  if (sasl !== undefined && !isTls) warnAboutPlainText(sasl.mechanism, context.findings);
  return {
    brokers,
    ...rest,
    ...(isTls && { tls: await readTls('kafka', tlsValues, context) }),
    ...(sasl !== undefined && { sasl }),
  };
}

function warnAboutPlainText(mechanism: string, findings: Findings): void {
  if (mechanism !== 'plain' && mechanism !== 'oauthbearer') return;
  const name = findings.nameOf(['kafka', 'sasl', 'mechanism']);
  findings.warnings.push(
    `${name} is ${mechanism} without TLS: the credentials travel unencrypted. Set KAFKA_TLS=true.`,
  );
}

/** Everything that the RabbitMQ adapter needs. */
export async function resolveRabbitmq(
  values: ConfigValues['rabbitmq'],
  context: Context,
): Promise<RabbitmqSettings> {
  const { enabled: _, managementUrl: __, urls = [], tls, ...rest } = values;
  const isTls = urls.some((url) => /^amqps:/i.test(url));
  const { rejectUnauthorized, ...texts } = tls;
  const given = Object.entries(texts).filter(([, text]) => text !== undefined);
  if (!rejectUnauthorized) given.push(['rejectUnauthorized', 'false']);
  if (!isTls && urls.length > 0) {
    for (const [name] of given) {
      context.findings.refuse(
        ['rabbitmq', 'tls', name],
        'only with an `amqps://` URL: none of the URLs uses TLS',
      );
    }
  }
  return {
    urls: urls.map(completeRabbitmqUrl),
    ...rest,
    ...(isTls && { tls: await readTls('rabbitmq', tls, context) }),
  };
}
