import { type ClientContext, createSeedRotation } from './client-options.js';
import { registerCodecs } from './codecs.js';
import type { KafkaDriver } from './driver.js';
import { stopIdlePolling } from './idle-polling.js';
import { createInspectClient } from './inspect-client.js';
import { createKafkajsAdmin } from './kafkajs-admin.js';
import { createKafkajsMember } from './kafkajs-member.js';
import { createKafkajsProducer } from './kafkajs-producer.js';

/** The driver over kafkajs. */
export function createKafkajsDriver(context: ClientContext): KafkaDriver {
  stopIdlePolling();
  registerCodecs();
  const nextSeeds = createSeedRotation(context);
  return {
    producer: () => createKafkajsProducer(context),
    admin: () => createKafkajsAdmin(context),
    inspector: () => createInspectClient(context),
    member: (spec) => createKafkajsMember(context, spec, nextSeeds()),
  };
}
