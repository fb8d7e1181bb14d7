import { randomUUID } from 'node:crypto';

/** The servers of a test run are shared, so the guide's names get an end of their own. */
const RUN = randomUUID().slice(0, 8);

export const FEATURE_USAGE_TOPIC = `feature_usage_topic_${RUN}`;
export const FEATURE_USAGE_GROUP_ID = `zaaz-server-feature-usage-group-${RUN}`;
export const MY_TOPIC = `my_topic_${RUN}`;
export const MY_CONSUMER_GROUP = `my-consumer-group-${RUN}`;
