import { readFile } from 'node:fs/promises'
import { Validator } from '@seriousme/openapi-schema-validator'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { TestApi } from '../../../support/test-api.ts'

const methodNames = ['get', 'post', 'patch', 'delete'] as const

const operation = z.looseObject({
  operationId: z.string(),
  summary: z.string(),
  tags: z.array(z.string()).min(1),
  security: z.array(z.record(z.string(), z.array(z.string()))).optional(),
  requestBody: z.looseObject({ required: z.boolean() }).optional(),
  responses: z.record(z.string(), z.looseObject({ description: z.string().min(1) })),
})
const document = z.looseObject({
  openapi: z.string(),
  paths: z.record(z.string(), z.partialRecord(z.enum(methodNames), operation)),
  components: z.looseObject({ schemas: z.record(z.string(), z.unknown()) }),
})

/** All that the surface has: a new route is added here too. */
const operationIds = [
  'activateConnection',
  'approveSchema',
  'beginAuthorization',
  'cancelRun',
  'cancelRunOfConnection',
  'changePassword',
  'checkInstance',
  'compareConnection',
  'completeAuthorization',
  'createApiKey',
  'createConflictPolicy',
  'createConnection',
  'createInstance',
  'createReceiver',
  'createUser',
  'deleteConnection',
  'deleteInstance',
  'deleteReceiver',
  'deleteSandbox',
  'deleteUser',
  'discardDeliveries',
  'discardRejectedRecords',
  'discoverInstance',
  'generateClient',
  'getAction',
  'getConnection',
  'getConnector',
  'getConnectorOpenApi',
  'getDelivery',
  'getHealth',
  'getInstance',
  'getKeySet',
  'getLoginPlace',
  'getMetrics',
  'getOpenApi',
  'getPrincipal',
  'getReadiness',
  'getReceiver',
  'getRun',
  'getRunLogs',
  'getRunLogsOfConnection',
  'getRunOfConnection',
  'getSandbox',
  'getSandboxRows',
  'getSchema',
  'invokeAction',
  'listActions',
  'listApiKeys',
  'listAuditEntries',
  'listConflictPolicies',
  'listConnections',
  'listConnectors',
  'listDeliveries',
  'listInstances',
  'listReceivers',
  'listRejectedRecords',
  'listRuns',
  'listSandboxes',
  'listSchemas',
  'listUsers',
  'login',
  'logout',
  'pauseConnection',
  'pauseReceiver',
  'promoteSandbox',
  'receiveDelivery',
  'regenerateClient',
  'replayDeliveries',
  'resetConnection',
  'resetConnectionRange',
  'resetPassword',
  'resumeConnection',
  'resumeReceiver',
  'retryRejectedRecords',
  'retryRun',
  'retryRunOfConnection',
  'revokeApiKey',
  'rotateReceiverDispatchSecret',
  'rotateReceiverToken',
  'runSandbox',
  'searchConnectors',
  'setCredentials',
  'setReceiverSecret',
  'startRun',
  'testReceiver',
  'updateConnection',
  'updateInstance',
  'updateReceiver',
  'updateUser',
]

/** Answer without a key. */
const anonymous = [
  'completeAuthorization',
  'getHealth',
  'getKeySet',
  'getLoginPlace',
  'getOpenApi',
  'getReadiness',
  'login',
  'receiveDelivery',
]

test('the document is valid OpenAPI 3.1', async () => {
  await using api = await TestApi.start()
  const { body } = await api.asked('GET /openapi.json')
  const validator = new Validator()
  const result = await validator.validate(z.record(z.string(), z.unknown()).parse(body))
  expect(result).toEqual({ valid: true })
  expect(validator.version).toBe('3.1')
})

test('the document has every operation, each with an id, a summary and its failures', async () => {
  await using api = await TestApi.start()
  const operations = operationsOf(await documentOf(api))
  expect(operations.map(({ about }) => about.operationId).toSorted()).toEqual(operationIds)
  for (const { about } of operations) expect(Object.keys(about.responses)).toContain('default')
})

test('the document refers to nothing that it does not have, and has nothing that nothing refers to', async () => {
  await using api = await TestApi.start()
  const { body } = await api.asked('GET /openapi.json')
  const references = JSON.stringify(body).matchAll(/"#\/components\/schemas\/([^"]+)"/g)
  const schemas = Object.keys((await documentOf(api)).components.schemas)
  expect([...new Set([...references].map(([, name]) => name))].toSorted()).toEqual(
    schemas.toSorted(),
  )
})

