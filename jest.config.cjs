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

/** Unit tests need nothing; the others share real servers that the global set-up finds or starts. */
module.exports = {
  maxWorkers: 2,
  testTimeout: 30_000,
  reporters: ['default', '<rootDir>/tests/support/totals-reporter.cjs'],
  projects: [
    { ...common, displayName: 'unit', testMatch: ['<rootDir>/tests/unit/**/*.test.ts'] },
    {
      ...common,
      displayName: 'real',
      globalSetup: '<rootDir>/tests/support/servers/global-setup.cjs',
      globalTeardown: '<rootDir>/tests/support/servers/global-teardown.cjs',
      testMatch: ['<rootDir>/tests/{contract,integration,scenarios,cli}/**/*.test.ts'],
    },
  ],
};
