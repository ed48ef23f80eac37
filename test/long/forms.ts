import { globSync, readFileSync } from 'node:fs'

export interface LongForm {
  readonly about: string
  /** Its tests are in other forms too, so that a run of all forms leaves it out. */
  readonly isSum?: true
  /** Programs that it needs beside those of the usual run. */
  readonly needs?: string
  /** Its own settings. The environment of the caller wins, so that a seed can be played again. */
  readonly env?: Readonly<Record<string, string>>
  /** Arguments of vitest, or a script of Node with its arguments. */
  readonly run: { readonly vitest: readonly string[] } | { readonly script: readonly string[] }
}

const integration = ['--project', 'integration']
const unit = ['--project', 'unit']
const oneAfterTheOther = [...integration, '--no-file-parallelism']

const serverFiles = 'test/**/*.{integration,e2e}.test.ts'

const pypiFile = 'test/connectors/airbyte-process/pypi.long.integration.test.ts'

const pypiConnectorsFile =
  'test/connectors/airbyte-process/pypi-connectors.long.integration.test.ts'

const standardTestsFile = 'test/cli/source/standard-tests.long.integration.test.ts'

const crashFiles = [
  'test/engine/crash.long.integration.test.ts',
  'test/engine/fresh-rows.long.integration.test.ts',
  'test/engine/server-crash.integration.test.ts',
  'test/engine/log-states.long.integration.test.ts',
  'test/sinks/topic/crash.long.integration.test.ts',
  'test/sinks/topic/broker-crash.long.integration.test.ts',
]

/**
 * `rest` has each test that `npm test` leaves out, if it needs no other program: CI runs both. `moments` and
 * `cases` are the halves of it with and without servers. The other forms have more rounds, or need a program.
 */