test('a body is required exactly where a route cannot do without it', async () => {
  await using api = await TestApi.start()
  const optional = operationsOf(await documentOf(api))
    .filter(({ about }) => about.requestBody?.required === false)
    .map(({ about }) => about.operationId)
  expect(optional.toSorted()).toEqual([
    'beginAuthorization',
    'discoverInstance',
    'resetConnection',
    'resetPassword',
    'rotateReceiverDispatchSecret',
    'rotateReceiverToken',
    'runSandbox',
    'setReceiverSecret',
    'startRun',
    'testReceiver',
  ])
})

test('a path answers 405 to each method that the document does not give it, and names the others', async () => {
  await using api = await TestApi.start()
  const { paths } = await documentOf(api)
  for (const [path, methods] of Object.entries(paths)) {
    const { status, headers, body } = await api.asked(`PUT /${path.replaceAll(/\{\w+\}/g, 'x')}`)
    expect(status, path).toBe(405)
    expect(body).toMatchObject({ error: { code: 'method_not_allowed' } })
    const allowed = (headers.get('allow') ?? '').toLowerCase().split(', ')
    expect(allowed.filter((method) => method !== 'head').toSorted()).toEqual(
      Object.keys(methods).toSorted(),
    )
  }
})

test('without a key, or with one that is unknown or revoked, only the anonymous operations answer', async () => {
  await using api = await TestApi.start()
  const revoked = await api.service.apiKeys.create({ name: 'old', kind: 'admin' })
  await api.service.apiKeys.revoke(revoked.apiKey.id)
  const authorizations = [
    {},
    { authorization: `Bearer ${revoked.key}` },
    { authorization: 'Bearer rk_unknown' },
    { authorization: `Bearer ${'x'.repeat(5000)}` },
    { authorization: `Basic ${api.key}` },
    { authorization: `Bearer ${api.key} ${api.key}` },
  ]
  const answering = new Set<string>()
  for (const { method, path, about } of operationsOf(await documentOf(api))) {
    for (const headers of authorizations) {
      const route = `${method.toUpperCase()} /${path.replaceAll(/\{\w+\}/g, 'x')}`
      const answer = await api.asked(route, { headers })
      // A vendor is refused too, but because nothing is signed.
      if (answer.status !== 401 || about.operationId === 'receiveDelivery') {
        answering.add(about.operationId)
        expect(about.security, about.operationId).toEqual([])
        continue
      }
      expect(answer.headers.get('www-authenticate')).toBe('Bearer realm="reactor-connect"')
      expect(answer.body).toMatchObject({ error: { code: 'unauthorized' } })
    }
  }
  expect([...answering].toSorted()).toEqual(anonymous)
})

test('the page loads nothing from elsewhere', async () => {
  await using api = await TestApi.start()
  const { status, headers, body } = await api.asked('GET /docs')
  expect(status).toBe(200)
  expect(headers.get('content-security-policy')).toContain("default-src 'none'; script-src 'self'")
  const html = z.string().parse(body)
  const addresses = [...html.matchAll(/(?:src|href)="([^"]*)"/g)].map(
    ([, address]) => address ?? '',
  )
  expect(addresses.length).toBeGreaterThan(3)
  for (const address of addresses) {
    expect(address).toMatch(/^\/connect\/v1\/docs\/static\//)
    expect((await api.asked(`GET /${address}`)).status, address).toBe(200)
  }
  expect(html).not.toMatch(/<script[^>]*>\s*[^\s<]/)
})

test('the page serves no file but its own', async () => {
  await using api = await TestApi.start()
  for (const path of ['..%2f..%2fpackage.json', '%2e%2e/package.json', '....//package.json']) {
    const { status, body } = await api.asked(`GET /docs/static/${path}`)
    expect([400, 403, 404], path).toContain(status)
    expect(JSON.stringify(body)).not.toContain('devDependencies')
  }
})

test('docs/http-api.md names every path', async () => {
  await using api = await TestApi.start()
  const text = await readFile(new URL('../../../../docs/http-api.md', import.meta.url), 'utf8')
  const { paths } = await documentOf(api)
  const missing = Object.keys(paths).filter(
    (path) => !text.includes(path.replace('/connect/v1', '')),
  )
  expect(missing).toEqual([])
})

async function documentOf(api: TestApi): Promise<z.infer<typeof document>> {
  return document.parse((await api.asked('GET /openapi.json')).body)
}

function operationsOf({ paths }: z.infer<typeof document>): readonly {
  readonly method: string
  readonly path: string
  readonly about: z.infer<typeof operation>
}[] {
  return Object.entries(paths).flatMap(([path, methods]) =>
    methodNames.flatMap((method) => {
      const about = methods[method]
      return about === undefined ? [] : [{ method, path, about }]
    }),
  )
}
