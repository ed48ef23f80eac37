import { describe, expect, test } from 'vitest'
import type { WebhookSignature } from '../../../../connectors/webhook-signature.ts'
import { ConnectError } from '../../../../protocol/index.ts'
import type { Appended, NewDelivery } from '../../../../service/webhooks/deliveries/contract.ts'
import {
  ingressRules,
  type IngressRules,
} from '../../../../service/webhooks/ingress/ingress-rules.ts'
import { receiveDelivery } from '../../../../service/webhooks/ingress/receive-delivery.ts'
import type { IngressReceiver } from '../../../../service/webhooks/ingress/receiver-directory.ts'
import { testDelivery } from '../../../../service/webhooks/ingress/test-delivery.ts'
import { mostPrevious } from '../../../../service/webhooks/receivers/previous.ts'
import { hmacOf } from '../../../../service/webhooks/signature/hmac.ts'
import { signedHeaders } from '../../../../service/webhooks/signature/sign.ts'
import { ingressReceiver, standardSecret } from '../../../support/deliveries.ts'

const nowMs = 1_800_000_000_000

const rulesOf = new Map<string, IngressRules | undefined>()
for (const type of ['github', 'linear', 'slack', 'stripe'])
  rulesOf.set(type, await ingressRules({ rules: null, type, webhook: 'events' }))

/** A receiver of a connector. */
function receiverOf(type: string): IngressReceiver {
  const rules = rulesOf.get(type)
  if (rules === undefined) throw new TypeError(`${type} has no webhook`)
  return ingressReceiver({ rules, secretsAt: () => ['the secret'] })
}

function signed(
  signature: WebhookSignature,
  body: string | Buffer,
  {
    secret = 'the secret',
    atMs = nowMs,
    id = 'msg_1',
    headers = {},
  }: {
    readonly secret?: string
    readonly atMs?: number
    readonly id?: string
    readonly headers?: Readonly<Record<string, string>>
  } = {},
): { readonly rawHeaders: readonly string[]; readonly body: Buffer } {
  const bytes = typeof body === 'string' ? Buffer.from(body) : body
  const own = signedHeaders(signature, bytes, { secret, nowMs: atMs, id })
  return { rawHeaders: Object.entries({ ...headers, ...own }).flat(), body: bytes }
}

interface Outcome {
  readonly code?: string
  readonly details?: unknown
  readonly received?: Awaited<ReturnType<typeof receiveDelivery>>
  readonly appended: readonly NewDelivery[]
  readonly hmacs: readonly number[]
}

async function receive(
  receiver: IngressReceiver | undefined,
  incoming: { readonly rawHeaders: readonly string[]; readonly body: Buffer },
  result: Appended = 'stored',
  kind?: 'test',
): Promise<Outcome> {
  const appended: NewDelivery[] = []
  const hmacs: number[] = []
  const log = {
    append: (delivery: NewDelivery) => {
      appended.push(delivery)
      return Promise.resolve(result)
    },
  }
  const counted: typeof hmacOf = (signature, signedBytes) => {
    hmacs.push(signedBytes.body.length)
    return hmacOf(signature, signedBytes)
  }
  try {
    const received = await receiveDelivery(receiver, incoming, {
      log,
      now: () => nowMs,
      hmac: counted,
      ...(kind !== undefined && { kind }),
    })
    return { received, appended, hmacs }
  } catch (error) {
    if (!(error instanceof ConnectError)) throw error
    return { code: error.code, details: error.details, appended, hmacs }
  }
}

