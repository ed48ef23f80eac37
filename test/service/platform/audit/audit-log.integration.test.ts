import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { isActionName, isChange } from '../../../../service/platform/access/actions.ts'
import type { Answer } from '../../../support/api-client.ts'
import { TestApi } from '../../../support/test-api.ts'
import { openTestStore } from '../../../support/open-test-store.ts'
import { operationsOf } from '../access/operations.ts'

const faker = { type: 'faker', config: { streams: [{ name: 'items', rows: 3 }] } }
const planted = 'planted-secret-9931'
const withId = z.object({ id: z.string() })
const entry = z.looseObject({
  action: z.string(),
  name: z.string().nullable(),
  request: z.string(),
  request_id: z.string(),
  outcome: z.string(),
  status: z.number().nullable(),
  error: z.string().nullable(),
  details: z.looseObject({ attempts: z.number().optional() }).nullable(),
})
const auditPage = z.object({ items: z.array(entry), next_cursor: z.string().nullable() })

let api: TestApi
beforeAll(async () => {
  api = await TestApi.start()
})
afterAll(async () => {
  await api[Symbol.asyncDispose]()
})

test('the audit log has every change there is a route for, and no secret', async () => {
  const answers = new Map<string, Answer>()
  const call = async (operation: string, ...request: Parameters<typeof api.client.call>) => {
    const answer = await api.client.call(...request)
    answers.set(operation, answer)
    return answer
  }
  await call('createInstance', 'POST /instances', { name: 'shop', ...faker })
  const { host, port, user, database } = api.database.address
  const secret = { host, port, user, database, ssl: 'disable', password: planted }
  await api.client.call('POST /instances', { name: 'db', type: 'postgres', config: secret })
  await call('setCredentials', 'POST /instances/db/credentials', { password: `${planted}-2` })
  await call('updateInstance', 'PATCH /instances/db', { config: { ...secret, ssl: 'disable' } })
  await call('beginAuthorization', 'POST /instances/shop/authorize')
  await call('createConnection', 'POST /connections', {
    name: 'shop',
    from: 'shop',
    destination: 'data:shop',
  })
  await call('activateConnection', 'POST /connections/shop/activate')
  await call('pauseConnection', 'POST /connections/shop/pause')
  await call('resumeConnection', 'POST /connections/shop/resume')
  await call('updateConnection', 'PATCH /connections/shop', { options: { deletes: 'soft' } })
  await call('approveSchema', 'POST /connections/shop/approve', { fingerprint: 'f'.repeat(32) })
  await call('runSandbox', 'POST /connections/shop/sandbox', { limit_rows: 1 })
  await call('compareConnection', 'POST /connections/shop/compare', {})
  await call('promoteSandbox', 'POST /connections/shop/promote', { token: planted })
  await call('deleteSandbox', `DELETE /connections/shop/sandboxes/sbx_${'0'.repeat(26)}`)
  const started = await call('startRun', 'POST /connections/shop/runs')
  const { id: run } = withId.parse(started.body)
  await call('cancelRun', `POST /runs/${run}/cancel`)
  await call('cancelRunOfConnection', `POST /connections/shop/runs/${run}/cancel`)
  await call('retryRun', `POST /runs/${run}/retry`)
  await call('retryRunOfConnection', `POST /connections/shop/runs/${run}/retry`)
  await call('resetConnection', 'POST /connections/shop/reset')
  const range = { streams: ['users'], from: '1' }
  await call('resetConnectionRange', 'POST /connections/shop/reset-range', range)
  await call('retryRejectedRecords', 'POST /connections/shop/rejects/retry', {})
  await call('discardRejectedRecords', 'POST /connections/shop/rejects/discard', {})
  await call('invokeAction', 'POST /instances/shop/actions/ping/invoke', { input: {} })
  const key = await call('createApiKey', 'POST /api-keys', { name: 'ci', kind: 'viewer' })
  const { id: keyId } = withId.parse(key.body)
  await call('revokeApiKey', `DELETE /api-keys/${keyId}`)
  const person = { email: 'ann@example.com', role: 'viewer', password: `${planted}-3` }
  const receiver = { name: 'in', dispatch: [{ target: 'job:a' }] }
  await call('createReceiver', 'POST /receivers', receiver)
  await call('updateReceiver', 'PATCH /receivers/in', { description: 'orders' })
  await call('pauseReceiver', 'POST /receivers/in/pause')
  await call('resumeReceiver', 'POST /receivers/in/resume')
  await call('rotateReceiverToken', 'POST /receivers/in/rotate-token')
  await call('setReceiverSecret', 'POST /receivers/in/secret', { signing_secret: planted })
  await call('rotateReceiverDispatchSecret', 'POST /receivers/in/rotate-dispatch-secret')
  await call('testReceiver', 'POST /receivers/in/test', { body: { id: planted } })
  await call('replayDeliveries', 'POST /deliveries/replay', { receiver: 'in' })
  await call('discardDeliveries', 'POST /deliveries/discard', { receiver: 'in', status: 'dead' })
  await call('deleteReceiver', 'DELETE /receivers/in')
  await call('createUser', 'POST /users', person)
  await call('updateUser', 'PATCH /users/ann@example.com', { role: 'agent' })
  await call('resetPassword', 'POST /users/ann@example.com/reset-password')
  await call('deleteUser', 'DELETE /users/ann@example.com')
  await call('logout', 'POST /auth/logout')
  const passwords = { password: planted, new_password: `${planted}-4` }
  await call('changePassword', 'POST /auth/password', passwords)
  for (const { id } of await activeRuns()) await api.client.call(`POST /runs/${id}/cancel`)
  await call('deleteConnection', 'DELETE /connections/shop')
  await call('deleteInstance', 'DELETE /instances/shop')

  // A browser that was sent to a vendor is tested in oauth-callback.test.ts. An invented state is like a
  // wrong token.
  await api.client.call('GET /oauth/callback?state=none&code=none')
  const entries = await allEntries()
  expect(entries.filter(({ request }) => request.includes('callback'))).toEqual([])
  const operations = await operationsOf(api.client)
  const ofKeys = operations.filter(({ id }) => id !== 'completeAuthorization')
  for (const { id, action = '' } of ofKeys) {
    if (!isActionName(action) || !isChange(action)) continue
    const answer = answers.get(id)
    // Operations that are not built yet do nothing.
    if (answer === undefined && (await isNotBuilt(id))) continue
    if (answer === undefined) throw new Error(`${id} is not tried by this test`)
    if (answer.status === 501) continue
    const found = entries.find(
      ({ request_id: requestId }) => requestId === answer.headers.get('x-request-id'),
    )
    expect(found, `${id} ${JSON.stringify(answer.body)}`).toMatchObject({
      action,
      outcome: answer.status < 400 ? 'done' : 'failed',
      status: answer.status,
      error: answer.status < 400 ? null : (expect.any(String) as unknown),
    })
  }
  const named = (action: string): readonly (string | null)[] =>
    entries.filter((entry) => entry.action === action).map(({ name }) => name)
  expect(named('instances:create')).toEqual(['db', 'shop'])
  expect(named('api-keys:create')).toContain(keyId)
  expect(named('api-keys:revoke')).toEqual([keyId])
  expect(named('receivers:create')).toEqual(['in'])
  expect(named('receivers:rotate')).toEqual(['in', 'in', 'in'])
  expect(named('receivers:delete')).toEqual(['in'])
  expect(named('users:create')).toEqual(['ann@example.com'])
  expect(named('runs:cancel')).toContain('shop')
  expect(named('runs:start').every((name) => name === 'shop')).toBe(true)
  expect(named('runs:cancel').every((name) => name === 'shop')).toBe(true)
  const rows = await api.database.query(
    'SELECT to_json(a)::text AS row FROM reactor_connect_service.audit_log a',
  )
  expect(JSON.stringify(rows)).toContain('connections:create')
  expect(JSON.stringify(rows)).not.toContain('planted')
})

