/** The topic in which Kafka keeps groups; it makes it when it is first asked where a group is. */
export const GROUPS_TOPIC = '__consumer_offsets';
