import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import {
  AclOperationTypes,
  AclPermissionTypes,
  AclResourceTypes,
  Kafka,
  logLevel,
  ResourcePatternTypes,
} from 'kafkajs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { eventsOf, run, type CommandEnd } from '../cli/reactor-command.ts'
import { calmRequestQueues } from '../../kafka/request-queue.ts'
import { freePort } from '../../service/platform/postgres/free-port.ts'
import { startKafka } from '../support/kafka.ts'
import { testDatabase } from '../support/postgres.ts'
import type { KafkaBroker } from '../kafka/kafka-broker.ts'
import { newFolder } from '../support/new-folder.ts'
import { runFile } from '../support/run-file.ts'
import { runHere } from '../cli/run-here.ts'
import { longDescribe, usually } from '../support/long.ts'

/**
 * A broker that speaks TLS, lets in who logs in, and gives the one user the rights that docs/topics.md names,
 * the other none.
 */
const login = { username: 'reactor', password: 'planted-kafka-password' }
const certificates = join(import.meta.dirname, '../certificates')
/** The certificate is its own. */
const authority = join(certificates, 'kafka.pem')
let folder: string
let broker: KafkaBroker
let brokers: readonly string[]
const trusted = getCACertificates('default')

beforeAll(async () => {
  setDefaultCACertificates([...trusted, await readFile(authority, 'utf8')])
  folder = await newFolder('secure-kafka')
  const port = await freePort()
  brokers = [`127.0.0.1:${String(port)}`]
  const certificate = await keyAndCertificate()
  broker = await startKafka({
    secured: { port, certificate, users: { [login.username]: login.password, guest: 'guest' } },
  })
  await giveRights()
}, 120_000)
afterAll(async () => {
  setDefaultCACertificates(trusted)
  await broker[Symbol.asyncDispose]()
})

/** In one file, as the broker wants them. */
async function keyAndCertificate(): Promise<string> {
  const both = join(folder, 'both.pem')
  const key = await readFile(join(certificates, 'kafka-key.pem'), 'utf8')
  await writeFile(both, key + (await readFile(authority, 'utf8')), { mode: 0o600 })
  return both
}

/** As docs/topics.md and docs/topic-destination.md have them. */
async function giveRights(): Promise<void> {
  calmRequestQueues()
  const client = new Kafka({ brokers: [...broker.brokers], logLevel: logLevel.ERROR })
  const admin = client.admin()
  await admin.connect()
  const { DESCRIBE, DESCRIBE_CONFIGS, CREATE, ALTER, READ, WRITE } = AclOperationTypes
  const { TOPIC, TRANSACTIONAL_ID, GROUP } = AclResourceTypes
  const all = [DESCRIBE, DESCRIBE_CONFIGS, CREATE, READ, WRITE]
  const rights: readonly (readonly [AclResourceTypes, string, readonly AclOperationTypes[]])[] = [
    [TOPIC, 'connect.', [...all, ALTER]],
    [TRANSACTIONAL_ID, 'connect.', [DESCRIBE, WRITE]],
    [GROUP, 'connect.', [READ]],
    [TOPIC, 'connect-', all],
    [TOPIC, 'secured.', all],
    [TRANSACTIONAL_ID, 'connect-checkpoints.', [DESCRIBE, WRITE]],
  ]
  const acl = rights.flatMap(([resourceType, resourceName, operations]) =>
    operations.map((operation) => ({
      resourceType,
      operation,
      resourceName,
      host: '*',
      resourcePatternType: ResourcePatternTypes.PREFIXED,
      principal: `User:${login.username}`,
      permissionType: AclPermissionTypes.ALLOW,
    })),
  )
  await admin.createAcls({ acl })
  await admin.disconnect()
}

interface Address {
  readonly brokers: readonly string[]
  readonly ssl: boolean
  readonly framing?: 'block' | 'record'
  readonly topics_per_connection?: boolean
  readonly sasl?: {
    readonly mechanism: string
    readonly username: string
    readonly password: string
  }
}

/**
 * Copies 1,000 records into a schema of their own. In this process by default, which asks the broker before
 * it starts a thread: enough where the broker does not let it in.
 */
async function runThrough(
  kafka: Address,
  command: typeof runHere = runHere,
): Promise<CommandEnd & { rows: number }> {
  await using shop = await testDatabase()
  await using file = await runFile({
    connection: `secure-${String(Math.random()).slice(2)}`,
    source: { type: 'faker', config: { streams: [{ name: 'orders', rows: 1000 }] } },
    destination: { type: 'postgres', config: { ...shop.address, schema: 'copy' } },
    log: { kafka },
  })
  const end = await command(file.path, {
    args: ['--json'],
    env: { NODE_EXTRA_CA_CERTS: authority },
  })
  expect(end.stdout + end.stderr).not.toContain(login.password)
  const [table] = await shop.query(`SELECT to_regclass('copy.orders') AS name`)
  const [count] =
    table?.name === null ? [] : await shop.query('SELECT count(*)::int AS rows FROM copy.orders')
  return { ...end, rows: Number(count?.rows ?? 0) }
}

// Concurrent: each has a database and a topic of its own, and waits for a process most of the time.
const options = { timeout: 120_000 }

function errorOf(end: CommandEnd): unknown {
  return eventsOf(end).at(-1)?.error
}

