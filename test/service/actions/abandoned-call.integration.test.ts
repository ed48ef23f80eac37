import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { z } from 'zod'
import { ScriptedVendor } from '../../fakes/scripted-vendor.ts'
import { TestApi } from '../../support/test-api.ts'

const headers = { 'x-github-request-id': 'AB12:1' }
const issue = {
  ...{ id: 1, number: 7, title: 'It breaks', state: 'open', body: null },
  html_url: 'https://github.example/acme/shop/issues/7',
}
const input = { owner: 'acme', repo: 'shop', title: 'It breaks' }
const pathOf = (instance: string): string => `/instances/${instance}/actions/createIssue/invoke`

let api: TestApi
let vendor: ScriptedVendor
beforeAll(async () => {
  vendor = await ScriptedVendor.start(() => ({ body: {} }))
  api = await TestApi.start()
  const config = {
    access_token: 'ghp_planted4711secret',
    api_url: vendor.url,
    repositories: ['acme/shop'],
  }
  // GitHub asks the first one to wait.
  for (const name of ['waiting', 'served'])
    await api.service.instances.create({ name, type: 'github', config })
})
afterAll(async () => {
  await api[Symbol.asyncDispose]()
  await vendor[Symbol.asyncDispose]()
})
beforeEach(() => {
  vendor.requests.length = 0
})

/** Starts a call whose caller closes the connection when `leave` is called. */
function startCall(instance: string, key: string): { readonly leave: () => Promise<void> } {
  const caller = new AbortController()
  const call = api.asked(`POST ${pathOf(instance)}`, {
    signal: caller.signal,
    headers: {
      authorization: `Bearer ${api.client.key}`,
      'content-type': 'application/json',
      'idempotency-key': key,
    },
    body: JSON.stringify({ input }),
  })
  return {
    leave: async () => {
      caller.abort()
      await expect(call).rejects.toThrow('aborted')
    },
  }
}

const keys = (): Promise<unknown> =>
  api.database.query(`SELECT key FROM reactor_connect_service.idempotency_keys`)
const lastOutcome = async (): Promise<unknown> => {
  const { body } = await api.call('GET /audit?action=actions:invoke&limit=1')
  return auditPage.parse(body).items[0]?.outcome
}
const auditPage = z.object({ items: z.array(z.object({ outcome: z.string() })) })

test('a caller that leaves while the call waits ends the wait: nothing was done, and its key is free', async () => {
  vendor.respond = () => ({ status: 429, headers: { 'retry-after': '15' }, body: {} })
  const call = startCall('waiting', 'left-in-wait')
  await expect.poll(() => api.logLines.join(), { timeout: 20_000 }).toContain('sent again, waiting')
  expect(await keys()).toHaveLength(1)
  await call.leave()
  await expect.poll(keys).toEqual([])
  await expect.poll(lastOutcome).toBe('failed')
  expect(vendor.requests).toHaveLength(1)
})

test('a call that is at the vendor when its caller leaves is carried out, and its result is stored', async () => {
  const respond = Promise.withResolvers<undefined>()
  vendor.respond = (_, response) => {
    void respond.promise.then(() => {
      response.writeHead(201, { ...headers, 'content-type': 'application/json' })
      response.end(JSON.stringify(issue))
    })
    return undefined
  }
  const call = startCall('served', 'left-at-vendor')
  await expect.poll(() => vendor.requests.length, { timeout: 20_000 }).toBe(1)
  await call.leave()
  respond.resolve(undefined)
  await expect.poll(lastOutcome).toBe('done')
  const again = await api.client.call(
    `POST ${pathOf('served')}`,
    { input },
    { 'idempotency-key': 'left-at-vendor' },
  )
  expect(again).toMatchObject({ status: 200, body: { output: { number: 7 } } })
  expect(again.headers.get('idempotent-replayed')).toBe('true')
  expect(vendor.requests).toHaveLength(1)
})
