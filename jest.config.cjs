const common = {
  testEnvironment: 'node',
  extensionsToTreatAsEsm: [],
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      { jsc: { parser: { syntax: 'typescript' }, target: 'es2022' }, module: { type: 'commonjs' } },
    ],
  },
};

const withServers = {
  globalSetup: '<rootDir>/tests/support/servers/global-setup.cjs',
  globalTeardown: '<rootDir>/tests/support/servers/global-teardown.cjs',
};

const testsIn = (folders) => [`<rootDir>/tests/${folders}/**/*.test.ts`];

/**
 * Unit tests need nothing; the others share real servers that the global set-up finds or starts. Long ones take minutes each
 * and are run by `npm run test:long`.
 */
module.exports = {
  maxWorkers: 2,
  testTimeout: 30_000,
  reporters: ['default', '<rootDir>/tests/support/totals-reporter.cjs'],
  projects: [
    { ...common, displayName: 'unit', testMatch: testsIn('unit') },
    {
      ...common,
      ...withServers,
      displayName: 'real',
      testMatch: testsIn('{contract,integration,scenarios,cli}'),
    },
    { ...common, ...withServers, displayName: 'long', testMatch: testsIn('long') },
  ],
};