describe.concurrent('a run goes through a broker with TLS and a login', options, () => {
  const ways = [
    ['scram-sha-256', 'block', true],
    ['plain', 'block', false],
    ['scram-sha-512', 'record', false],
  ] as const
  // In a process of its own: only a new one trusts another authority in its threads too.
  test.each(usually(1, ways))(
    'by %s, framing %s, topics per connection: %s',
    async (mechanism, framing, own) => {
      const sasl = { mechanism, ...login }
      const options = { framing, topics_per_connection: own, sasl }
      const end = await runThrough({ brokers, ssl: true, ...options }, run)
      expect(end, end.stderr).toMatchObject({ code: 0, rows: 1000 })
    },
  )
})

describe.concurrent(
  'a run that the broker does not let in says that the reason is',
  options,
  () => {
    const sasl = { mechanism: 'scram-sha-256', ...login }

    test('a wrong password', async () => {
      const wrong = { ...sasl, password: 'wrong' }
      const end = await runThrough({ brokers, ssl: true, sasl: wrong })
      expect(errorOf(end)).toMatchObject({ code: 'kafka_credentials_refused' })
    })

    test('a mechanism that the broker does not have for the user', async () => {
      const end = await runThrough({
        brokers,
        ssl: true,
        sasl: { ...sasl, mechanism: 'plain', username: 'nobody' },
      })
      expect(errorOf(end)).toMatchObject({ code: 'kafka_credentials_refused' })
    })

    test('an authority that is not trusted', async () => {
      const end = await runThrough({ brokers, ssl: true, sasl }, (file, { args } = {}) =>
        run(file, args === undefined ? {} : { args }),
      )
      expect(errorOf(end)).toMatchObject({
        code: 'kafka_tls_failed',
        message: expect.stringContaining('self-signed certificate') as string,
        suggested_fix: expect.stringContaining('NODE_EXTRA_CA_CERTS') as string,
      })
    })

    test('no TLS at a port with it, and TLS at a port without', async () => {
      const without = await runThrough({ brokers, ssl: false, sasl })
      expect(errorOf(without)).toMatchObject({ code: 'kafka_unreachable' })
      const plain = await runThrough({ brokers: broker.brokers, ssl: true })
      expect(errorOf(plain)).toMatchObject({ code: 'kafka_unreachable' })
    })

    test('a user without rights', async () => {
      const guest = { mechanism: 'plain', username: 'guest', password: 'guest' }
      const end = await runThrough({ brokers, ssl: true, sasl: guest })
      expect(errorOf(end)).toMatchObject({ code: 'kafka_permission_denied' })
    })

    test('no login where one is needed', async () => {
      const end = await runThrough({ brokers, ssl: true })
      expect(errorOf(end)).toMatchObject({ code: 'kafka_unreachable' })
    })
  },
)

/** The same as a destination of topics, with a log of its own. */
async function runInto(
  config: Omit<Address, 'framing' | 'topics_per_connection'>,
  trusts = true,
): Promise<CommandEnd> {
  const connection = `secured-${String(Math.random()).slice(2)}`
  await using file = await runFile({
    connection,
    source: { type: 'faker', config: { streams: [{ name: 'orders', rows: 1000 }] } },
    destination: { type: 'topic', url: `topic:secured.${connection}`, config },
    log: 'embedded',
  })
  const env = trusts ? { NODE_EXTRA_CA_CERTS: authority } : {}
  const end = await run(file.path, { args: ['--json', '--log-level', 'debug'], env })
  expect(end.stdout + end.stderr).not.toContain(login.password)
  return end
}

longDescribe.concurrent('a destination of topics behind TLS and a login', options, () => {
  const sasl = { mechanism: 'scram-sha-256', ...login }

  test.each(['plain', 'scram-sha-256', 'scram-sha-512'])('is loaded by %s', async (mechanism) => {
    const end = await runInto({ brokers, ssl: true, sasl: { ...sasl, mechanism } })
    expect(end.code, end.stderr).toBe(0)
    expect(eventsOf(end).at(-1)?.streams).toMatchObject([{ status: 'complete', loaded: 1000 }])
  })

  test.each<readonly [string, string, Parameters<typeof runInto>[0]]>([
    ['a wrong password', 'kafka_credentials_refused', { brokers: [], ssl: true, sasl: { ...sasl, password: 'wrong' } }],
    ['a mechanism of another user', 'kafka_credentials_refused', { brokers: [], ssl: true, sasl: { ...sasl, mechanism: 'plain', username: 'nobody' } }],
    ['no TLS', 'kafka_unreachable', { brokers: [], ssl: false, sasl }],
    ['no login', 'kafka_unreachable', { brokers: [], ssl: true }],
    ['a user without rights', 'kafka_permission_denied', { brokers: [], ssl: true, sasl: { mechanism: 'plain', username: 'guest', password: 'guest' } }],
  ])('that does not let in %s says %s', async (_, code, config) => {
    // The broker is not there yet when the cases are read.
    const end = await runInto({ ...config, brokers })
    expect(errorOf(end)).toMatchObject({ code })
  }) // prettier-ignore

  test('whose authority is not trusted says so', async () => {
    const end = await runInto({ brokers, ssl: true, sasl }, false)
    expect(errorOf(end)).toMatchObject({
      code: 'kafka_tls_failed',
      suggested_fix: expect.stringContaining('NODE_EXTRA_CA_CERTS') as string,
    })
  })
})
