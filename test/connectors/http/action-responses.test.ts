import type { ServerResponse } from 'node:http'
import { describe, expect, test } from 'vitest'
import { connectorOf } from '../../../connectors/registry.ts'
import type { ConnectError, JsonObject } from '../../../protocol/index.ts'
import { ScriptedVendor, type VendorScript } from '../../fakes/scripted-vendor.ts'
import { actionSubjects } from '../action-subjects.ts'
import { contextOf } from '../collected.ts'
import { NativeConnector } from './native-connector.ts'

const login = '<html>login</html>'

/** A page that a proxy on the way to the vendor puts in the place of its response. */
function page(text: string, contentType = 'text/html', status = 200): VendorScript {
  return (_request, response: ServerResponse) => {
    response.writeHead(status, { 'content-type': contentType }).end(text)
    return undefined
  }
}

/** As each response of GitHub has it. */
const githubHeaders = { 'x-github-request-id': 'C0FF:EE' }

interface Attempt {
  readonly vendor: ScriptedVendor
  readonly source: NativeConnector
}

async function invoking<Result>(
  type: string,
  script: VendorScript,
  use: (attempt: Attempt) => Promise<Result>,
): Promise<Result> {
  const subject = actionSubjects[type]
  if (subject === undefined) throw new TypeError(`${type} has no actions`)
  await using vendor = await ScriptedVendor.start(script)
  const config = subject.configOf(vendor.url, 'planted4711secret')
  return await use({ vendor, source: new NativeConnector(await connectorOf(type), config) })
}

function sampleOf(type: string, action: string): JsonObject {
  const sample = actionSubjects[type]?.samples[action]
  if (sample === undefined) throw new TypeError(`${type} has no action ${action}`)
  return sample
}

function refusalOf(type: string, action: string, script: VendorScript): Promise<ConnectError> {
  return invoking(type, script, ({ source }) => source.refusal(action, sampleOf(type, action)))
}

const writes = [
  ['stripe', 'createPaymentIntent'],
  ['stripe', 'deleteCustomer'],
  ['github', 'createIssue'],
  ['github', 'deleteComment'],
  ['github', 'addLabels'],
  ['slack', 'postMessage'],
  ['slack', 'deleteMessage'],
  ['linear', 'createIssue'],
] as const

describe('a response that is none of the vendor’s', () => {
  test.each(writes)('%s: a page does not pass for the result of %s', async (type, action) => {
    for (const script of [page(login), page(login, 'application/json'), page('"login"')]) {
      const error = await refusalOf(type, action, script)
      expect(error).toMatchObject({
        code: 'action_response_unreadable',
        details: { reason: expect.stringContaining('no JSON') as unknown, status: 200 },
      })
      expect(error.message).toContain('not known whether')
      expect(JSON.stringify(error)).not.toContain('login</html>')
    }
  })

  test.each(writes)('%s: other JSON does not pass for the result of %s', async (type, action) => {
    const isList = action === 'addLabels'
    for (const body of [isList ? {} : [], isList ? { ok: true } : [{ id: 1 }]])
      expect((await refusalOf(type, action, () => ({ body }))).code).toBe(
        'action_response_unreadable',
      )
  })

  test('an object without any field that the result has is none of the vendor’s', async () => {
    // Words that a vendor's object has too, but not alone.
    const status = { status: 'down', name: 'gateway', url: 'https://login.example', type: 'error' }
    for (const body of [{ error: 'log in' }, { ...status, title: 'Log in', state: 'closed' }])
      for (const [type, action] of [
        ['stripe', 'createPaymentIntent'],
        ['github', 'createIssue'],
        ['slack', 'postMessage'],
        ['linear', 'createIssue'],
      ] as const)
        expect((await refusalOf(type, action, () => ({ body }))).code).toBe(
          'action_response_unreadable',
        )
  })

  test('a response of Slack without its `ok` is no success', async () => {
    const body = { channel: 'C1', ts: '1767225600.000001' }
    expect(await refusalOf('slack', 'postMessage', () => ({ body }))).toMatchObject({
      code: 'action_response_unreadable',
      details: { reason: expect.stringContaining('`ok`') as unknown },
    })
  })

  test('nothing is the response only of an action without a result', async () => {
    const nothing = page('', 'text/plain', 204)
    await invoking('github', nothing, async ({ source }) => {
      const { output } = await source.send('deleteComment', sampleOf('github', 'deleteComment'))
      expect(output).toEqual({})
      const error = await source.refusal('getIssue', sampleOf('github', 'getIssue'))
      expect(error.code).toBe('action_response_unreadable')
      // It reads, so nobody needs to look whether it was done.
      expect(error.message).not.toContain('not known whether')
      expect(error.suggestedFix).toContain('Invoke the action again: it only reads.')
    })
  })
})

