import { randomBytes } from 'node:crypto'
import { rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { runDoctor, type DoctorFlags } from '../../cli/doctor/doctor-command.ts'
import { withClock } from '../../cli/doctor/finding.ts'
import { plainPaint } from '../../cli/output/paint.ts'
import { Screen } from '../../cli/output/screen.ts'
import type { Environment } from '../../plan/environment.ts'
import { openFileVault } from '../../service/platform/vault/file-vault.ts'
import { fileNameOf } from '../../service/platform/vault/secrets-file.ts'
import { writeLocalService } from '../../service/serve/local-service-file.ts'
import { S3Server } from '../fakes/s3/s3-server.ts'
import { startDataService } from '../fakes/data-service.ts'
import { startJobsService } from '../fakes/jobs-service.ts'
import { startKv2Server } from '../fakes/kv2-server.ts'
import { startFakeRegistry } from '../sinks/topic/registry/fake-registry.ts'
import { IdentityService } from '../fakes/identity-service.ts'
import { testKafka } from '../support/kafka.ts'
import { testDatabase } from '../support/postgres.ts'
import { closedPort } from './reactor-command.ts'
import { newFolder } from '../support/new-folder.ts'

let home: string
beforeAll(async () => {
  home = await newFolder('doctor')
})

const findingsSchema = z.array(
  z.object({
    name: z.string(),
    status: z.enum(['ok', 'warning', 'failed']),
    detail: z.string(),
    fix: z.string().optional(),
  }),
)

interface Examined {
  readonly code: number
  readonly findings: ReadonlyMap<string, z.output<typeof findingsSchema>[number]>
  readonly text: string
}

async function examine(environment: Environment, flags: DoctorFlags = {}): Promise<Examined> {
  let text = ''
  const output = {
    json: true,
    columns: undefined,
    paint: plainPaint,
    outPaint: plainPaint,
    screen: new Screen({ write: () => undefined }),
    write: (written: string) => {
      text += written
      return Promise.resolve()
    },
  }
  const { signal } = new AbortController()
  const code = await runDoctor(flags, {
    output,
    environment: { HOME: home, ...environment },
    version: '1.2.3',
    signal,
  })
  const findings = findingsSchema.parse(JSON.parse(text))
  return { code, text, findings: new Map(findings.map((each) => [each.name, each])) }
}

test('parts that answer are well, and say what they are', async () => {
  await using database = await testDatabase()
  await using identity = await IdentityService.start()
  await using jobs = await startJobsService()
  const { findings } = await examine({
    REACTOR_CONNECT_IDENTITY_URL: identity.issuer,
    REACTOR_CONNECT_DATABASE_URL: database.url,
    REACTOR_CONNECT_POSTGRES_WAREHOUSE_URL: database.url,
    KAFKA_BROKERS: testKafka().brokers.join(','),
    REACTOR_CONNECT_JOBS_URL: jobs.url,
    REACTOR_CONNECT_JOBS_API_KEY: jobs.apiKey,
  })
  expect(findings.get('metadata database')).toMatchObject({
    status: 'ok',
    detail: expect.stringMatching(/^PostgreSQL \d\d\.\d/) as string,
  })
  expect(findings.get('postgres:warehouse')?.status).toBe('ok')
  expect(findings.get('Kafka')).toMatchObject({ status: 'ok', detail: '1 broker' })
  expect(findings.get('topics')).toMatchObject({ status: 'ok' })
  expect(findings.get('Jobs service')).toMatchObject({ status: 'ok', detail: jobs.url })
  expect(findings.get('Identity service')).toMatchObject({
    status: 'ok',
    detail: `1 key at ${identity.jwksUrl}`,
  })
})

test('what a start of the service would trip over is found before it', async () => {
  await using database = await testDatabase()
  const role = `doctor_${randomBytes(4).toString('hex')}`
  await database.query(`CREATE ROLE ${role} LOGIN PASSWORD 'kit-secret-role'`)
  const url = new URL(database.url)
  url.username = role
  url.password = 'kit-secret-role'
  const folder = await newFolder('doctor-files')
  const policy = join(folder, 'policy.cedar')
  await writeFile(policy, 'permit (principal, action, resource')
  const away = `http://127.0.0.1:${await closedPort()}`
  const environment = {
    REACTOR_CONNECT_DATABASE_URL: url.href,
    REACTOR_CONNECT_POLICY_FILE: policy,
    REACTOR_CONNECT_CATALOG_DIR: join(folder, 'none'),
    REACTOR_CONNECT_FUNCTIONS_URL: away,
    REACTOR_CONNECT_JOBS_HANDLERS: `mail=${away}/mail`,
    REACTOR_CONNECT_PARALELL_RUNS: '2',
  }
  const { code, findings, text } = await examine(environment)
  await database.query(`DROP ROLE ${role}`)
  expect(code).toBe(1)
  const [, name] = url.pathname.split('/')
  expect(findings.get('metadata database')).toMatchObject({
    status: 'failed',
    fix: expect.stringContaining(`GRANT CREATE ON DATABASE "${name}" TO "${role}"`) as string,
  })
  expect(findings.get('policy')?.status).toBe('failed')
  expect(findings.get('catalog folder')?.status).toBe('failed')
  expect(findings.get('Functions service')?.detail).toContain('does not respond')
  expect(findings.get('handler mail')?.detail).toContain('does not respond')
  expect(findings.get('environment')).toMatchObject({
    status: 'warning',
    fix: 'Did you mean `REACTOR_CONNECT_PARALLEL_RUNS`?',
  })
  expect(text).not.toContain('kit-secret')
})

test('a Data service is asked with its key, a Vault with the token in its file', async () => {
  await using data = await startDataService({ create: () => ({}) })
  await using vault = await startKv2Server()
  const file = join(await newFolder('doctor-token'), 'token')
  const environment = {
    REACTOR_CONNECT_DATA_URL: data.url,
    REACTOR_CONNECT_DATA_API_KEY: data.apiKey,
    REACTOR_CONNECT_VAULT_URL: vault.url,
    REACTOR_CONNECT_VAULT_TOKEN_FILE: file,
    REACTOR_CONNECT_VAULT_NAMESPACE: 'team-a',
  }
  await writeFile(file, vault.rootToken)
  const well = await examine(environment)
  expect(well.findings.get('Data service')).toMatchObject({ status: 'ok', detail: data.url })
  expect(well.findings.get('vault')).toMatchObject({ status: 'ok' })
  expect([...vault.namespaces]).toEqual(['team-a'])
  await rm(file)
  const key = 'kit-secret-data'
  const ill = await examine({ ...environment, REACTOR_CONNECT_DATA_API_KEY: key })
  expect(ill.code).toBe(1)
  expect(ill.findings.get('Data service')).toMatchObject({
    status: 'failed',
    detail: expect.stringContaining('it responded with status 401: it refuses the key') as string,
  })
  expect(ill.findings.get('vault')).toMatchObject({
    status: 'failed',
    detail: `The setting vault_token_file (${file}) cannot be read (ENOENT)`,
  })
  expect(ill.text).not.toContain(key)
})

test('the schema registry is asked with its login, which is not shown', async () => {
  await using registry = await startFakeRegistry()
  const password = 'kit-secret-registry'
  const environment = {
    KAFKA_BROKERS: testKafka().brokers.join(','),
    REACTOR_CONNECT_KAFKA_SCHEMA_REGISTRY_URL: registry.url,
    REACTOR_CONNECT_KAFKA_SCHEMA_REGISTRY_USERNAME: 'loader',
    REACTOR_CONNECT_KAFKA_SCHEMA_REGISTRY_PASSWORD: password,
  }
  const well = await examine(environment)
  expect(well.findings.get('schema registry')).toMatchObject({ status: 'ok' })
  registry.scripted.push({ status: 401, body: { message: 'Unauthorized' } })
  const ill = await examine(environment)
  expect(ill.findings.get('schema registry')).toMatchObject({
    status: 'failed',
    detail: expect.stringContaining('status 401') as string,
  })
  expect(ill.text).not.toContain(password)
})

test('the bucket of Storage is listed with its key', async () => {
  await using s3 = await S3Server.start()
  const { url, secretAccessKey } = s3.config
  const environment = {
    REACTOR_CONNECT_STORAGE_URL: url,
    REACTOR_CONNECT_STORAGE_API_KEY: secretAccessKey.replaceAll(' ', '-'),
  }
  const ill = await examine(environment)
  expect(ill.findings.get('Storage')).toMatchObject({
    status: 'failed',
    detail: expect.stringContaining('status 403 (SignatureDoesNotMatch') as string,
  })
  s3.onRequest = () => ({ status: 200 })
  const well = await examine(environment)
  expect(well.findings.get('Storage')).toEqual({
    name: 'Storage',
    status: 'ok',
    detail: `bucket reactor-connect at ${url}`,
  })
})

test('parts that do not answer fail with a fix each, and no secret is told', async () => {
  const port = await closedPort()
  const secret = 'kit-secret-doctor'
  const url = `postgres://user:${secret}@127.0.0.1:${port}/db`
  const { code, findings, text } = await examine({
    REACTOR_CONNECT_DATABASE_URL: url,
    REACTOR_CONNECT_POSTGRES_WAREHOUSE_URL: url,
    REACTOR_CONNECT_VAULT_URL: `http://127.0.0.1:${port}`,
    REACTOR_CONNECT_VAULT_TOKEN: secret,
    REACTOR_CONNECT_IDENTITY_URL: `http://127.0.0.1:${port}`,
    KAFKA_BROKERS: `127.0.0.1:${port}`,
    REACTOR_CONNECT_JOBS_URL: `http://127.0.0.1:${port}`,
    REACTOR_CONNECT_JOBS_API_KEY: secret,
    REACTOR_CONNECT_URL: `http://127.0.0.1:${port}`,
    REACTOR_CONNECT_API_KEY: secret,
  })
  expect(code).toBe(1)
  for (const name of [
    'metadata database',
    'postgres:warehouse',
    'vault',
    'Identity service',
    'Kafka',
    'Jobs service',
    'service',
  ]) {
    expect(findings.get(name), name).toMatchObject({ status: 'failed' })
    expect(findings.get(name)?.fix, name).toMatch(/\S/)
  }
  expect(findings.get('versions')?.status).toBe('ok')
  expect(text).not.toContain(secret)
})

test('a Jobs service that refuses the key, and a database that takes no writes, fail', async () => {
  await using database = await testDatabase()
  await using jobs = await startJobsService()
  const name = new URL(database.url).pathname.slice(1)
  await database.query(`ALTER DATABASE "${name}" SET default_transaction_read_only = on`)
  const { code, findings, text } = await examine({
    REACTOR_CONNECT_DATABASE_URL: database.url,
    REACTOR_CONNECT_JOBS_URL: jobs.url,
    REACTOR_CONNECT_JOBS_API_KEY: 'kit-secret-other',
  })
  expect(code).toBe(1)
  expect(findings.get('Jobs service')).toMatchObject({
    status: 'failed',
    detail: `The Jobs service at ${jobs.url} cannot be used: it responded with status 401`,
  })
  expect(findings.get('metadata database')).toMatchObject({
    status: 'failed',
    detail: expect.stringContaining('accepts no writes') as string,
  })
  expect(text).not.toContain('kit-secret-other')
})

test('settings that are wrong are told, and the rest is examined', async () => {
  const { code, findings } = await examine({
    REACTOR_CONNECT_BIND: 'nowhere',
    REACTOR_CONNECT_URL: `http://127.0.0.1:${await closedPort()}`,
  })
  expect(code).toBe(1)
  expect(findings.get('settings')).toMatchObject({
    status: 'failed',
    detail: expect.stringContaining('bind') as string,
  })
  expect(findings.get('service')?.status).toBe('failed')
})

test('another data folder is named by a flag or a file, and the service of that folder is examined', async () => {
  const dataDir = await newFolder('doctor-data')
  {
    await using vault = await openFileVault({ folder: join(dataDir, 'vault') })
    await vault.put('instances/bad', { '/t': 'x' })
  }
  await truncate(join(dataDir, 'vault', fileNameOf('instances/bad')), 50)
  const url = `http://127.0.0.1:${await closedPort()}`
  await writeLocalService(dataDir, { url, apiKey: 'kit-secret-doctor' })
  const config = join(home, 'connect.toml')
  await writeFile(config, `[connect]\ndata_dir = "${dataDir}"\n`)
  for (const flags of [{ dataDir }, { config }]) {
    const { findings, text } = await examine({}, flags)
    expect(findings.get('vault')).toMatchObject({
      status: 'warning',
      detail: expect.stringContaining(`embedded, in ${join(dataDir, 'vault')}: 1 file`) as string,
    })
    expect(findings.get('data folder')?.detail).toContain(dataDir)
    expect(findings.get('service')?.detail).toContain(url)
    expect(text).not.toContain('kit-secret-doctor')
  }
})

test('a clock that goes wrong is warned of', () => {
  const well = { name: 'service', status: 'ok', detail: 'there' } as const
  expect(withClock(well, -29_000)).toEqual(well)
  expect(withClock(well, 45_000)).toMatchObject({
    status: 'warning',
    detail: "there; its clock is 45 s ahead of this machine's",
  })
})