test('what a sandbox, its promotion and a start made is in their entries', async () => {
  await api.client.call('POST /instances', { name: 'tried', ...faker })
  const binding = { name: 'tried', from: 'tried', destination: 'data:tried' }
  await api.client.call('POST /connections', binding)
  const sandbox = z
    .object({ id: z.string(), promote_token: z.string() })
    .parse((await api.client.call('POST /connections/tried/sandbox')).body)
  const token = { token: sandbox.promote_token }
  const { body } = await api.client.call('POST /connections/tried/promote', token)
  const { run } = z.object({ run: withId }).parse(body)
  await api.client.call(`POST /runs/${run.id}/cancel`)
  const again = withId.parse((await api.client.call(`POST /runs/${run.id}/retry`)).body)
  const page = auditPage.parse((await api.client.call('GET /audit?name=tried')).body)
  const details = new Map(page.items.map((each) => [each.action, each.details]))
  expect(details.get('connections:sandbox')).toEqual({ sandbox: sandbox.id })
  expect(details.get('connections:promote')).toEqual({ sandbox: sandbox.id, run: run.id })
  expect(details.get('runs:start')).toEqual({ run: again.id })
  expect(details.get('connections:create')).toBeNull()
})

test('logins are found by their user, and failed ones of strangers under nobody', async () => {
  const email = 'grace@example.com'
  await api.client.call('POST /users', { email, role: 'viewer', password: 'kit-horse battery' })
  const login = async (given: object): Promise<number> => {
    const body = JSON.stringify(given)
    const headers = { 'content-type': 'application/json' }
    return (await api.client.asked('POST /auth/login', { body, headers })).status
  }
  expect(await login({ email, password: 'kit-horse battery' })).toBe(200)
  const wrong = [email, email, planted, planted].map(async (address) =>
    login({ email: address, password: planted }),
  )
  expect(await Promise.all(wrong)).toEqual([401, 401, 401, 401])
  const found = async (filter: string): Promise<readonly z.infer<typeof entry>[]> =>
    auditPage.parse((await api.client.call(`GET /audit?action=logins:create&${filter}`)).body).items
  const ofUser = await found('name=grace%40example.com')
  expect(ofUser.find(({ outcome }) => outcome === 'done')).toMatchObject({
    principal: { kind: 'viewer', name: email, via: 'password' },
    request: 'POST /connect/v1/auth/login',
    status: 200,
    details: null,
  })
  const attempts = (items: readonly z.infer<typeof entry>[]): number =>
    items.reduce((total, { details }) => total + (details?.attempts ?? 0), 0)
  expect(attempts(ofUser)).toBe(2)
  const strangers = await found('principal=nobody&outcome=failed')
  expect(attempts(strangers)).toBe(2)
  expect(strangers[0]).toMatchObject({ name: null, status: 401, error: 'login_refused' })
  const rows = await api.database.query(
    'SELECT to_json(a)::text AS row FROM reactor_connect_service.audit_log a',
  )
  expect(JSON.stringify(rows)).not.toContain('planted')
})

