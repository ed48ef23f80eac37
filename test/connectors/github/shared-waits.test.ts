import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { ActionClient, ActionOutcome, Waits } from '../../../connectors/connector.ts'
import { connectorOf } from '../../../connectors/registry.ts'
import { ScriptedVendor, type VendorScript } from '../../fakes/scripted-vendor.ts'
import { neverAborted } from '../../support/signal.ts'
import { actionSubjects } from '../action-subjects.ts'
import { contextOf } from '../collected.ts'

const issue = {
  ...{ id: 1, number: 7, title: 'It breaks', state: 'open', body: null },
  html_url: 'https://github.example/acme/shop/issues/7',
}
const found = { total_count: 0, incomplete_results: false, items: [] }
const succeed: VendorScript = ({ url }) => ({
  headers: { 'x-github-request-id': 'AB12:1' },
  body: url.startsWith('/search') ? found : issue,
})
const turnAway =
  (headers: Readonly<Record<string, string>>): VendorScript =>
  () => ({
    status: 403,
    headers: { 'x-github-request-id': 'AB12:1', ...headers },
    body: { message: 'You have exceeded a rate limit' },
  })

/** Time passes when the test says so. */
class TestClock {
  #nowMs = Date.UTC(2026, 10, 28)
  #waiting: { readonly untilMs: number; readonly end: () => void }[] = []

  get waiting(): number {
    return this.#waiting.length
  }

  readonly now = (): number => this.#nowMs

  readonly waits: Waits = {
    readTimeoutMs: 10_000,
    sleep: (seconds) =>
      new Promise((resolve) => {
        this.#waiting.push({ untilMs: this.#nowMs + seconds * 1000, end: resolve })
      }),
  }

  pass(ms: number): void {
    this.#nowMs += ms
    const due = this.#waiting.filter(({ untilMs }) => untilMs <= this.#nowMs)
    this.#waiting = this.#waiting.filter(({ untilMs }) => untilMs > this.#nowMs)
    for (const { end } of due) end()
  }
}

let vendor: ScriptedVendor
let client: ActionClient
let clock: TestClock
beforeEach(async () => {
  vendor = await ScriptedVendor.start(succeed)
  clock = new TestClock()
  const { actions } = await connectorOf('github')
  const subject = actionSubjects.github
  if (actions === undefined || subject === undefined) throw new TypeError('GitHub has actions')
  client = await actions.open(subject.configOf(vendor.url, 'planted4711secret'), {
    ...contextOf(),
    instance: 'test',
    now: clock.now,
    waits: clock.waits,
  })
})
afterEach(async () => {
  await client[Symbol.asyncDispose]()
  await vendor[Symbol.asyncDispose]()
})

async function send(name: string, timeoutMs = 30_000): Promise<ActionOutcome> {
  const actions = await (await connectorOf('github')).actions?.load()
  const action = actions?.find(({ descriptor }) => descriptor.name === name)
  const input = actionSubjects.github?.samples[name]
  if (action === undefined || input === undefined) throw new TypeError(`GitHub has no ${name}`)
  const options = { idempotencyKey: 'key-1', mayComeAgain: true, timeoutMs }
  return client.send(action.call(input), { ...options, signal: neverAborted() })
}

/** A call waits as GitHub asked, and everything that comes after it would succeed. */
async function withWaiting(
  action: string,
  headers: Readonly<Record<string, string>>,
): Promise<{ readonly first: Promise<ActionOutcome> }> {
  vendor.respond = turnAway(headers)
  const first = send(action)
  await expect.poll(() => clock.waiting).toBe(1)
  vendor.respond = succeed
  return { first }
}

describe('while a call waits as GitHub asked', () => {
  test('the others of the instance wait, too, and are sent after it', async () => {
    const { first } = await withWaiting('createIssue', { 'retry-after': '8' })
    const others = ['updateIssue', 'getIssue', 'searchIssues'].map((name) => send(name))
    await expect.poll(() => clock.waiting).toBe(4)
    expect(vendor.requests).toHaveLength(1)
    clock.pass(8_000)
    expect(clock.waiting).toBe(4)
    clock.pass(1_000)
    await Promise.all([first, ...others])
    expect(vendor.requests).toHaveLength(5)
  })

  test('one that has no time for the wait is told when to come again, and is not sent', async () => {
    const { first } = await withWaiting('createIssue', { 'retry-after': '8' })
    await expect(send('updateIssue', 5_000)).rejects.toMatchObject({
      code: 'action_rate_limited',
      message: expect.stringContaining(
        'another request of the instance was turned away',
      ) as unknown,
      details: { retry_after_seconds: 9, retry_at: new Date(clock.now() + 9_000).toISOString() },
    })
    expect(vendor.requests).toHaveLength(1)
    clock.pass(9_000)
    await first
  })

  test('a limit of searches holds no other call, nor a limit of the others a search', async () => {
    const reset = String(clock.now() / 1000 + 8)
    const usedUp = { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': reset }
    const search = await withWaiting('searchIssues', usedUp)
    await send('getIssue')
    clock.pass(9_000)
    await search.first
    const reset2 = String(clock.now() / 1000 + 8)
    const read = await withWaiting('getIssue', { ...usedUp, 'x-ratelimit-reset': reset2 })
    await send('searchIssues')
    clock.pass(9_000)
    await read.first
  })

  test('the wait becomes longer if GitHub turns away the next one', async () => {
    const { first } = await withWaiting('createIssue', { 'retry-after': '3' })
    const second = send('updateIssue')
    await expect.poll(() => clock.waiting).toBe(2)
    vendor.respond = turnAway({ 'retry-after': '5' })
    clock.pass(4_000)
    await expect.poll(() => vendor.requests.length).toBeGreaterThan(1)
    await expect.poll(() => clock.waiting).toBe(2)
    vendor.respond = succeed
    clock.pass(6_000)
    await Promise.all([first, second])
  })
})

test('a time of days is not held against other calls for more than an hour', async () => {
  vendor.respond = turnAway({ 'retry-after': '864000' })
  await expect(send('createIssue')).rejects.toMatchObject({ code: 'action_rate_limited' })
  await expect(send('getIssue')).rejects.toMatchObject({
    code: 'action_rate_limited',
    details: { retry_after_seconds: 3_601 },
  })
  expect(vendor.requests).toHaveLength(1)
  vendor.respond = succeed
  clock.pass(3_601_000)
  await send('getIssue')
})
