import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline/promises'
import { load } from 'js-yaml'
import { expect, test } from 'vitest'
import { z } from 'zod'
import type { JsonObject } from '../../../protocol/index.ts'
import type { InstanceService } from '../../../service/instances/contract.ts'
import { instancePath, type Vault } from '../../../service/platform/vault/vault.ts'
import { AuthorizationServer } from '../../fakes/authorization-server.ts'
import { runToEnd, testService } from '../../support/test-service.ts'
import { callbackUrl, openTestInstances } from './open-test-instances.ts'
import { longTest } from '../../support/long.ts'

const over = { '/credentials/token_expiry_date': new Date(0).toISOString() }

/** An authorized instance of the manifest test/fakes/crm.yaml, whose refresh tokens work once. */
async function authorized(
  { instances, vault }: { readonly instances: InstanceService; readonly vault: Vault },
  server: AuthorizationServer,
) {
  const { clientId: client_id, clientSecret: client_secret, issuer: base_url } = server
  const credentials = { auth_type: 'oauth', client_id, client_secret }
  const config = { base_url, credentials }
  const { id } = await instances.create({ name: 'crm', type: 'crm', config })
  const path = instancePath(id)
  const set = async (secrets: JsonObject): Promise<void> => {
    const kept = await vault.get(path)
    await vault.put(path, { ...kept?.secrets, ...secrets })
  }
  const authorize = async (): Promise<void> => {
    const { authorizeUrl } = await instances.beginAuthorization('crm')
    const { state = '', ...back } = await server.browse(authorizeUrl, callbackUrl)
    await instances.completeAuthorization({ state, ...back })
    server.tokenRequests.length = 0
  }
  await authorize()
  return { authorize, set, secrets: async () => (await vault.get(path))?.secrets ?? {} }
}

longTest(
  'a refresh token that works once is used once by all processes that need it at the same time',
  async () => {
    await using world = await openTestInstances()
    await using server = await AuthorizationServer.start({ redirectUris: [callbackUrl] })
    const crm = await authorized(world, server)
    const script = join(import.meta.dirname, 'check-once.ts')
    const args = [script, world.test.database.url, world.folder, 'crm']
    const children = [1, 2].map(() => {
      const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] })
      const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
      return { child, lines, exited: once(child, 'exit') }
    })
    for (const { lines } of children) expect((await lines.next()).value).toBe('ready')
    await crm.set(over)
    for (const { child } of children) child.stdin.end('go\n')
    const answers = await Promise.all(children.map(async ({ lines }) => (await lines.next()).value))
    const good = { status: 'SUCCEEDED' }
    expect(answers).toEqual(children.map(() => JSON.stringify([good, good])))
    expect(server.tokenRequests).toEqual(['refresh_token'])
    await Promise.all(children.map(({ exited }) => exited))
    // The stored token is the newest of the family: it can be used once more.
    await crm.set(over)
    expect(await world.instances.check('crm')).toEqual(good)
  },
)

test('an authorization that the vendor ended shows until there is another one', async () => {
  await using world = await openTestInstances()
  await using server = await AuthorizationServer.start({ redirectUris: [callbackUrl] })
  const { instances } = world
  const crm = await authorized(world, server)
  await crm.set({ ...over, '/credentials/refresh_token': 'planted-revoked' })
  const status = await instances.check('crm')
  expect(status).toMatchObject({ status: 'FAILED' })
  expect(status.message).toContain('invalid_grant')
  expect(status.message).toContain('`reactor connect instances credentials crm`')
  expect(status.message).not.toContain('planted')
  expect(await instances.get('crm')).toMatchObject({ credentials: 'reauthorize' })
  await instances.resolveConfig('crm')
  expect(await instances.get('crm')).toMatchObject({ credentials: 'reauthorize' })
  await crm.authorize()
  expect(await instances.get('crm')).toMatchObject({ credentials: 'ready' })
  expect(await instances.check('crm')).toEqual({ status: 'SUCCEEDED' })
})

