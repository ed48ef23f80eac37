import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { actionNames, isActionName, isChange } from '../../../../service/platform/access/actions.ts'
import {
  principalKinds,
  type PrincipalKind,
} from '../../../../service/platform/access/principal.ts'
import type { Answer, ApiClient } from '../../../support/api-client.ts'
import { TestApi } from '../../../support/test-api.ts'
import { expectedPermissions } from './expected-permissions.ts'
import { operationsOf, type Operation } from './operations.ts'

let api: TestApi
let operations: readonly Operation[]
const clients = new Map<PrincipalKind, ApiClient>()
/** Names that exist, and names that do not. */
const existing = { name: 'shop', run: '', id: '' }
const absent = { name: 'none', run: `run_${'0'.repeat(26)}`, id: `key_${'0'.repeat(26)}` }

beforeAll(async () => {
  api = await TestApi.start()
  operations = await operationsOf(api.client)
  for (const kind of principalKinds)
    clients.set(kind, await api.clientOf({ name: `a ${kind}`, kind }))
  const config = { streams: [{ name: 'items', rows: 3 }] }
  await api.client.call('POST /instances', { name: 'shop', type: 'faker', config })
  const binding = { name: 'shop', from: 'shop', destination: 'data:shop', activate: true }
  expect((await api.client.call('POST /connections', binding)).status).toBe(201)
  const started = await api.client.call('POST /connections/shop/runs')
  existing.run = z.object({ id: z.string() }).parse(started.body).id
  const made = await api.client.call('POST /api-keys', { name: 'spare', kind: 'viewer' })
  existing.id = z.object({ id: z.string() }).parse(made.body).id
})
afterAll(async () => {
  await api[Symbol.asyncDispose]()
})

test('every route says what it does, or is one that anybody may ask', () => {
  expect(operations.length).toBeGreaterThan(40)
  const without = operations.filter(
    ({ action, isAnonymous }) => !isAnonymous && action === undefined,
  )
  expect(without.map(({ id }) => id)).toEqual([])
})

test('every action that a route has is one that the policy knows, with a line in the table of this test', () => {
  for (const { id, action } of operations)
    if (action !== undefined) expect(actionNames, id).toContain(action)
  expect(Object.keys(expectedPermissions).toSorted()).toEqual(actionNames.toSorted())
})

describe.each(principalKinds)('a principal of kind %s', (kind) => {
  test('reaches the routes of the table, and no other, whatever exists', async () => {
    const client = clientOf(kind)
    const before = await keptRows()
    for (const operation of guarded()) {
      if (mayDo(kind, operation)) continue
      const real = await ask(client, operation, existing)
      const made = await ask(client, operation, absent)
      expect(real.status, operation.id).toBe(403)
      expect(real.body).toMatchObject({
        error: {
          code: 'permission_denied',
          details: { action: operation.action, principal_kind: kind },
          suggested_fix: expect.any(String) as unknown,
        },
      })
      expect(comparable(real), operation.id).toBe(comparable(made))
    }
    expect(await keptRows()).toEqual(before)
    for (const operation of guarded()) {
      if (!mayDo(kind, operation)) continue
      const { status, body } = await ask(client, operation, absent)
      expect([401, 403, 429], `${operation.id} ${JSON.stringify(body)}`).not.toContain(status)
    }
  })
})

test('an agent reaches no change but a sandbox, what it showed, and its own login', () => {
  const reached = guarded()
    .filter((operation) => mayDo('agent', operation))
    .map(({ action }) => action)
    .filter((action) => action !== undefined && isActionName(action) && isChange(action))
  expect([...new Set(reached)].toSorted()).toEqual([
    ...['connections:promote', 'connections:sandbox', 'connections:sandbox-delete', 'self:update'],
  ])
})

test('every refusal is in the audit log, with who was refused what', async () => {
  const denied = await api.client.call('GET /audit?outcome=denied&limit=200')
  const entries = z
    .object({ items: z.array(z.looseObject({ action: z.string() })) })
    .parse(denied.body).items
  expect(entries).toContainEqual(
    expect.objectContaining({
      principal: expect.objectContaining({ kind: 'agent', name: 'a agent' }) as unknown,
      action: 'connections:delete',
      resource: 'connections',
      name: 'shop',
      request: 'DELETE /connect/v1/connections/shop',
      status: 403,
      error: 'permission_denied',
    }),
  )
})

function guarded(): readonly Operation[] {
  return operations.filter(({ isAnonymous }) => !isAnonymous)
}

function mayDo(kind: PrincipalKind, { action = '', id }: Operation): boolean {
  if (!isActionName(action)) throw new Error(`${id} has no rule`)
  return expectedPermissions[action].includes(kind)
}

function clientOf(kind: PrincipalKind): ApiClient {
  const client = clients.get(kind)
  if (client === undefined) throw new Error(`no client for ${kind}`)
  return client
}

async function ask(
  client: ApiClient,
  { method, path }: Operation,
  { name, run, id }: typeof existing,
): Promise<Answer> {
  const url = path
    .replace('{name}', name)
    .replace('{run}', run)
    .replace('{id}', id)
    .replaceAll(/\{\w+\}/g, 'none')
  const body = method === 'POST' || method === 'PATCH' ? { name } : undefined
  return client.call(`${method} /${url}`, body)
}

/** Without what differs because something else was asked for. */
function comparable({ status, body }: Answer): string {
  const text = JSON.stringify([status, body])
  return Object.entries(existing)
    .reduce(
      (rest, [part, value]) => rest.replaceAll(value, absent[part as keyof typeof absent]),
      text,
    )
    .replaceAll(/"request_id":"[^"]*"/g, '')
}

/** Returns the rows that a change would affect: everything except the data that every request writes. */
async function keptRows(): Promise<unknown> {
  return api.database.query(
    `SELECT table_name, query_to_xml(format(
       CASE table_name WHEN 'api_keys' THEN 'SELECT id, name, revoked_at FROM %I.%I ORDER BY 1'
       ELSE 'SELECT * FROM %I.%I ORDER BY 1' END, table_schema, table_name), true, true, '')::text AS rows
     FROM information_schema.tables WHERE table_schema = 'reactor_connect_service'
       AND table_name <> 'audit_log' ORDER BY table_name`,
  )
}
