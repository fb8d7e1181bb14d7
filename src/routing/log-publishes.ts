import type { Logger } from '../contract/logger.js';
import type { PublishAlong } from './publish-path.js';

/**
 * The publish path with one line per published message, at `debug`. Unless that level is on when the bus is made, the
 * path is returned as it is: a message then pays nothing for lines that nobody writes.
 */
export function logPublishes(publishAlong: PublishAlong, logger: Logger): PublishAlong {
  if (!logger.isLevelEnabled('debug')) return publishAlong;
  return async (route, data, options) => {
    const receipt = await publishAlong(route, data, options);
    const { id, brokers } = receipt;
    logger.debug({ mark: 'published', id, brokers }, `Message published to topic '${route.topic.name}'`);
    return receipt;
  };
}