describe('a genuine delivery', () => {
  test('is stored with its id, type, order key and bytes', async () => {
    const receiver = {
      ...receiverOf('stripe'),
      dispatch: [{ target: 'job:a', orderBy: '/data/object/id' }, { target: 'topic:b' }],
    }
    const body = '{"id":"evt_1","type":"charge.paid","data":{"object":{"id":"ch_1"}},"n":1.0}\n'
    const { received, appended } = await receive(
      receiver,
      signed(receiver.rules.signature, body, {
        headers: { 'Content-Type': 'application/json', 'User-Agent': 'Stripe/1.0', Cookie: 'a=b' },
      }),
    )
    expect(received).toMatchObject({
      eventId: 'evt_1',
      kind: 'event',
      isRepeated: false,
      answer: {},
    })
    expect(appended).toMatchObject([
      {
        receiverId: receiver.id,
        eventId: 'evt_1',
        eventType: 'charge.paid',
        kind: 'event',
        receivedAtMs: nowMs,
        headers: { 'content-type': 'application/json', 'user-agent': 'Stripe/1.0' },
        body: Buffer.from(body),
        dispatches: [
          { target: 'job:a', orderKey: 'ch_1' },
          { target: 'topic:b', orderKey: null },
        ],
      },
    ])
  })

  test('is accepted with the secret of before and the present one', async () => {
    const { rules } = receiverOf('github')
    const receiver = ingressReceiver({ rules, secretsAt: () => ['new', 'old'] })
    for (const secret of ['new', 'old']) {
      const headers = { 'x-github-delivery': secret, 'x-github-event': 'push' }
      const incoming = signed(rules.signature, '{}', { secret, headers })
      expect((await receive(receiver, incoming)).received).toMatchObject({ eventId: secret })
    }
  })

  test('keeps ids distinct that are not UTF-8', async () => {
    const receiver = receiverOf('stripe')
    const idsOf = ['\xff', '\xe9'].map(async (end) => {
      const body = Buffer.from(`{"id":"caf${end}","type":"a"}`, 'latin1')
      const { received } = await receive(receiver, signed(receiver.rules.signature, body))
      return received?.eventId
    })
    expect(await Promise.all(idsOf)).toEqual(['caf\xff', 'caf\xe9'])
  })

  test('that is repeated says so, one with another body is a conflict', async () => {
    const receiver = receiverOf('stripe')
    const incoming = signed(receiver.rules.signature, '{"id":"evt_1","type":"a"}')
    expect((await receive(receiver, incoming, 'repeated')).received).toMatchObject({
      isRepeated: true,
    })
    expect(await receive(receiver, incoming, 'conflict')).toMatchObject({
      code: 'delivery_conflict',
    })
    expect(await receive(receiver, incoming, 'unknown_receiver')).toMatchObject({
      code: 'delivery_refused',
    })
  })

  test('has a type that is not cut within a character', async () => {
    const receiver = receiverOf('stripe')
    const stored = async (type: string): Promise<string | null | undefined> => {
      const incoming = signed(receiver.rules.signature, JSON.stringify({ id: 'evt_1', type }))
      return (await receive(receiver, incoming)).appended[0]?.eventType
    }
    expect(await stored(`${'x'.repeat(199)}😀`)).toBe('x'.repeat(199))
    expect(await stored(`${'x'.repeat(198)}😀y`)).toBe(`${'x'.repeat(198)}😀`)
  })

  test('may be a form, with id, type and order key in its fields, also in JSON in one of them', async () => {
    const { rules } = receiverOf('slack')
    const payload = { type: 'block_actions', user: { id: 9007199254740993n } }
    const receiver = ingressReceiver({
      rules: { ...rules, handshakes: [], eventId: 'form:trigger_id', eventType: 'form:command' },
      dispatch: [
        { target: 'job:a', orderBy: 'form:payload/user/id' },
        { target: 'job:b', orderBy: 'form:a~1b' },
        { target: 'job:c', orderBy: 'form:missing' },
        { target: 'job:d', orderBy: 'form:command/x' },
      ],
      secretsAt: () => ['the secret'],
    })
    const json = `{"type":"${payload.type}","user":{"id":${String(payload.user.id)}}}`
    const body = `trigger_id=13+1%2E7&command=%2Fweather&a%2Fb=c&payload=${encodeURIComponent(json)}&command=other`
    const { appended } = await receive(receiver, signed(rules.signature, body))
    expect(appended).toMatchObject([
      {
        eventId: '13 1.7',
        eventType: '/weather',
        body: Buffer.from(body),
        dispatches: [
          { orderKey: '9007199254740993' },
          { orderKey: 'c' },
          { orderKey: null },
          { orderKey: null },
        ],
      },
    ])
    const without = await receive(receiver, signed(rules.signature, '{"trigger_id":"1"}'))
    expect(without).toMatchObject({
      code: 'delivery_malformed',
      details: { reason: 'it has no id at form:trigger_id' },
    })
    const test = testDelivery(receiver, { nowMs, body: { text: 'a b', payload: { n: 1 } } })
    const tested = await receive(receiver, test, 'stored', 'test')
    expect(tested.appended[0]?.body.toString()).toMatch(
      /^text=a\+b&payload=%7B%22n%22%3A1%7D&trigger_id=test_.*&command=reactor\.connect\.test$/,
    )
  })

  test('has ids with all their digits', async () => {
    const receiver = receiverOf('stripe')
    for (const [written, id] of [
      ['9007199254740993', '9007199254740993'],
      ['12', '12'],
      ['"12"', '12'],
      [`"${'x'.repeat(500)}"`, 'x'.repeat(500)],
    ] as const) {
      const incoming = signed(receiver.rules.signature, `{"id":${written},"type":"a"}`)
      expect((await receive(receiver, incoming)).appended[0]?.eventId).toBe(id)
    }
  })

  test.each([
    ['{"type":"a"}', 'it has no id at /id'],
    ['{"id":null}', 'its id at /id is neither a text nor a number'],
    ['{"id":{"a":1}}', 'its id at /id is neither a text nor a number'],
    ['{"id":true}', 'its id at /id is neither a text nor a number'],
    ['{"id":""}', 'its id at /id is empty'],
    [`{"id":"${'x'.repeat(501)}"}`, 'its id at /id is longer than 500 characters'],
    [`{"id":${'1'.repeat(501)}}`, 'its id at /id is longer than 500 characters'],
    ['[]', 'it has no id at /id'],
    ['{"__proto__":{"id":"a"}}', 'it has no id at /id'],
    ['id=1', 'its body is not JSON, and the id of the event stands in it'],
    ['', 'its body is not JSON, and the id of the event stands in it'],
    ['['.repeat(300_000), 'its body is not JSON, and the id of the event stands in it'],
  ])('without a usable id is refused: %.20s', async (body, reason) => {
    const receiver = receiverOf('stripe')
    const incoming = signed(receiver.rules.signature, body)
    const { code, details, appended } = await receive(receiver, incoming)
    expect({ code, details }).toEqual({ code: 'delivery_malformed', details: { reason } })
    expect(appended).toEqual([])
  })

  test.each(['command=%2Fdeploy&text=now', 'payload=%7B%22type%22%3A%22block_actions%22%7D'])(
    'as a form of Slack is refused: %s',
    async (body) => {
      const receiver = receiverOf('slack')
      const { code, appended } = await receive(receiver, signed(receiver.rules.signature, body))
      expect({ code, appended }).toEqual({ code: 'delivery_malformed', appended: [] })
    },
  )

  test('whose id stands in a header may have a body that is no JSON', async () => {
    const receiver = { ...receiverOf('github'), dispatch: [{ target: 'job:a', orderBy: '/x' }] }
    const headers = { 'x-github-delivery': 'd1', 'x-github-event': 'push' }
    for (const body of ['no JSON', 'payload=%7B', 'payload=1', 'x=1&payload=%7B%7D']) {
      const incoming = signed(receiver.rules.signature, body, { headers })
      expect((await receive(receiver, incoming)).appended).toMatchObject([
        { eventId: 'd1', eventType: 'push', dispatches: [{ target: 'job:a', orderKey: null }] },
      ])
    }
  })

  test('as a form of GitHub is the event in it', async () => {
    const receiver = { ...receiverOf('github'), dispatch: [{ target: 'job:a', orderBy: '/id' }] }
    const headers = {
      'x-github-delivery': 'd1',
      'x-github-event': 'push',
      'content-type': 'application/x-www-form-urlencoded',
    }
    const json = '{"id": 9007199254740993, "text": "a+b & \u00fc"}'
    const form = new URLSearchParams({ payload: json }).toString()
    const incoming = signed(receiver.rules.signature, form, { headers })
    expect((await receive(receiver, incoming)).appended).toMatchObject([
      {
        body: Buffer.from(json),
        headers: { 'content-type': 'application/json' },
        dispatches: [{ target: 'job:a', orderKey: '9007199254740993' }],
      },
    ])
    const forged = { ...incoming, body: Buffer.from(`${form}&x=1`) }
    expect(await receive(receiver, forged)).toMatchObject({ code: 'delivery_refused' })
  })

  test('with an id that has a dot is refused as such if it is signed, and as any other if not', async () => {
    const receiver = ingressReceiver()
    const { signature } = receiver.rules
    const incoming = signed(signature, '{}', { secret: standardSecret, id: 'order.77' })
    expect(await receive(receiver, incoming)).toMatchObject({
      code: 'delivery_malformed',
      details: { reason: expect.stringContaining('send ids without it') as unknown },
      appended: [],
    })
    const other = `whsec_${'A'.repeat(32)}`
    const forged = signed(signature, '{}', { secret: other, id: 'order.77' })
    expect(await receive(receiver, forged)).toMatchObject({ code: 'delivery_refused' })
  })
})

