import { writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import type { Environment } from '../../../../plan/environment.ts'
import { storagePlace } from '../../../../service/serve/storage-place.ts'
import { loadSettings } from '../../../../service/platform/config/load-settings.ts'
import {
  settingsHelp,
  settingsPage,
} from '../../../../service/platform/config/settings-reference.ts'
import { settings, type Settings } from '../../../../service/platform/config/settings.ts'
import { ConnectError, type ErrorBody } from '../../../../protocol/index.ts'
import { newFolder } from '../../../support/new-folder.ts'

let folder = ''
beforeAll(async () => {
  folder = await newFolder('settings')
})

async function fromFile(toml: string, environment: Environment = {}): Promise<Settings> {
  const file = join(folder, 'reactor.toml')
  await writeFile(file, toml)
  return loadSettings({ file, environment })
}

async function problemOf(load: () => Settings | Promise<Settings>): Promise<ErrorBody> {
  try {
    await load()
  } catch (error) {
    if (error instanceof ConnectError) return error.toJSON()
    throw error
  }
  throw new Error('the settings were taken')
}

describe('settings', () => {
  test('nothing needs to be set', () => {
    expect(loadSettings({ environment: { HOME: '/home/ada' } })).toMatchObject({
      bind: { host: '0.0.0.0', port: 8007 },
      roles: ['api', 'reader', 'sink', 'scheduler'],
      dataDir: '/home/ada/.local/share/reactor-connect',
      catalogDir: '/home/ada/.local/share/reactor-connect/catalog',
      kafkaBrokers: [],
      kafkaTls: false,
      airbyteEnabled: false,
      postgres: {},
    })
  })

  test('an Identity service is reached by https, but for this machine, and its settings need its URL', async () => {
    for (const url of ['https://id.example.com/', 'http://127.0.0.1:1', 'http://localhost:1'])
      expect(loadSettings({ environment: { REACTOR_CONNECT_IDENTITY_URL: url } })).toMatchObject({
        identityUrl: url.replace(/\/$/, ''),
        identityAudience: 'reactor-connect',
        identityRoleClaim: 'connect_role',
      })
    for (const url of ['http://id.example.com', 'http://127.0.0.1.example.com', 'id.example.com']) {
      const environment = { REACTOR_CONNECT_IDENTITY_URL: url }
      const { details } = await problemOf(() => loadSettings({ environment }))
      expect(details, url).toMatchObject({ setting: 'identity.url' })
    }
    for (const name of ['ISSUER', 'AUDIENCE', 'ROLE_CLAIM']) {
      const environment = { [`REACTOR_CONNECT_IDENTITY_${name}`]: 'x' }
      const { details } = await problemOf(() => loadSettings({ environment }))
      expect(details).toMatchObject({ problem: 'needs identity.url, which is not set' })
    }
  })

  test('the documented file is understood', async () => {
    const toml = /```toml\n(.*?)```/s.exec(settingsPage())?.[1] ?? ''
    expect(await fromFile(toml, { REACTOR_CONNECT_VAULT_TOKEN: 't' })).toMatchObject({
      bind: { host: '127.0.0.1', port: 8007 },
      kafkaBrokers: ['kafka-1.example.com:9092', 'kafka-2.example.com:9092'],
      postgres: {
        warehouse: { host: 'warehouse.example.com', port: 5432, user: 'loader', ssl: 'require' },
      },
    })
  })

  test('a flag wins over the environment, which wins over the file', async () => {
    const file = join(folder, 'order.toml')
    await writeFile(file, '[connect]\nbind = "127.0.0.1:1"\nlog_level = "warn"\nroles = ["api"]\n')
    const environment = { REACTOR_CONNECT_BIND: '127.0.0.1:2', REACTOR_CONNECT_LOG_LEVEL: 'debug' }
    const loaded = loadSettings({ file, environment, flags: { bind: '[::1]:3', roles: undefined } })
    expect(loaded).toMatchObject({
      bind: { host: '::1', port: 3 },
      logLevel: 'debug',
      roles: ['api'],
    })
  })

  test('the environment gives every type as text', () => {
    const loaded = loadSettings({
      environment: {
        KAFKA_BROKERS: 'a:1, b:2',
        REACTOR_CONNECT_KAFKA_TLS: 'true',
        REACTOR_CONNECT_PARALLEL_RUNS: '3',
        REACTOR_CONNECT_ALLOWED_NETWORKS: '10.1.0.0/16,fd00::/8',
        REACTOR_CONNECT_DATA_URL: 'http://localhost:8002/',
        REACTOR_CONNECT_DATA_API_KEY: 'k',
        REACTOR_CONNECT_DATA_DIR: 'data',
        REACTOR_CONNECT_VAULT_URL: '',
        REACTOR_CONNECT_POSTGRES_DATA_MART_URL: 'postgres://u:p%40@127.0.0.1/d',
      },
    })
    expect(loaded).toMatchObject({
      kafkaBrokers: ['a:1', 'b:2'],
      kafkaTls: true,
      parallelRuns: 3,
      allowedNetworks: ['10.1.0.0/16', 'fd00::/8'],
      dataUrl: 'http://localhost:8002',
      dataDir: resolve('data'),
      catalogDir: resolve('data/catalog'),
      postgres: { data_mart: { password: 'p@', ssl: 'disable' } },
    })
    expect(loaded.vaultUrl).toBeUndefined()
  })

  test('handlers of jobs have names of their own, in the file and in the environment', async () => {
    const toml = '[connect.jobs.handlers]\nprocess-Event_1 = "http://127.0.0.1:9000/work/"\n'
    const url = 'http://127.0.0.1:9000/work'
    expect(await fromFile(toml)).toMatchObject({ jobsHandlers: { 'process-Event_1': url } })
    const environment = { REACTOR_CONNECT_JOBS_HANDLERS: `a = ${url}?q=1, b=${url}` }
    expect(loadSettings({ environment }).jobsHandlers).toEqual({ a: `${url}?q=1`, b: url })
    for (const wrong of ['a', 'a=ftp://x', 'a.b=http://x', `=${url}`]) {
      const { details } = await problemOf(() =>
        loadSettings({ environment: { REACTOR_CONNECT_JOBS_HANDLERS: wrong } }),
      )
      expect(details).toMatchObject({ setting: 'jobs.handlers' })
    }
    const { details } = await problemOf(() => fromFile('[connect.jobs.handlers]\na = 1\n'))
    expect(details).toMatchObject({ setting: 'jobs.handlers' })
  })

  test('REACTOR_CONNECT_CONFIG names the file, and other tables of it are left alone', async () => {
    const file = join(folder, 'shared.toml')
    await writeFile(file, '[identity]\nanything = 1\n[connect]\nlog_level = "error"\n')
    expect(loadSettings({ environment: { REACTOR_CONNECT_CONFIG: file } }).logLevel).toBe('error')
  })
})

describe('a wrong setting stops the start', () => {
  test.each([
    ['REACTOR_CONNECT_BIND', 'localhost', 'bind', '"localhost"'],
    ['REACTOR_CONNECT_BIND', '127.0.0.1:65536', 'bind', 'HOST:PORT'],
    ['REACTOR_CONNECT_ROLES', 'api,cook', 'roles', 'api, reader, sink or scheduler'],
    ['REACTOR_CONNECT_ROLES', ',', 'roles', 'must name a role'],
    ['REACTOR_CONNECT_LOG_LEVEL', 'loud', 'log_level', 'must be trace, debug, info, warn or error'],
    ['REACTOR_CONNECT_KAFKA_TLS', 'yes', 'kafka.tls', 'true or false'],
    ['REACTOR_CONNECT_PARALLEL_RUNS', '0', 'parallel_runs', 'from 1 to 1000'],
    ['REACTOR_CONNECT_PARALLEL_RUNS', '1e3', 'parallel_runs', 'whole number'],
    ['REACTOR_CONNECT_ALLOWED_NETWORKS', '10.0.0.0/33', 'allowed_networks', '10.1.0.0/16'],
    ['REACTOR_CONNECT_JOBS_URL', 'localhost:8005', 'jobs.url', 'http://'],
    ['REACTOR_CONNECT_KAFKA_SASL_USERNAME', 'u', 'kafka.sasl.username', 'kafka.sasl.mechanism'],
    ['REACTOR_CONNECT_VAULT_URL', 'http://localhost:8010', 'vault_url', 'needs vault_token'],
  ])('%s=%s', async (...[variable, value, setting, words]) => {
    const { code, details, message } = await problemOf(() =>
      loadSettings({ environment: { [variable]: value } }),
    )
    expect({ code, setting: details?.setting, place: details?.place }).toEqual({
      code: 'setting_invalid',
      setting,
      place: variable,
    })
    expect(message).toContain(words)
  })

  test.each([
    ['REACTOR_CONNECT_DATABASE_URL', 'mysql://u:hunter2@h/d'],
    ['REACTOR_CONNECT_DATA_DATABASE_URL', 'postgres://u:hunter2@h/d?ssl=1'],
    ['REACTOR_CONNECT_POSTGRES_W_URL', 'postgres://u:hunter2@h/d?sslmode=prefer'],
    ['REACTOR_CONNECT_POSTGRES_W_URL', 'postgres://u:hunter2%@h/d'],
    ['REACTOR_CONNECT_POSTGRES_W_URL', 'postgres://u:hunter2@h'],
    ['REACTOR_CONNECT_DATA_URL', 'http://u:hunter2@h/'],
    ['REACTOR_CONNECT_DATA_URL', 'ftp://u:hunter2@h/'],
    ['REACTOR_CONNECT_DATA_URL', 'ftp://u:x/hunter2@h/'],
    ['REACTOR_CONNECT_KAFKA_SCHEMA_REGISTRY_URL', 'u:hunter2@h:8081'],
    ['REACTOR_CONNECT_KAFKA_SCHEMA_REGISTRY_URL', 'http://h:8081/?token=hunter2'],
    ['REACTOR_CONNECT_KAFKA_BROKERS', 'a:9092, u:hunter2@h:9092'],
  ])('%s shows no password', async (variable, value) => {
    const body = await problemOf(() => loadSettings({ environment: { [variable]: value } }))
    expect(body.details?.place).toBe(variable)
    expect(JSON.stringify(body)).not.toContain('hunter2')
  })

  test.each([
    ['[connect]\nvault_ulr = "http://x"', 'vault_ulr', 'Did you mean `vault_url`?'],
    ['[connect.kafka]\nbroker = ["a:1"]', 'kafka.broker', 'Did you mean `brokers`?'],
    ['[connect.kafka.sasl]\nusernam = "x"', 'kafka.sasl.usernam', 'Did you mean'],
    ['[connect]\nzzz = 1', 'zzz', 'the names here are bind, '],
    ['[connect.postgres.W]\nurl = "postgres://u@h/d"', 'postgres.W', 'small letters'],
    ['[connect.postgres.w]\nurk = "postgres://u@h/d"', 'postgres.NAME.urk', '`url`'],
    ['connect = 1', 'connect', '[connect]'],
    ['[conect]\nbind = "a:1"', 'file', '[connect]'],
  ])('a name that no setting has: %j', async (toml, setting, fix) => {
    const body = await problemOf(async () => fromFile(toml))
    expect(body).toMatchObject({ code: 'setting_invalid', details: { setting } })
    expect(body.suggested_fix).toContain(fix)
  })

  test('all that is wrong is told at once', async () => {
    const toml = '[connect]\nbind = 8007\nbindd = "x"\npublic_url = 1\n'
    const body = await problemOf(async () => fromFile(toml))
    expect(body.details?.more).toHaveLength(2)
  })

  test('a file that is not TOML shows the place and none of its lines', async () => {
    const toml = '[connect]\nvault_token = "hunter2\n'
    const body = await problemOf(async () => fromFile(toml))
    expect(body.details?.place).toMatch(/reactor\.toml:2:\d+$/)
    expect(JSON.stringify(body)).not.toContain('hunter2')
  })

  test('a file that is not there is named', async () => {
    const body = await problemOf(() => loadSettings({ file: '/nowhere/x.toml', environment: {} }))
    expect(body.message).toContain('/nowhere/x.toml) cannot be read (ENOENT)')
  })
})

describe('a setting that would do nothing is refused', () => {
  const data = { DATA_URL: 'http://d:8002' }
  const vault = { VAULT_URL: 'http://v:8200', VAULT_TOKEN: 't' }
  test.each([
    ['data.api_key', 'needs data.url', { DATA_API_KEY: 'k' }],
    [
      'data.database_url',
      'is set together with data.url',
      { ...data, DATA_DATABASE_URL: 'postgres://u@h/d' },
    ],
    ['jobs.api_key', 'needs jobs.url', { JOBS_API_KEY: 'k' }],
    ['storage.api_key', 'needs storage.url', { STORAGE_API_KEY: 'k' }],
    ['storage.url', 'needs storage.api_key', { STORAGE_URL: 'http://s:8003' }],
    ['storage.bucket', 'needs storage.url', { STORAGE_BUCKET: 'b-1' }],
    ['vault_token', 'needs vault_url', { VAULT_TOKEN: 't' }],
    ['vault_token_file', 'needs vault_url', { VAULT_TOKEN_FILE: '/run/t' }],
    ['vault_mount', 'needs vault_url', { VAULT_MOUNT: 'kv' }],
    ['vault_namespace', 'needs vault_url', { VAULT_NAMESPACE: 'n' }],
    ['vault_token_file', 'together with vault_token', { ...vault, VAULT_TOKEN_FILE: '/run/t' }],
    ['vault_key', 'together with vault_url', { ...vault, VAULT_KEY: 'x' }],
    ['vault_previous_key', 'together with vault_url', { ...vault, VAULT_PREVIOUS_KEY: 'x' }],
    ['kafka.tls', 'needs kafka.brokers', { KAFKA_TLS: 'true' }],
    ['kafka.sasl.password', 'needs kafka.sasl.username', { KAFKA_SASL_PASSWORD: 'p' }],
    [
      'kafka.schema_registry_url',
      'needs kafka.brokers',
      { KAFKA_SCHEMA_REGISTRY_URL: 'http://r:8081' },
    ],
  ])('%s: %s', async (setting, problem, given) => {
    const environment = Object.fromEntries(
      Object.entries(given).map(([name, value]) => [`REACTOR_CONNECT_${name}`, value]),
    )
    const body = await problemOf(() => loadSettings({ environment }))
    expect(body).toMatchObject({ code: 'setting_invalid', details: { setting } })
    expect(body.details?.more).toBeUndefined()
    expect(body.message).toContain(problem)
    expect(body.message.split('\n')).toHaveLength(1)
    expect(body.suggested_fix).toMatch(/^(Set|Remove) /)
  })

  test('a switch that is off is none', async () => {
    const toml = '[connect.airbyte]\nenabled = false\n[connect.kafka]\ntls = false\n'
    expect(await fromFile(toml)).toMatchObject({ airbyteEnabled: false, kafkaTls: false })
  })

  test('the bucket of the Storage service has a name without one being set', async () => {
    const toml = '[connect.storage]\nurl = "http://s:8003/"\napi_key = "k"\n'
    expect(storagePlace(await fromFile(toml))).toEqual({
      url: 'http://s:8003',
      bucket: 'reactor-connect',
      region: 'us-east-1',
      accessKeyId: 'reactor-connect',
      secretAccessKey: 'k',
    })
    expect(storagePlace(loadSettings({ environment: {} }))).toBeUndefined()
    await expect(fromFile(`${toml}bucket = "Not/a bucket"\n`)).rejects.toThrow(
      /storage\.bucket .* must have 3 to 63 small letters/,
    )
  })

  test.each(['VAULT_TOKEN', 'DATA_API_KEY', 'JOBS_API_KEY', 'STORAGE_API_KEY'])(
    'a key that HTTP cannot send is refused, and not shown: %s',
    async (name) => {
      const urls = { ...vault, ...data, JOBS_URL: 'http://j:8005', STORAGE_URL: 'http://s:8003' }
      const environment = Object.fromEntries(
        Object.entries({ ...urls, [name]: 'hunter2\nx' }).map(([variable, value]) => [
          `REACTOR_CONNECT_${variable}`,
          value,
        ]),
      )
      const body = await problemOf(() => loadSettings({ environment }))
      expect(body.details?.place).toBe(`REACTOR_CONNECT_${name}`)
      expect(JSON.stringify(body)).not.toContain('hunter2')
    },
  )
})

describe('the token of a Vault', () => {
  const url = { REACTOR_CONNECT_VAULT_URL: 'http://localhost:8010' }

  test('is in a variable of its own, else in that of other programs', () => {
    const foreign = { ...url, VAULT_TOKEN: 'theirs' }
    expect(loadSettings({ environment: foreign }).vaultToken).toBe('theirs')
    const both = { ...foreign, REACTOR_CONNECT_VAULT_TOKEN: 'ours' }
    expect(loadSettings({ environment: both }).vaultToken).toBe('ours')
  })

  test('is not taken from other programs without need', () => {
    expect(loadSettings({ environment: { VAULT_TOKEN: 'theirs' } }).vaultToken).toBeUndefined()
    const named = { ...url, VAULT_TOKEN: 'theirs', REACTOR_CONNECT_VAULT_TOKEN_FILE: '/run/token' }
    const loaded = loadSettings({ environment: named })
    expect(loaded.vaultTokenFile).toBe('/run/token')
    expect(loaded).not.toHaveProperty('vaultToken')
  })

  test('is that of the last login of this user if nothing else is named', async () => {
    const home = await newFolder('home')
    const file = join(home, '.vault-token')
    const environment = { ...url, HOME: home }
    const missing = await problemOf(() => loadSettings({ environment }))
    expect(missing.message).toBe(
      'The setting vault_url (REACTOR_CONNECT_VAULT_URL) needs vault_token or vault_token_file: neither is set, and there is no ~/.vault-token',
    )
    await writeFile(file, 'last')
    expect(loadSettings({ environment }).vaultTokenFile).toBe(file)
    const own = { ...environment, VAULT_TOKEN: 'theirs' }
    expect(loadSettings({ environment: own })).not.toHaveProperty('vaultTokenFile')
    expect(loadSettings({ environment: { HOME: home } })).not.toHaveProperty('vaultTokenFile')
  })
})

describe('the reference', () => {
  test('docs/configuration.md is what the table says', async () => {
    await expect(settingsPage()).toMatchFileSnapshot(resolve('docs/configuration.md'))
  })

  test('the help of serve lists every setting that does something', () => {
    for (const { variable, unused } of settings)
      expect(settingsHelp().includes(`  ${variable} `)).toBe(unused === undefined)
  })
})
