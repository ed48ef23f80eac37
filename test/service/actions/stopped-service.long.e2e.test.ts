import type { ServerResponse } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { ScriptedVendor } from '../../fakes/scripted-vendor.ts'
import { startCommand, type StartedCommand } from '../../e2e/command.ts'
import { serviceFolder, type ServiceProcess } from '../../support/service-process.ts'
import { longTest } from '../../support/long.ts'

/**
 * How long the vendor takes after SIGTERM: less and more than a call has there then. The others it turns
 * away.
 */
const takesMs = new Map([
  ['short', 2_000],
  ['long', 60_000],
])
const issueHeaders = { 'x-github-request-id': 'AB12:1', 'content-type': 'application/json' }
const issue = {
  ...{ id: 1, number: 7, title: 'It breaks', state: 'open', body: null },
  html_url: 'https://github.example/acme/shop/issues/7',
}

async function respondLater(response: ServerResponse, ms: number): Promise<void> {
  await sleep(ms, undefined, { ref: false })
  response.writeHead(201, issueHeaders).end(JSON.stringify(issue))
}

const issueInput = z.object({ title: z.string() })

interface Outcome {
  readonly status: number
  readonly replayed: string | null
  readonly json: unknown
}

async function createIssue(service: ServiceProcess, key: string): Promise<Outcome> {
  const path = '/connect/v1/instances/hub/actions/createIssue/invoke'
  const response = await fetch(`${service.url}${path}`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${service.key}`,
      'content-type': 'application/json',
      'idempotency-key': key,
    },
    body: JSON.stringify({ input: { owner: 'acme', repo: 'shop', title: key } }),
  })
  const replayed = response.headers.get('idempotent-replayed')
  return { status: response.status, replayed, json: await response.json() }
}

const auditSchema = z.object({
  items: z.array(z.object({ outcome: z.string(), error: z.string().nullable() })),
})

async function lastOutcomes(service: ServiceProcess): Promise<readonly string[]> {
  const { items } = await service.ask(auditSchema, '/audit?action=actions:invoke')
  return items.map(({ outcome, error }) => (error === null ? outcome : `${outcome} ${error}`))
}

const environment = { REACTOR_CONNECT_ALLOWED_NETWORKS: '127.0.0.1/32' }

async function createHub(service: ServiceProcess, vendorUrl: string): Promise<void> {
  const config = {
    access_token: 'ghp_planted4711secret',
    api_url: vendorUrl,
    repositories: ['acme/shop'],
  }
  await service.ask(z.unknown(), '/instances', { body: { name: 'hub', type: 'github', config } })
}

test('SIGTERM gives calls that are at the vendor some seconds, and ends those that wait', async () => {
  const stopping = Promise.withResolvers<undefined>()
  await using vendor = await ScriptedVendor.start(({ body }, response) => {
    const ms = takesMs.get(issueInput.parse(JSON.parse(body)).title)
    if (ms !== undefined) {
      void stopping.promise.then(() => respondLater(response, ms))
      return undefined
    }
    return { status: 429, headers: { 'retry-after': '20' }, body: { message: 'slow down' } }
  })
  await using folder = await serviceFolder()
  const first = await folder.start({ environment })
  await createHub(first, vendor.url)
  const startedMs = performance.now()
  const ended = (call: Promise<Outcome>): Promise<Outcome & { afterMs: number }> =>
    call.then((outcome) => ({ ...outcome, afterMs: performance.now() - startedMs }))
  const calls = Promise.all(
    ['short', 'long', 'waiting'].map((key) => ended(createIssue(first, key))),
  )
  await expect.poll(() => vendor.requests.length, { timeout: 20_000 }).toBe(3)
  await expect.poll(() => first.output(), { timeout: 20_000 }).toContain('sent again, waiting')
  stopping.resolve(undefined)
  const stopped = first.stop()
  const [short, long, waiting] = await calls
  expect(short).toMatchObject({ status: 200, json: { output: { number: 7 } } })
  expect(long).toMatchObject({ json: { error: { code: 'action_outcome_unknown' } } })
  expect(long?.json).toMatchObject({
    error: { details: { reason: 'the service stopped while it waited for the response' } },
  })
  expect(waiting).toMatchObject({ status: 503, json: { error: { code: 'action_rate_limited' } } })
  expect(waiting?.afterMs).toBeLessThan(short?.afterMs ?? 0)
  expect(await stopped).toBe(0)

  const second = await folder.start({ environment })
  expect((await lastOutcomes(second)).toSorted()).toEqual([
    'done',
    'failed action_rate_limited',
    'unknown action_outcome_unknown',
  ])
  vendor.respond = () => ({ status: 201, headers: issueHeaders, body: issue })
  // The known state of each call: a result, an outcome that nobody knows, and a key that is free.
  expect(await createIssue(second, 'short')).toMatchObject({ status: 200, replayed: 'true' })
  expect(await createIssue(second, 'long')).toMatchObject({
    json: { error: { code: 'action_outcome_unknown' } },
  })
  expect(vendor.requests).toHaveLength(3)
  expect(await createIssue(second, 'waiting')).toMatchObject({ status: 200, replayed: null })
  expect(vendor.requests).toHaveLength(4)
  expect(await second.stop()).toBe(0)
}, 120_000)

longTest(
  'Ctrl-C of the command during a wait ends the wait, and the same key carries it out later',
  async () => {
    await using vendor = await ScriptedVendor.start(() => ({
      status: 429,
      headers: { 'retry-after': '12' },
      body: { message: 'slow down' },
    }))
    await using folder = await serviceFolder()
    const service = await folder.start({ environment })
    await createHub(service, vendor.url)
    const input = JSON.stringify({ owner: 'acme', repo: 'shop', title: 'It breaks' })
    const line = ['connect', 'actions', 'invoke', 'hub', 'createIssue', '--input', input, '--yes']
    const invoke = (): StartedCommand =>
      startCommand([...line, '--idempotency-key', 'k1'], {
        environment: {
          ...{ HOME: folder.path, REACTOR_CONNECT_DATA_DIR: folder.path },
          ...{ REACTOR_CONNECT_URL: service.url, REACTOR_CONNECT_API_KEY: service.key },
        },
      })
    const first = invoke()
    await expect.poll(() => service.output(), { timeout: 20_000 }).toContain('sent again, waiting')
    first.process.kill('SIGINT')
    const { code, err } = await first.end
    expect(code).toBe(130)
    expect(err).toContain('repeat the command with --idempotency-key k1')
    await expect.poll(() => lastOutcomes(service)).toEqual(['failed action_rate_limited'])

    // It waits for the rest of the time that GitHub asked for.
    vendor.respond = () => ({ status: 201, headers: issueHeaders, body: issue })
    const again = await invoke().end
    expect(again).toMatchObject({ code: 0, out: expect.stringContaining('"number": 7') as unknown })
    expect(vendor.requests).toHaveLength(2)
  },
  120_000,
)
