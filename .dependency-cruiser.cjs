/** The folders of src and what each may import besides itself. What is not listed is forbidden. */
const MAY_IMPORT = {
  contract: [],
  messages: ['contract'],
  'dead-letters': ['contract', 'messages'],
  inbox: ['contract', 'messages'],
  outbox: ['contract', 'messages'],
  observability: ['contract', 'messages'],
  delivery: ['contract', 'messages', 'dead-letters'],
  'adapters/memory': ['contract', 'messages', 'delivery'],
  'adapters/kafka': ['contract', 'messages', 'delivery'],
  'adapters/rabbitmq': ['contract', 'messages', 'delivery'],
  routing: ['contract', 'messages', 'delivery', 'inbox', 'dead-letters'],
  handover: ['contract', 'messages', 'delivery', 'inbox', 'dead-letters'],
  preflight: ['contract', 'messages'],
  config: ['contract', 'messages'],
  cli: ['index\\.ts'],
  modules: ['(index|mongo)\\.ts'],
  compat: ['index\\.ts'],
  app: ['(index|mongo)\\.ts', 'modules'],
  testing: [
    'contract',
    'messages',
    'delivery',
    'inbox',
    'outbox',
    'adapters/memory',
    '(container|open-desk).ts',
  ],
};

/** The one place of each library. */
const PLACE_OF = {
  kafkajs: '^src/adapters/kafka/',
  'kafkajs-(lz4|snappy)': '^src/adapters/kafka/',
  amqplib: '^src/adapters/rabbitmq/',
  commander: '^src/cli/',
  inversify: '^src/container\\.ts$',
  pino: '^src/observability/',
  'pino-pretty': '^src/observability/',
  zod: '^src/(config/|modules/|app/|messages/schema\\.ts$)',
  lilconfig: '^src/config/',
  '@standard-schema/spec': '^src/contract/',
  fastify: '^src/app/',
  mongoose: '^src/((inbox|outbox)/mongo/|modules/|app/|mongo\\.ts$)',
};

/** Matches a package below node_modules, its types too. */
const packagePath = (name) => `node_modules/(@types/)?${name}/`;

const folderRules = Object.entries(MAY_IMPORT).map(([folder, others]) => ({
  name: `folder-${folder.replace('/', '-')}`,
  comment: `src/${folder} imports itself and ${others.join(', ') || 'nothing else'}`,
  severity: 'error',
  from: { path: `^src/${folder}/` },
  to: {
    path: '^(src|tests|demo|bench|scripts)/',
    pathNot: [folder, ...others].map((one) => `^src/${one}(/|$)`),
  },
}));

const libraryRules = Object.entries(PLACE_OF).map(([library, place]) => ({
  name: `library-${library.replace(/[^a-z]+/g, '-')}`,
  comment: `${library} is imported in its one place only`,
  severity: 'error',
  from: { path: '^src/', pathNot: place },
  to: { path: packagePath(library) },
}));

module.exports = {
  forbidden: [
    ...folderRules,
    ...libraryRules,
    {
      name: 'public-entry',
      comment: 'index.ts names what the composition root, the words and the configuration offer',
      severity: 'error',
      from: { path: '^src/index\\.ts$' },
      to: {
        path: '^src/',
        pathNot: [
          '^src/(contract|config)/',
          '^src/(container|open-check|open-desk|open-status)\\.ts$',
          '^src/inbox/memory-inbox\\.ts$',
          '^src/observability/create-logger\\.ts$',
        ],
      },
    },
    {
      name: 'only-the-public-entry',
      comment: 'demo and bench use the library as its users do',
      severity: 'error',
      from: { path: '^(demo|bench)/' },
      to: {
        path: '^(src|tests)/',
        // The bench finds or starts its servers as the tests do.
        pathNot: ['^src/(index|mongo|testing/index)\\.ts$', '^tests/support/servers/'],
      },
    },
    {
      name: 'product-is-alone',
      comment: 'what is published imports nothing of what surrounds it',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^(tests|demo|bench|scripts)/' },
    },
    {
      name: 'no-cycle',
      comment: 'no file imports itself over others, by type-only imports either',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'resolvable',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: 'no-library-of-development',
      comment: 'what is published needs only its dependencies; the reference server is not',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(modules|app)/' },
      to: {
        dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'],
        dependencyTypesNot: ['npm-peer'],
        pathNot: 'node_modules/@types/',
      },
    },
  ],
  options: {
    // The TypeScript of this project has no compiler API, and swc sees type-only imports too.
    parser: 'swc',
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
    },
  },
};