test('a repetition under one Idempotency-Key, and a failure, are told apart from what happened', async () => {
  const key = { 'idempotency-key': 'once' }
  const input = { name: 'repeated', ...faker }
  for (let count = 0; count < 2; count++) await api.client.call('POST /instances', input, key)
  await api.client.call('POST /instances', input)
  const { body } = await api.client.call('GET /audit?name=repeated')
  expect(auditPage.parse(body).items).toMatchObject([
    { outcome: 'failed', status: 409, error: 'name_taken' },
    { outcome: 'replayed', status: 201, error: null },
    { outcome: 'done', status: 201, error: null },
  ])
})

test('the audit log is read by admins, in pages and with filters', async () => {
  for (const name of ['page-a', 'page-b', 'page-c'])
    await api.client.call('POST /instances', { name, ...faker })
  const first = auditPage.parse(
    (await api.client.call('GET /audit?action=instances:create&limit=2')).body,
  )
  expect(first.items.map(({ name }) => name)).toEqual(['page-c', 'page-b'])
  const cursor = encodeURIComponent(first.next_cursor ?? '')
  const second = auditPage.parse(
    (await api.client.call(`GET /audit?action=instances:create&limit=2&cursor=${cursor}`)).body,
  )
  expect(second.items[0]?.name).toBe('page-a')
  const later = new Date(Date.now() + 60_000).toISOString()
  const none = await api.client.call(`GET /audit?since=${encodeURIComponent(later)}`)
  expect(auditPage.parse(none.body).items).toEqual([])
  for (const time of ['0000-01-01T00:00:00Z', '9999-12-31T23:59:59-23:59'])
    expect((await api.client.call(`GET /audit?since=${time}&until=${time}`)).status).toBe(200)
  expect((await api.client.call('GET /audit?since=yesterday')).status).toBe(400)
  expect((await api.client.call('GET /audit?cursor=bm90aGluZw')).status).toBe(400)
  const operator = await api.clientOf({ name: 'op', kind: 'operator' })
  expect((await operator.call('GET /audit')).status).toBe(403)
})

