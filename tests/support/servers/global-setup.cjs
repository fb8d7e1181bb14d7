const { load, SHARED } = require('./load.cjs');

/** Finds or starts the servers that all test files of this run share, and tells the files through the environment. */
module.exports = async function startSharedServers() {
  const { openSharedServers, SHARED_SERVERS_VARIABLE } = load('./shared-servers.ts');
  const { servers, close } = await openSharedServers();
  process.env[SHARED_SERVERS_VARIABLE] = JSON.stringify(servers);
  globalThis[SHARED] = close;
};
