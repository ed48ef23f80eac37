import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import type { Scope } from '../../../../service/platform/access/principal.ts'
import type { Answer, ApiClient } from '../../../support/api-client.ts'
import { fakerConfig, TestApi } from '../../../support/test-api.ts'
import { interrupt } from '../../../support/deliveries.ts'
import { makeReceiver } from './receiver-api.ts'

const financeIsHidden = `${await readFile('service/platform/access/default-policy.cedar', 'utf8')}
forbid (principal in Kind::"operator", action, resource is Connection) when { resource.name like "finance-*" };`
const job = [{ target: 'job:work' }]
const toFinance = [{ target: 'stream:finance-ledger/*' }]
/** Every request that changes a receiver, with the rest of its path and its body. */
const changes = [
  ['PATCH', '', { description: 'x' }],
  ['PATCH', '', { dispatch: job }],
  ['POST', '/pause', undefined],
  ['POST', '/resume', undefined],
  ['POST', '/secret', {}],
  ['POST', '/rotate-token', {}],
  ['POST', '/rotate-dispatch-secret', {}],
  ['POST', '/test', {}],
  ['DELETE', '', undefined],
] as const

let api: TestApi
beforeAll(async () => {
  api = await TestApi.start({ policy: financeIsHidden })
  const { instances, connections } = api.service
  for (const name of ['shop', 'finance-ledger']) {
    const from = `${name}-source`
    await instances.create({ name: from, type: 'faker', config: fakerConfig })
    await connections.create({ name, from, destination: 'data:shop', activate: false })
  }
  await makeReceiver(api, { name: 'own', dispatch: job })
  await makeReceiver(api, { name: 'of-shop', instance: 'shop-source', dispatch: job })
  const instance = 'finance-ledger-source'
  await makeReceiver(api, { name: 'of-finance', instance, dispatch: toFinance })
})
afterAll(async () => {
  await api[Symbol.asyncDispose]()
})

describe('a receiver whose events change a connection that the policy hides', () => {
  test('is neither made nor changed, and no answer tells whether the connection exists', async () => {
    const client = await api.clientOf({ name: 'operator', kind: 'operator' })
    const make = (connection: string): Promise<Answer> =>
      client.call('POST /receivers', {
        name: 'new',
        instance: 'finance-ledger-source',
        dispatch: [...job, { target: `stream:${connection}/*` }],
      })
    const hidden = await make('finance-ledger')
    expect(hidden.status).toBe(403)
    expect(comparable(hidden)).toBe(comparable(await make('finance-nothing')))
    const change = (connection: string): Promise<Answer> =>
      client.call('PATCH /receivers/of-shop', {
        dispatch: [{ target: `stream:${connection}/entries` }],
      })
    expect((await change('finance-ledger')).status).toBe(403)
    expect(comparable(await change('finance-ledger'))).toBe(
      comparable(await change('finance-nothing')),
    )
    for (const [method, path, body] of changes)
      await refuses(client, [method, 'of-finance', path, body])
    const audit = JSON.stringify((await api.call('GET /audit?limit=200')).body)
    expect(audit).toContain('"connections:update"')
    const unchanged = await api.call('GET /receivers/of-finance')
    expect(unchanged.body).toMatchObject({ dispatch: toFinance, status: 'active', version: 2 })
  })
})

describe('a key with scopes', () => {
  const seeInstances: Scope = { action: 'instances:read', names: null }
  const scoped = (...more: readonly Scope[]): Promise<ApiClient> =>
    api.clientOf({
      name: 'scoped',
      kind: 'operator',
      scopes: [{ action: 'receivers:*', names: null }, ...more],
    })

  test('changes no receiver of an instance that it may not see', async () => {
    const client = await scoped()
    for (const [method, path, body] of changes)
      await refuses(client, [method, 'of-shop', path, body])
    const own = { description: 'no instance, no connection' }
    expect((await client.call('PATCH /receivers/own', own)).status).toBe(200)
    const gone = await client.call('PATCH /receivers/nothing', own)
    expect(gone.body).toMatchObject({ error: { code: 'receiver_not_found' } })
  })

  test('loads events into a connection only if it may change the connection', async () => {
    const dispatch = [{ target: 'stream:shop/*' }]
    const seeing = await scoped(seeInstances, { action: 'connections:read', names: null })
    const make = { name: 'loads', instance: 'shop-source', dispatch }
    expect((await seeing.call('POST /receivers', make)).body).toMatchObject({
      error: { code: 'permission_denied', details: { action: 'connections:update' } },
    })
    const update = { action: 'connections:update', names: ['shop'] }
    const changing = await scoped(seeInstances, update)
    expect((await changing.call('POST /receivers', make)).status).toBe(201)
    expect((await changing.call('PATCH /receivers/of-shop', { dispatch })).status).toBe(200)
    await refuses(seeing, ['POST', 'of-shop', '/secret', {}])
    expect((await changing.call('POST /receivers/of-shop/pause')).status).toBe(200)
  })
})

