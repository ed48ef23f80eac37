import { randomBytes } from 'node:crypto'
import { cp, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { z } from 'zod'
import type { JsonObject } from '../../../protocol/index.ts'
import { openFileVault } from '../../../service/platform/vault/file-vault.ts'
import { AuthorizationServer } from '../../fakes/authorization-server.ts'
import { dumpOf, topicsOf } from '../../support/all-texts.ts'
import { testKafka } from '../../support/kafka.ts'
import { metadataTemplate, testDatabase, type TestDatabase } from '../../support/postgres.ts'
import {
  hasEnded,
  runSchema,
  runWhen,
  serviceFolder,
  type ServiceProcess,
} from '../../support/service-process.ts'

const redirectUri = 'http://127.0.0.1:49153/callback'
/** In every planted secret, and nowhere else. */
const mark = `Planted${randomBytes(6).toString('hex')}`
const planted = (what: string): string => `${mark}-${what}`

test('secrets are in the vault, and not in the database, the topics, the logs or an answer', async () => {
  await using metadata = await testDatabase(metadataTemplate)
  await using data = await testDatabase()
  await using source = await testDatabase()
  await using server = await AuthorizationServer.start({
    redirectUris: [redirectUri],
    clientSecret: planted('client-secret'),
  })
  await using folder = await serviceFolder()
  await mkdir(join(folder.path, 'catalog', 'crm'), { recursive: true })
  await cp('test/fakes/crm.yaml', join(folder.path, 'catalog', 'crm', 'manifest.yaml'))
  const { brokers, prefix } = testKafka()
  const service = await folder.start({
    environment: {
      REACTOR_CONNECT_DATABASE_URL: metadata.url,
      REACTOR_CONNECT_DATA_DATABASE_URL: data.url,
      REACTOR_CONNECT_ALLOWED_NETWORKS: '127.0.0.1/32',
      REACTOR_CONNECT_LOG_LEVEL: 'trace',
      KAFKA_BROKERS: brokers.join(','),
    },
  })
  const answers: string[] = []
  const ask = async (path: string, body?: JsonObject, method = 'POST'): Promise<unknown> => {
    const text = await answerOf(service, path, { method, body })
    answers.push(text)
    return text === '' ? null : JSON.parse(text)
  }

  await using role = await roleWithPassword(source, planted('password'))
  const config = { ...source.address, ...role.login }
  await ask('/instances', { name: `${prefix}-shop`, type: 'postgres', config })
  await ask('/instances', {
    name: 'bad',
    type: 'postgres',
    config: { ...config, port: planted('a') },
  })
  await ask('/instances', {
    name: 'bad',
    type: 'postgres',
    config: { ...config, pasword: planted('k') },
  })
  await ask(`/instances/${prefix}-shop/check`)
  await ask(`/instances/${prefix}-shop/discover`, {})
  await connectAndRun({ ask, service }, `${prefix}-shop`)

  const { clientId: client_id, issuer: base_url } = server
  const credentials = { auth_type: 'oauth', client_id, client_secret: planted('client-secret') }
  await ask('/instances', { name: `${prefix}-crm`, type: 'crm', config: { base_url, credentials } })
  const begun = z
    .object({ authorize_url: z.string() })
    .parse(await ask(`/instances/${prefix}-crm/authorize`, { redirect_uri: redirectUri }))
  const callback = await server.browse(begun.authorize_url, redirectUri)
  const query = new URLSearchParams(callback).toString()
  expect(await ask(`/oauth/callback?${query}`, undefined, 'GET')).toMatchObject({
    credentials: 'ready',
  })
  expect(await ask(`/instances/${prefix}-crm/check`)).toEqual({ status: 'SUCCEEDED' })
  await connectAndRun({ ask, service }, `${prefix}-crm`)
  const tokens = await tokensIn(join(folder.path, 'vault'), await idOf(metadata, `${prefix}-crm`))

  // A failed request reports the failure without the secret.
  await ask(`/instances/${prefix}-shop/credentials`, { password: planted('wrong') })
  await ask(`/instances/${prefix}-shop/credentials`, { pasword: planted('misspelt') })
  await ask(`/instances/${prefix}-shop/check`)
  await ask(`/instances/${prefix}-shop/discover`, { refresh: true })
  const failed = await ask(`/connections/${prefix}-shop/runs`)
  const { id } = runSchema.parse(failed)
  expect((await runWhen(service, id, hasEnded)).status).toBe('failed')
  await ask(`/connections/${prefix}-shop/runs/${id}/logs`, undefined, 'GET')
  await ask(`/instances/${prefix}-shop`, undefined, 'GET')

  const secrets = [mark, ...tokens, callback.code ?? '']
  expect(secrets.every((secret) => secret.length > 10)).toBe(true)
  const places = {
    database: await dumpOf(metadata),
    data: await dumpOf(data),
    topics: await topicsOf(brokers, prefix),
    output: service.output(),
    answers: answers.join('\n'),
  }
  for (const [place, text] of Object.entries(places)) {
    expect(text.length, place).toBeGreaterThan(100)
    for (const secret of secrets) expect(count(text, secret), `${place}: ${secret}`).toBe(0)
  }
  const apiKeySecret = service.key.slice(-43)
  expect(count(places.database, apiKeySecret)).toBe(0)
  expect(count(places.output, apiKeySecret)).toBe(1) // the first key is shown once
}, 240_000)

function count(text: string, secret: string): number {
  return text.split(secret).length - 1
}

async function connectAndRun(
  {
    ask,
    service,
  }: { ask: (path: string, body?: JsonObject) => Promise<unknown>; service: ServiceProcess },
  name: string,
): Promise<void> {
  const options = { log: 'kafka', framing: 'record' }
  await ask('/connections', { name, from: name, destination: 'data:shop', options, activate: true })
  const { id } = runSchema.parse(await ask(`/connections/${name}/runs`))
  const run = await runWhen(service, id, hasEnded)
  expect(run).toMatchObject({ status: 'complete', error: null })
}

/** Whatever the status. */
async function answerOf(
  { url, key }: ServiceProcess,
  path: string,
  { method, body }: { readonly method: string; readonly body: JsonObject | undefined },
): Promise<string> {
  const response = await fetch(`${url}/connect/v1${path}`, {
    method,
    headers: {
      authorization: `Bearer ${key}`,
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  return response.text()
}

/** A user of the source with this password, and a table that it may read. */
async function roleWithPassword(
  source: TestDatabase,
  password: string,
): Promise<AsyncDisposable & { readonly login: { user: string; password: string } }> {
  const user = `reader_${randomBytes(6).toString('hex')}`
  await source.query(`CREATE ROLE ${user} LOGIN PASSWORD '${password}'`)
  await source.query(
    'CREATE TABLE items AS SELECT id, md5(id::text) AS name FROM generate_series(1, 500) id',
  )
  await source.query(`GRANT SELECT ON items TO ${user}`)
  return {
    login: { user, password },
    [Symbol.asyncDispose]: async () => {
      await source.query(`DROP OWNED BY ${user}`)
      await source.query(`DROP ROLE ${user}`)
    },
  }
}

async function idOf(metadata: TestDatabase, name: string): Promise<string> {
  const rows = await metadata.query(
    'SELECT id FROM reactor_connect_service.instances WHERE name = $1',
    [name],
  )
  return String(rows[0]?.id)
}

async function tokensIn(folder: string, id: string): Promise<string[]> {
  await using vault = await openFileVault({ folder })
  const kept = (await vault.get(`instances/${id}`))?.secrets ?? {}
  const tokens = ['/credentials/access_token', '/credentials/refresh_token']
  return tokens.map((pointer) => z.string().parse(kept[pointer]))
}