test('a callback that names another vendor than the one that was asked is refused', async () => {
  await using world = await openTestInstances()
  await using server = await AuthorizationServer.start({ redirectUris: [callbackUrl] })
  const { instances } = world
  await authorized(world, server)
  const { authorizeUrl } = await instances.beginAuthorization('crm')
  const { state = '', ...back } = await server.browse(authorizeUrl, callbackUrl)
  expect(back.iss).toBe(server.issuer)
  const evil = { state, ...back, iss: 'https://evil.example' }
  const { host } = new URL(server.issuer)
  await expect(instances.completeAuthorization(evil)).rejects.toMatchObject({
    code: 'oauth_exchange_failed',
    details: { host },
  })
  // Another server on the same machine, and parent domains.
  for (const iss of [`${server.issuer}0`, server.issuer.replace('127.', ''), 'https://1']) {
    const { authorizeUrl: next } = await instances.beginAuthorization('crm')
    const again = await server.browse(next, callbackUrl)
    await expect(
      instances.completeAuthorization({ ...back, ...again, state: again.state ?? '', iss }),
      iss,
    ).rejects.toMatchObject({ code: 'oauth_exchange_failed' })
  }
  expect(server.tokenRequests).toEqual([])
})

test('a browser is sent to web addresses only', async () => {
  await using world = await openTestInstances()
  const credentials = { auth_type: 'oauth', client_id: 'id', client_secret: 'planted' }
  for (const [name, base_url] of [
    ['script', 'javascript:alert(1)'],
    ['data', 'data:text/html,x'],
  ] as const) {
    await world.instances.create({ name, type: 'crm', config: { base_url, credentials } })
    await expect(world.instances.beginAuthorization(name)).rejects.toMatchObject({
      code: 'manifest_invalid',
      details: { reason: expect.stringContaining('not with https://') as unknown },
    })
  }
})

longTest('a refresh does not undo an authorization that was made while it went on', async () => {
  await using world = await openTestInstances()
  await using server = await AuthorizationServer.start({ redirectUris: [callbackUrl] })
  const crm = await authorized(world, server)
  const { config } = await world.instances.resolveConfig('crm')
  const place = (tokens: JsonObject): JsonObject => ({
    ...config,
    credentials: { ...z.record(z.string(), z.json()).parse(config.credentials), ...tokens },
  })
  const kept = await world.instances.changeConfig('crm', config, async () => {
    await crm.set({ '/credentials/refresh_token': 'of the user' })
    return place({ refresh_token: 'of the old one', access_token: 'of the old one' })
  })
  expect(kept).toMatchObject({ credentials: { refresh_token: 'of the user' } })
  expect(await crm.secrets()).toMatchObject({ '/credentials/refresh_token': 'of the user' })
  expect(JSON.stringify(await crm.secrets())).not.toContain('of the old one')
})

/** crm.yaml with its stream three times, so that three threads read at the same time. */
async function importThreeStreams(catalogDir: string): Promise<void> {
  const text = await readFile(new URL('../../fakes/crm.yaml', import.meta.url), 'utf8')
  const manifest = z
    .looseObject({ streams: z.tuple([z.record(z.string(), z.json())]) })
    .parse(load(text))
  const [stream] = manifest.streams
  const streams = ['contacts', 'people', 'friends'].map((name) => ({ ...stream, name }))
  await mkdir(join(catalogDir, 'crm'), { recursive: true })
  // JSON is YAML.
  await writeFile(
    join(catalogDir, 'crm', 'manifest.yaml'),
    JSON.stringify({ ...manifest, streams }),
  )
}

test('the streams of a run share a refresh, and fail with what to do once it is refused', async () => {
  await using server = await AuthorizationServer.start({ redirectUris: [callbackUrl] })
  await using service = await testService()
  const { instances, connections, runs } = service.service
  await importThreeStreams(service.catalogDir)
  const crm = await authorized({ instances, vault: service.vault }, server)
  const to = { destination: 'data:people', activate: true }
  await connections.create({ name: 'people', from: 'crm', ...to })
  await crm.set(over)
  service.work()
  const run = await runToEnd(runs, await runs.start('people'))
  expect(run).toMatchObject({ status: 'complete', loaded: 3 })
  expect(server.tokenRequests).toEqual(['refresh_token'])

  await crm.set({ ...over, '/credentials/refresh_token': 'planted-revoked' })
  const failed = await runToEnd(runs, await runs.start('people'))
  const code = 'reauthorization_required'
  expect(failed).toMatchObject({ status: 'failed', attempts: 1, error: { code } })
  expect(failed.streams.map(({ error }) => error?.code)).toEqual([code, code, code])
  expect(failed.error?.suggested_fix).toContain('`reactor connect instances credentials crm`')
  expect(await instances.get('crm')).toMatchObject({ credentials: 'reauthorize' })
  expect(JSON.stringify(failed) + service.logged.join('')).not.toContain('planted')
})