/** Carries the first request out, and loses the response; then responds as the script says. */
function afterLostResponse(script: VendorScript, lose: VendorScript = reset): VendorScript {
  let requests = 0
  return (request, response) => {
    requests += 1
    return requests === 1 ? lose(request, response) : script(request, response)
  }
}

const reset: VendorScript = (_request, response) => void response.destroy()
const missing: VendorScript = () => ({ status: 404, body: { message: 'Not Found' } })

describe('a refusal after a try whose response was lost', () => {
  test.each([
    ['github', 'deleteComment'],
    ['github', 'removeLabel'],
    ['stripe', 'deleteCustomer'],
  ])('%s: may only mean that the first %s was carried out', async (type, action) => {
    for (const lose of [reset, page('down', 'text/plain', 502)])
      await invoking(type, afterLostResponse(missing, lose), async ({ source, vendor }) => {
        expect(await source.refusal(action, sampleOf(type, action))).toMatchObject({
          code: 'action_outcome_unknown',
          details: { status: 404, reason: expect.stringContaining('the first') as unknown },
        })
        expect(vendor.requests).toHaveLength(2)
      })
  })

  test('is the result of a read, and of a call that the vendor knows by its key', async () => {
    const refused = afterLostResponse(missing)
    expect((await refusalOf('github', 'getIssue', refused)).code).toBe('action_refused')
    const again = afterLostResponse(missing)
    expect((await refusalOf('stripe', 'createCustomer', again)).code).toBe('action_unavailable')
    const known: VendorScript = () => ({
      status: 404,
      body: { error: { type: 'x', message: 'n' } },
    })
    const failure = afterLostResponse(known)
    expect((await refusalOf('stripe', 'createCustomer', failure)).code).toBe('action_refused')
  })

  test('is none if it is no word of the vendor, or says that the vendor knows the key', async () => {
    const cases: readonly (readonly [VendorScript, string])[] = [
      [page('no such page', 'text/html', 404), 'action_unavailable'],
      [page('bad request', 'text/html', 400), 'action_unavailable'],
      [
        () => ({ status: 302, headers: { location: 'http://127.0.0.1:1/' }, body: '' }),
        'action_unavailable',
      ],
      [
        () => ({ status: 400, body: { error: { type: 'idempotency_error', message: 'no' } } }),
        'action_outcome_unknown',
      ],
    ]
    for (const [script, code] of cases) {
      const error = await refusalOf('stripe', 'createCustomer', afterLostResponse(script))
      expect(error.code, error.message).toBe(code)
    }
  })

  test('is the result if the first try was turned away, or never arrived', async () => {
    const limited: VendorScript = () => ({ status: 429, headers: { 'retry-after': '1' }, body: {} })
    const refused = afterLostResponse(missing, limited)
    expect((await refusalOf('github', 'deleteComment', refused)).code).toBe('action_refused')
  })

  test('because of the credentials says that the first may have been carried out', async () => {
    const revoked: VendorScript = () => ({ status: 401, body: { message: 'Bad credentials' } })
    expect(await refusalOf('github', 'deleteComment', afterLostResponse(revoked))).toMatchObject({
      code: 'action_credentials_refused',
      details: { reason: expect.stringContaining('may have been carried out') as unknown },
    })
  })

  test.each([403, 409])(
    'with %i says of no call with a key that nothing was carried out',
    async (status) => {
      const turnedAway: VendorScript = () => ({ status, body: { error: { message: 'no' } } })
      const error = await refusalOf('stripe', 'createCustomer', afterLostResponse(turnedAway))
      if (status === 409) expect(error.code).toBe('action_unavailable')
      else expect(error.details).toMatchObject({ outcome_unknown: true })
    },
  )

  test('because of a limit does not say that nothing was carried out', async () => {
    const limited: VendorScript = () => ({
      status: 429,
      headers: { 'retry-after': '60' },
      body: {},
    })
    const error = await refusalOf('github', 'deleteComment', afterLostResponse(limited))
    expect(error.code).toBe('action_unavailable')
  })

  test.each([
    ['github', 'createBranch'],
    ['github', 'createLabel'],
    ['github', 'createMilestone'],
    ['github', 'updateLabel'],
    ['github', 'mergePullRequest'],
    ['github', 'updatePullRequestBranch'],
    ['github', 'submitReview'],
    ['github', 'cancelWorkflow'],
    ['github', 'createOrUpdateFile'],
    ['slack', 'inviteToChannel'],
    ['slack', 'createChannel'],
  ])('%s: does not come for %s, which is not repeated', async (type, action) => {
    await invoking(type, reset, async ({ source, vendor }) => {
      const error = await source.refusal(action, sampleOf(type, action))
      expect(error.code).toBe('action_outcome_unknown')
      expect(vendor.requests).toHaveLength(1)
    })
  })
})