test('if the audit log cannot be written, nothing is changed, and nothing is refused without a trace', async () => {
  const viewer = await api.clientOf({ name: 'watcher', kind: 'viewer' })
  const table = 'reactor_connect_service.audit_log'
  await api.database.query(`ALTER TABLE ${table} RENAME TO audit_log_away`)
  try {
    const made = await api.client.call('POST /instances', { name: 'untold', ...faker })
    expect(made.status).toBe(500)
    expect((await viewer.call('DELETE /instances/repeated')).status).toBe(500)
    const headers = { 'content-type': 'application/json' }
    for (const password of ['kit-horse battery', 'wrong']) {
      const body = JSON.stringify({ email: 'grace@example.com', password })
      expect((await api.client.asked('POST /auth/login', { body, headers })).status).toBe(500)
    }
    expect((await api.client.call('GET /instances/untold')).status).toBe(404)
  } finally {
    await api.database.query(
      'ALTER TABLE reactor_connect_service.audit_log_away RENAME TO audit_log',
    )
  }
})

test('entries that are older than their time go, the others stay', async () => {
  await using opened = await openTestStore({ retention: { auditDays: 10 } })
  const { audit } = opened.store
  const about = {
    principal: null,
    resource: 'instances',
    request: 'GET /',
    requestId: 'r',
  } as const
  const first = {
    ...about,
    error: null,
    details: null,
    address: '::1',
    outcome: 'begun',
    status: null,
  } as const
  const old = await audit.add({ ...first, action: 'instances:create', name: 'old' })
  const kept = await audit.add({ ...first, action: 'instances:create', name: 'new' })
  await audit.end(kept, { outcome: 'done', status: 201, error: null, name: 'new', details: null })
  await opened.database.query(
    `UPDATE reactor_connect_service.audit_log SET at = now() - interval '11 days' WHERE id = $1`,
    [old],
  )
  await opened.store.prune()
  const { items } = await audit.list({})
  expect(items).toMatchObject([{ id: kept, name: 'new', outcome: 'done', principal: null }])
})

async function allEntries(): Promise<readonly z.infer<typeof entry>[]> {
  const { body } = await api.client.call('GET /audit?limit=200')
  return auditPage.parse(body).items
}

async function activeRuns(): Promise<readonly { readonly id: string }[]> {
  const { body } = await api.client.call('GET /connections/shop/runs')
  const runs = z.object({ items: z.array(z.object({ id: z.string(), status: z.string() })) })
  return runs.parse(body).items.filter(({ status }) => status === 'queued' || status === 'running')
}

async function isNotBuilt(operation: string): Promise<boolean> {
  const { body } = await api.client.asked('GET /openapi.json')
  const document = z.object({
    paths: z.record(
      z.string(),
      z.record(z.string(), z.object({ operationId: z.string(), tags: z.array(z.string()) })),
    ),
  })
  return Object.values(document.parse(body).paths)
    .flatMap((methods) => Object.values(methods))
    .some(({ operationId, tags }) => operationId === operation && tags.includes('not available'))
}
