const { SHARED } = require('./load.cjs');

/** Ends what the global set-up started. */
module.exports = async function stopSharedServers() {
  await globalThis[SHARED]?.();
};