test('a connection that never stood, or whose handshake failed, is known to have sent nothing', async () => {
  await using vendor = await ScriptedVendor.start(() => ({ body: {} }))
  const closed = await ScriptedVendor.start(() => ({ body: {} }))
  await closed[Symbol.asyncDispose]()
  for (const url of [closed.url, vendor.url.replace('http:', 'https:')]) {
    const config = actionSubjects.slack?.configOf(url, 'planted4711secret') ?? {}
    const source = new NativeConnector(await connectorOf('slack'), config)
    const error = await source.refusal('postMessage', sampleOf('slack', 'postMessage'))
    expect(error).toMatchObject({ code: 'action_unavailable', details: { nothing_sent: true } })
  }
  expect(vendor.requests).toEqual([])
})

test('a response beyond 8 MB is not read to its end, and not requested again', async () => {
  const chunk = 'x'.repeat(64 * 1024)
  let chunks = 0
  const endless: VendorScript = (_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json' }).write('{"id":1,"text":"')
    const more = (): void => {
      while (!response.destroyed) {
        chunks += 1
        if (!response.write(chunk)) break
      }
    }
    response.on('drain', more)
    more()
    return undefined
  }
  await invoking('github', endless, async ({ source, vendor }) => {
    for (const action of ['getIssue', 'createIssue', 'updateIssue']) {
      chunks = 0
      vendor.requests.length = 0
      expect(await source.refusal(action, sampleOf('github', action)), action).toMatchObject({
        code: 'action_response_unreadable',
        details: { reason: expect.stringContaining('larger than 8 MB') as unknown },
      })
      expect(vendor.requests, action).toHaveLength(1)
      // Beside what the buffers on the way hold.
      expect(chunks * chunk.length, action).toBeLessThan(24 * 1024 * 1024)
    }
  })
})

test('a response of almost 8 MB is a result', async () => {
  const text = 'x'.repeat(7 * 1024 * 1024)
  await invoking(
    'github',
    () => ({ body: { id: 1, text }, headers: githubHeaders }),
    async ({ source }) => {
      const { output } = await source.send('getIssue', sampleOf('github', 'getIssue'))
      expect(output).toEqual({ id: 1, text })
    },
  )
})

test('a result has all digits of its numbers', async () => {
  const digits = '{"id":1,"big":9007199254740993,"e":1e400,"d":0.1000000000000000055,"n":[-12.50]}'
  const script: VendorScript = (_request, response) => {
    response.writeHead(200, { ...githubHeaders, 'content-type': 'application/json' }).end(digits)
    return undefined
  }
  await invoking('github', script, async ({ source }) => {
    const { output } = await source.send('getIssue', sampleOf('github', 'getIssue'))
    expect(JSON.stringify(output)).toBe(digits.replace('-12.50', '-12.5'))
  })
})

describe('a redirect to another server', () => {
  test.each([
    ['github', 'createIssue', 308],
    ['github', 'createIssue', 307],
    ['github', 'cancelWorkflow', 308],
    ['github', 'deleteComment', 307],
    ['github', 'getIssue', 302],
    ['stripe', 'createCustomer', 308],
  ])('%s: is not followed by %s (%d)', async (type, action, status) => {
    await using other = await ScriptedVendor.start(() => ({ body: { id: 1, object: 'customer' } }))
    const headers = { location: `${other.url}/elsewhere` }
    await invoking(
      type,
      () => ({ status, headers, body: {} }),
      async ({ source, vendor }) => {
        const error = await source.refusal(action, sampleOf(type, action))
        expect(error.code).toBe('action_refused')
        expect(error.message).toContain('another server')
        expect(vendor.requests).toHaveLength(1)
        expect(other.requests).toEqual([])
      },
    )
  })

  test('within the server is followed as a whole, such as one of a repository that was renamed', async () => {
    const moved: VendorScript = ({ url }) =>
      url.includes('/renamed/')
        ? { status: 201, headers: githubHeaders, body: { id: 1, number: 7, state: 'open' } }
        : { status: 307, headers: { location: '/renamed/issues' }, body: {} }
    await invoking('github', moved, async ({ source, vendor }) => {
      await source.send('createIssue', sampleOf('github', 'createIssue'))
      expect(vendor.last).toMatchObject({ method: 'POST', url: '/renamed/issues' })
      expect(vendor.last.body).toBe(vendor.requests[0]?.body)
    })
  })
})

test.each([
  ['github', 'getIssue', 'ghp_planted\n4711secret'],
  ['linear', 'createIssue', 'lin_api_planted\r\n4711secret'],
  ['stripe', 'createCustomer', 'sk_test_plantedł4711secret'],
])('%s: credentials that no header can have are named, and nothing is sent', async (...sample) => {
  const [type, action, secret] = sample
  const subject = actionSubjects[type]
  if (subject === undefined) throw new TypeError(`${type} has no actions`)
  await using vendor = await ScriptedVendor.start(() => ({ body: {} }))
  const source = new NativeConnector(await connectorOf(type), subject.configOf(vendor.url, secret))
  const error = await source.refusal(action, sampleOf(type, action))
  expect(error).toMatchObject({
    code: 'action_credentials_refused',
    details: { reason: expect.stringContaining('Authorization') as unknown },
  })
  expect(error.message).not.toContain('planted')
  expect(vendor.requests).toEqual([])
})

test('a lost connection, and a failure without a time, are soon followed by another try', async () => {
  const { succeed } = actionSubjects.linear ?? {}
  if (succeed === undefined) throw new TypeError('Linear has actions')
  for (const lose of [reset, page('down', 'text/plain', 502)])
    await invoking('linear', afterLostResponse(succeed, lose), async ({ source, vendor }) => {
      const { output } = await source.send('updateIssue', sampleOf('linear', 'updateIssue'))
      expect(output).toMatchObject({ success: true })
      expect(vendor.requests).toHaveLength(2)
    })
})

describe('a limit of the vendor', () => {
  const inAnHour = Math.ceil(Date.now() / 1000) + 3600
  test.each<[string, string, number, Readonly<Record<string, string>>]>([
    ['stripe', 'createCustomer', 86_400, { 'retry-after': '86400' }],
    ['stripe', 'createCustomer', 3600, { 'retry-after': new Date(inAnHour * 1000).toUTCString() }],
    [
      'github',
      'createIssue',
      3600,
      { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': String(inAnHour) },
    ],
    [
      'linear',
      'createIssue',
      3600,
      {
        'x-ratelimit-requests-remaining': '0',
        'x-ratelimit-requests-reset': String(inAnHour * 1000),
      },
    ],
  ])('%s: says when to invoke %s again (%d s)', async (type, action, seconds, headers) => {
    const { code, message, details } = await refusalOf(type, action, () => ({
      status: 429,
      headers,
      body: {},
    }))
    expect(code).toBe('action_rate_limited')
    const { retry_at: retryAt, retry_after_seconds: wait } = details
    expect(wait).toBeGreaterThan(seconds - 60)
    expect(wait).toBeLessThanOrEqual(seconds + 1)
    if (typeof retryAt !== 'string') throw new TypeError('it has no time')
    expect(retryAt).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d.\d{3}Z$/)
    expect(message).toContain(retryAt)
  })

  test('is told to later calls, too, which are held back without asking the vendor', async () => {
    const headers = {
      'x-ratelimit-requests-remaining': '0',
      'x-ratelimit-requests-reset': String(inAnHour * 1000),
    }
    const { actions } = await connectorOf('linear')
    const action = (await actions?.load())?.find(({ descriptor }) => descriptor.name === 'getIssue')
    if (actions === undefined || action === undefined) throw new TypeError('Linear has getIssue')
    const call = action.call(sampleOf('linear', 'getIssue'))
    await using vendor = await ScriptedVendor.start(() => ({ status: 429, headers, body: {} }))
    const context = { ...contextOf(), allowedNetworks: ['127.0.0.1/32'], instance: 'test' }
    const config = { api_url: vendor.url, api_key: 'planted4711secret' }
    await using client = await actions.open(config, context)
    const { signal } = new AbortController()
    for (const reason of ['status 429', 'limits let through'])
      await expect(
        client.send(call, {
          idempotencyKey: 'key-1',
          mayComeAgain: true,
          timeoutMs: 500,
          signal,
        }),
      ).rejects.toMatchObject({
        code: 'action_rate_limited',
        message: expect.stringContaining(reason) as unknown,
        details: { retry_at: new Date(inAnHour * 1000).toISOString() },
      })
    expect(vendor.requests).toHaveLength(1)
  })

  test.each(['-5', '99999999999999999999', 'soon', ''])(
    'with a time that is none (%o) says none',
    async (time) => {
      const script: VendorScript = () => ({
        status: 429,
        headers: { 'retry-after': time },
        body: {},
      })
      const { details } = await refusalOf('stripe', 'createCustomer', script)
      expect(details).not.toHaveProperty('retry_at')
    },
  )
})