describe('a handshake', () => {
  test('of Slack is answered, kept, and goes to no target', async () => {
    const receiver = receiverOf('slack')
    const body = '{"token":"t","challenge":"the challenge","type":"url_verification"}'
    const { received, appended } = await receive(receiver, signed(receiver.rules.signature, body))
    expect(received).toMatchObject({ kind: 'handshake', answer: { challenge: 'the challenge' } })
    expect(appended).toMatchObject([
      { kind: 'handshake', eventType: 'url_verification', dispatches: [] },
    ])
  })

  test('that nobody signed is not answered', async () => {
    const receiver = receiverOf('slack')
    const body = Buffer.from('{"challenge":"the challenge","type":"url_verification"}')
    const outcome = await receive(receiver, { rawHeaders: [], body })
    expect(outcome).toMatchObject({ code: 'delivery_refused', appended: [] })
  })

  test('of GitHub is a ping', async () => {
    const receiver = receiverOf('github')
    const headers = { 'x-github-delivery': 'd1', 'x-github-event': 'ping' }
    const incoming = signed(receiver.rules.signature, '{"zen":"x"}', { headers })
    expect((await receive(receiver, incoming)).appended).toMatchObject([
      { kind: 'handshake', eventId: 'd1', eventType: 'ping', dispatches: [] },
    ])
  })
})