export const longForms: Readonly<Record<string, LongForm>> = {
  rest: {
    about: 'all that `npm test` leaves out and that needs no other program: CI runs both',
    isSum: true,
    run: { vitest: [...restFiles()] },
  },
  crash: {
    about:
      'kill -9 of runs, sinks, brokers and databases, 25 rounds a test; every state of log and checkpoint',
    env: { CRASH_ROUNDS: '25' },
    run: { vitest: [...integration, ...crashFiles] },
  },
  cdc: {
    about:
      'change data capture: 50 rounds of kill -9 of engine, source, destination and broker under a writer that does everything, both logs',
    env: { CDC_ROUNDS: '50' },
    run: {
      vitest: [
        ...integration,
        'test/engine/feed',
        'test/connectors/postgres-changes.integration.test.ts',
      ],
    },
  },
  moments: {
    about:
      'every case of the tests that stop, kill and restart things, of which the usual run has one or two',
    env: { SHOP_MINUTES: '10', ROTATION_ROUNDS: '25' },
    run: { vitest: [...integration, ...momentFiles()] },
  },
  contracts: {
    about:
      'the streams of each vendor through every fault, and stopped after every one of their states',
    run: { vitest: [...unit, 'test/connectors'] },
  },
  destinations: {
    about:
      'every mode and every moment of a kill of the contract of destinations; runs into a bucket of a real S3 server, killed, frozen and disturbed at each of their steps; DuckDB reads what a user would',
    needs:
      'Go, and two minutes to build Versity Gateway once; python3 with venv, and its package index',
    env: { DUCKDB: '1', REAL_S3: '1' },
    run: { vitest: ['test/sinks/contract', 'test/sinks/s3', 'test/sinks/file'] },
  },
  writeback: {
    about:
      'random histories of writing back: runs that are killed, cut off, turned away and locked out',
    env: { WRITE_HISTORIES: '200' },
    run: { vitest: [...integration, 'test/sinks/instance'] },
  },
  cases: {
    about: 'every case of the tests without servers, of which the usual run has some',
    run: { vitest: [...unit, ...unitFiles()] },
  },
  chaos: {
    about: 'random tables, changes and faults for 30 minutes (`CHAOS_MINUTES`)',
    run: { script: ['test/chaos/main.ts', '--minutes', process.env.CHAOS_MINUTES ?? '30'] },
  },
  sandbox: {
    about: 'what sandboxes report beside what runs do, eight seeds, and 500 kills of sandboxes',
    env: { SANDBOX_SEEDS: '1,2,3,4,5,6,7,8', SANDBOX_KILLS: '500' },
    run: { vitest: [...integration, 'test/engine/sandbox'] },
  },
  types: {
    about:
      'every type copied from PostgreSQL 15, 16 and 17 to 18 and back: equal values, an equal dump of the schema',
    needs: 'PostgreSQL 15 of Debian, and npm for 16 and 17',
    run: { vitest: [...integration, 'test/engine/source-types-versions'] },
  },
  faults: {
    about: 'a bad network in front of each party',
    needs: 'Go, and a minute to build toxiproxy once',
    env: { FAULTS: '1' },
    run: { vitest: [...integration, 'test/engine/faults.integration.test.ts'] },
  },
  storm: {
    about:
      '50,000 webhook events, durable in PostgreSQL or Kafka, while service and broker are killed',
    env: { STORM_EVENTS: '25000' },
    run: { vitest: [...integration, 'test/service/webhooks/storm.long.e2e.test.ts'] },
  },
  twoway: {
    about:
      'two-way sync: 15,000 histories of edits, deletes, faults and crashes; pairs of two databases and with Salesforce, 200 histories',
    env: { TWOWAY_HISTORIES: '15000', PAIR_HISTORIES: '200' },
    run: { vitest: ['test/sinks/two-way', 'test/engine/two-way'] },
  },
  upgrade: {
    about:
      'two versions of the service on one database: this one and a copy with one more migration, the commit `UPGRADE_FROM` and this one',
    env: { UPGRADE_MINUTES: '3' },
    run: { vitest: [...integration, 'test/upgrade'] },
  },
  schemathesis: {
    about: 'thousands of requests made from the OpenAPI document',
    needs: 'python3 with venv, and its package index',
    run: { script: ['test/schemathesis/main.ts'] },
  },
  codegen: {
    about: 'typed clients of thousands of random schemas, compiled',
    env: { CODEGEN_ROUNDS: '100' },
    run: { vitest: [...unit, 'test/service/codegen/random-schemas.test.ts'] },
  },
  rebuild: {
    about:
      'the table that a reader makes of the topics, in both framings, beside the destination’s',
    env: { REBUILD: '1' },
    run: { vitest: [...integration, 'test/engine/topics/rebuild-runs.long.integration.test.ts'] },
  },
  storage: {
    about:
      'records of 100 MiB through each log, and files read from a real S3 server, Versity Gateway',
    needs: 'Go, and two minutes to build it once',
    env: { REAL_S3: '1' },
    run: {
      vitest: ['test/engine/log/stored', 'test/storage', 'test/connectors/files'],
    },
  },
  vault: {
    about: 'HashiCorp Vault itself as the vault',
    needs: 'Go, and eight minutes to build it once',
    env: { REAL_VAULT: '1' },
    run: { vitest: [...integration, 'test/service/platform/vault/real-vault.integration.test.ts'] },
  },
  registry: {
    about: 'Avro with a real schema registry, Apicurio',
    needs: 'Java 17 and Maven, which fetches 109 MB once',
    env: { REAL_REGISTRY: '1' },
    run: { vitest: [...oneAfterTheOther, 'test/sinks/topic/registry'] },
  },
  'topic-readers': {
    about:
      'Kafka Streams, Kafka Connect, Apicurio’s registry, kcat and Kafka’s console read topics of rows',
    needs: 'Java 17 and Maven, which fetches 300 MB once',
    env: { TOPIC_READERS: '1' },
    run: { vitest: [...oneAfterTheOther, 'test/sinks/topic/readers'] },
  },
  'topic-consumers': {
    about: 'consumers in Python and Java, written from the docs alone, through 50 rounds of kills',
    needs: 'python3 with venv, Java 17 with its compiler, Maven',
    env: { CONSUMER_ROUNDS: '50' },
    run: { vitest: [...oneAfterTheOther, 'test/topic-consumers'] },
  },
  'stripe-mock': {
    about: 'the Stripe connector against Stripe’s own stripe-mock',
    needs: 'Go, and a minute to build it once',
    env: { STRIPE_MOCK: '1' },
    run: { vitest: [...unit, 'test/connectors/stripe/stripe-mock.test.ts'] },
  },
  airbyte: {
    about:
      'source-faker of PyPI through runs, killed in between; components in Python of a manifest',
    needs: 'python3 with venv, and its package index',
    env: { AIRBYTE_PYPI: '1' },
    run: { vitest: [...integration, pypiFile] },
  },
  'airbyte-connectors': {
    about:
      'connectors of PyPI for many vendors through runs, killed in between, beside what each prints by itself (`AIRBYTE_CONNECTORS=github,s3`: only these)',
    needs: 'python3 with venv, its package index, 4 GB of disk, and openssl',
    env: { AIRBYTE_PYPI: '1' },
    run: { vitest: [...oneAfterTheOther, pypiConnectorsFile] },
  },
  'airbyte-standard-tests': {
    about: 'the standard tests of Airbyte’s CDK for sources of ours: postgres, stripe, github',
    needs: 'python3 with venv, and its package index',
    env: { AIRBYTE_PYPI: '1' },
    run: { vitest: [...oneAfterTheOther, standardTestsFile] },
  },
  pyairbyte: {
    about: 'PyAirbyte drives sources of ours: a manifest and a native one',
    needs: 'python3 with venv, and its package index',
    env: { PYAIRBYTE: '1' },
    run: { vitest: [...unit, 'test/cli/pyairbyte.test.ts'] },
  },
}

/** Files that have more cases in the long form, without those that have a form of their own. */
function momentFiles(): readonly string[] {
  const own = new Set([
    ...crashFiles,
    'test/service/webhooks/storm.long.e2e.test.ts',
    'test/engine/source-types-versions.long.integration.test.ts',
    pypiFile,
    pypiConnectorsFile,
    standardTestsFile,
  ])
  return globSync(serverFiles)
    .filter((file) => !own.has(file) && hasLongForm(file))
    .toSorted()
}

/** The same of unit. */
function unitFiles(): readonly string[] {
  return globSync('test/**/*.test.ts', { exclude: [serverFiles, 'test/connectors/**'] })
    .filter(hasLongForm)
    .toSorted()
}

/** Files of both projects. The tests of a connector's streams have their cases in the contracts. */
function restFiles(): readonly string[] {
  const contracts = [
    ...globSync('test/connectors/*/stream-contract.test.ts'),
    ...globSync('test/sinks/contract/*.contract.integration.test.ts'),
  ]
  const files = globSync('test/**/*.test.ts').filter(hasLongForm)
  return [...new Set([...files, ...contracts])].toSorted()
}

function hasLongForm(file: string): boolean {
  return file.includes('.long.') || readFileSync(file, 'utf8').includes("support/long.ts'")
}