describe('deliveries of a receiver whose instance the caller may not see', () => {
  test.each([
    ['GET /receivers/of-shop/deliveries/dlv_00000000000000000000000000', undefined],
    ['POST /deliveries/replay', { receiver: 'of-shop' }],
    ['POST /deliveries/replay', { ids: ['dlv_00000000000000000000000000'] }],
    ['POST /deliveries/discard', { status: 'dead' }],
  ])('are neither read nor changed: %s %j', async (request, body) => {
    const client = await api.clientOf({
      name: 'deliveries',
      kind: 'operator',
      scopes: [{ action: 'deliveries:*', names: null }],
    })
    const { status, body: answer } = await client.call(request, body)
    expect(status).toBe(403)
    expect(answer).toMatchObject({
      error: { code: 'permission_denied', details: { action: 'instances:read' } },
    })
    const seeing = await api.clientOf({
      name: 'deliveries-of-all',
      kind: 'operator',
      scopes: [
        { action: 'deliveries:*', names: null },
        { action: 'instances:read', names: null },
      ],
    })
    expect((await seeing.call(request, body)).status).not.toBe(403)
  })

  test('those of a receiver without an instance are', async () => {
    const client = await api.clientOf({
      name: 'deliveries-of-own',
      kind: 'operator',
      scopes: [{ action: 'deliveries:*', names: null }],
    })
    expect((await client.call('POST /deliveries/replay', { receiver: 'own' })).status).toBe(200)
    const gone = await client.call('POST /deliveries/replay', { receiver: 'nothing' })
    expect(gone.body).toMatchObject({ error: { code: 'receiver_not_found' } })
  })
})

test('warnings name the connection that keeps events from a target, to those who may see it', async () => {
  const warningsOf = async (client: Pick<ApiClient, 'call'>, name: string): Promise<unknown> => {
    const { body } = await client.call(`GET /receivers/${name}`)
    const listed = await client.call('GET /receivers')
    expect(JSON.stringify(listed.body)).toContain(JSON.stringify(body))
    return withWarnings.parse(body).warnings
  }
  const client = await api.clientOf({ name: 'reader', kind: 'operator' })
  const { instances, connections } = api.service
  expect(await warningsOf(api, 'of-finance')).toEqual([
    expect.stringContaining('connection finance-ledger is inactive'),
  ])
  await connections.activate('finance-ledger')
  await interrupt(api, 'of-finance', 'stream:finance-ledger/*')
  expect(await warningsOf(api, 'of-finance')).toEqual([
    expect.stringContaining('it responded with status 503'),
  ])
  expect(await warningsOf(client, 'of-finance')).toEqual([])
  await instances.create({ name: 'late-source', type: 'faker', config: fakerConfig })
  const input = { from: 'late-source', destination: 'data:late' }
  await connections.create({ name: 'late', ...input, activate: true })
  const dispatch = [{ target: 'stream:late/*' }]
  await makeReceiver(api, { name: 'of-late', instance: 'late-source', dispatch })
  expect(await warningsOf(client, 'of-late')).toEqual([])
  await interrupt(api, 'of-late', 'stream:late/*')
  expect(await warningsOf(client, 'of-late')).toEqual([
    expect.stringContaining('it responded with status 503'),
  ])
  await connections.setPaused('late', true)
  expect(await warningsOf(client, 'of-late')).toEqual([
    expect.stringContaining('connection late is paused'),
  ])
  await connections.delete('late')
  expect(await warningsOf(client, 'of-late')).toEqual([
    expect.stringContaining('connection late does not exist'),
  ])
})

const withWarnings = z.looseObject({ warnings: z.array(z.string()) })

async function refuses(
  client: ApiClient,
  [method, name, path, body]: readonly [string, string, string, object | undefined],
): Promise<void> {
  const answer = await client.call(`${method} /receivers/${name}${path}`, body)
  expect(answer.body, `${method} ${path}`).toMatchObject({ error: { code: 'permission_denied' } })
}

/** Without what differs for every request, and without the name that was asked for. */
function comparable({ status, body }: Answer): string {
  return JSON.stringify([status, body])
    .replace(/"request_id":"[^"]*"/, '')
    .replaceAll(/finance-(?:ledger|nothing)/g, 'NAME')
}