describe('what is refused', () => {
  /** As many as may be valid at a time. */
  const allSecrets = Array.from({ length: 1 + mostPrevious }, (_, n) => `secret ${String(n)}`)
  const receiver = receiverOf('stripe')
  const { signature } = receiver.rules
  const body = '{"id":"evt_1","type":"a"}'
  const genuine = signed(signature, body)
  const cases: readonly (readonly [string, IngressReceiver | undefined, typeof genuine])[] = [
    ['an unknown token', undefined, genuine],
    ['a receiver without a secret', { ...receiver, secretsAt: () => [] }, genuine],
    [
      'a receiver whose secret has not the form of its scheme',
      { ...ingressReceiver(), secretsAt: () => ['the secret'] },
      signed(ingressReceiver().rules.signature, body, { secret: standardSecret }),
    ],
    ['a wrong signature', receiver, signed(signature, body, { secret: 'another' })],
    ['a wrong signature, two secrets', { ...receiver, secretsAt: () => ['a', 'b'] }, genuine],
    ['a wrong signature, all secrets', { ...receiver, secretsAt: () => allSecrets }, genuine],
    ['no signature', receiver, { rawHeaders: [], body: genuine.body }],
    ['an odd signature', receiver, { rawHeaders: ['stripe-signature', ',,='], body: genuine.body }],
    [
      'a signature that came twice',
      ingressReceiver({ rules: receiverOf('slack').rules, secretsAt: () => ['the secret'] }),
      {
        rawHeaders: [
          ...signed(receiverOf('slack').rules.signature, body).rawHeaders,
          'X-Slack-Signature',
          'v0=a',
        ],
        body: genuine.body,
      },
    ],
    ['another body', receiver, { ...genuine, body: Buffer.from(body.replace('evt_1', 'evt_2')) }],
  ]
  test.each(cases)('%s costs the same and is answered the same', async (_, owner, incoming) => {
    const outcome = await receive(owner, incoming)
    expect(outcome).toEqual({
      code: 'delivery_refused',
      details: {},
      appended: [],
      hmacs: allSecrets.map(() => incoming.body.length),
    })
  })

  test('an old delivery is told so only if it is genuine', async () => {
    const atMs = nowMs - 301_000
    const old = await receive(receiver, signed(signature, body, { atMs }))
    expect(old).toMatchObject({ code: 'delivery_outside_window', appended: [] })
    const forged = await receive(receiver, signed(signature, body, { atMs, secret: 'another' }))
    expect(forged).toMatchObject({ code: 'delivery_refused', appended: [] })
  })
})

describe('a test delivery', () => {
  test.each(['stripe', 'slack', 'linear', 'github'])('of %s is genuine', async (type) => {
    const receiver = receiverOf(type)
    const incoming = testDelivery(receiver, { nowMs })
    const { received, appended } = await receive(receiver, incoming, 'stored', 'test')
    expect(received?.eventId).toMatch(/^reactor\.connect\.test:test_/)
    expect(appended).toMatchObject([{ eventType: 'reactor.connect.test' }])
  })

  test('has the body that was asked for, with what the rules want', async () => {
    const receiver = receiverOf('slack')
    const incoming = testDelivery(receiver, {
      nowMs,
      body: { event: { type: 'message', text: 'a' } },
    })
    const { appended } = await receive(receiver, incoming)
    expect(JSON.parse(String(appended[0]?.body))).toMatchObject({
      event_id: expect.stringMatching(/^test_/) as unknown,
      event: { type: 'message', text: 'a' },
    })
  })

  test('has an id that no event has, and leaves its body alone', async () => {
    const receiver = receiverOf('stripe')
    const incoming = testDelivery(receiver, { nowMs, body: { id: 'evt_1' } })
    const { appended } = await receive(receiver, incoming, 'stored', 'test')
    expect(appended).toMatchObject([{ eventId: 'reactor.connect.test:evt_1', kind: 'test' }])
    expect(JSON.parse(String(appended[0]?.body))).toMatchObject({ id: 'evt_1' })
    const taken = '{"id":"reactor.connect.test:evt_1","type":"a"}'
    const { code, details } = await receive(receiver, signed(receiver.rules.signature, taken))
    const reason = 'its id begins with reactor.connect.test:, which is for test deliveries'
    expect({ code, details }).toEqual({ code: 'delivery_malformed', details: { reason } })
  })

  test('needs a secret', () => {
    const receiver = { ...receiverOf('stripe'), secretsAt: () => [] }
    expect(() => testDelivery(receiver, { nowMs })).toThrow(/has not the form/)
  })
})
