import { LinearWebhookClient } from '@linear/sdk/webhooks'
import { sign, verify } from '@octokit/webhooks-methods'
import { isValidSlackRequest } from '@slack/bolt'
import { Webhook } from 'standardwebhooks'
import Stripe from 'stripe'
import { describe, expect, test } from 'vitest'
import { connectorOf } from '../../../../connectors/registry.ts'
import {
  standardWebhooks,
  type WebhookSignature,
} from '../../../../connectors/webhook-signature.ts'
import { signedHeaders } from '../../../../service/webhooks/signature/sign.ts'
import { problemOf, type VerifyOptions } from '../../../../service/webhooks/signature/verify.ts'

const nowMs = Date.now()
const options = { secrets: ['the secret'], nowMs, windowMs: 300_000 }
const stripe = new Stripe('sk_test_x')

const signatures = new Map<string, WebhookSignature>()
for (const type of ['github', 'linear', 'slack', 'stripe']) {
  const { descriptor } = await connectorOf(type)
  for (const { signature } of descriptor.webhooks) signatures.set(type, signature)
}

function signatureOf(type: string): WebhookSignature {
  const signature = signatures.get(type)
  if (signature === undefined) throw new TypeError(`${type} has no webhooks`)
  return signature
}

function verdict(
  signature: WebhookSignature,
  { headers, body }: { readonly headers: Readonly<Record<string, string>>; readonly body: string },
  more: Partial<VerifyOptions> = {},
): string {
  const header = (name: string): string | undefined => headers[name]
  const request = { header, body: Buffer.from(body) }
  return problemOf(signature, request, { ...options, ...more }) ?? 'genuine'
}

/** Bodies that a parser would change, and one that is no JSON. */
const bodies = {
  'the order of keys': '{"b":1,"a":2}',
  'digits of a number': '{"amount":1.0,"large":12345678901234567890,"tiny":1e-7}',
  'escapes of Unicode': '{"name":"\\u00e4\\ud83d\\ude00","slash":"\\/"}',
  'text in UTF-8': '{"name":"Grüße 😀"}',
  'a line break at the end': '{"a":1}\r\n',
  'the same key twice': '{"a":1,"a":2}',
  'a body that is no JSON': 'a=1&b=%20',
}

describe('a signature that the vendor has published', () => {
  test('of GitHub is genuine', () => {
    const digest = '757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17'
    const request = {
      headers: { 'x-hub-signature-256': `sha256=${digest}` },
      body: 'Hello, World!',
    }
    const secrets = ["It's a Secret to Everybody"]
    expect(verdict(signatureOf('github'), request, { secrets })).toBe('genuine')
  })

  test('of Slack is genuine at its time, and not ten minutes later', () => {
    const body =
      'token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c'
    const headers = {
      'x-slack-request-timestamp': '1531420618',
      'x-slack-signature': 'v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503',
    }
    const secrets = ['8f742231b10e8888abcd99yyyzzz85a5']
    const signedAt = (seconds: number): string =>
      verdict(signatureOf('slack'), { headers, body }, { secrets, nowMs: seconds * 1000 })
    expect(signedAt(1_531_420_618)).toBe('genuine')
    expect(signedAt(1_531_420_618 + 600)).toBe('timestamp_outside_window')
  })

  test('of Standard Webhooks is genuine, beside one of another version', () => {
    const headers = {
      'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
      'webhook-timestamp': '1614265330',
      'webhook-signature':
        'v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg== v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    }
    const secrets = ['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw']
    const request = { headers, body: '{"test": 2432232314}' }
    const options = { secrets, nowMs: 1_614_265_330_000 }
    expect(verdict(standardWebhooks, request, options)).toBe('genuine')
  })
})

describe.each(Object.entries(bodies))('with %s', (_, body) => {
  test('Stripe’s SDK verifies what we sign, and we verify what it signs', () => {
    const signature = signatureOf('stripe')
    const ours = signedHeaders(signature, Buffer.from(body), {
      secret: 'the secret',
      nowMs,
      id: '',
    })
    const header = ours['stripe-signature'] ?? ''
    expect(verdict(signature, { headers: ours, body })).toBe('genuine')
    const verify = () =>
      stripe.webhooks.signature?.verifyHeader(
        body,
        header,
        'the secret',
        300,
        undefined,
        nowMs / 1000,
      )
    expect(verify()).toBe(true)
    const theirs = stripe.webhooks.generateTestHeaderString({ payload: body, secret: 'the secret' })
    expect(verdict(signature, { headers: { 'stripe-signature': theirs }, body })).toBe('genuine')
  })

  test('GitHub’s own library verifies what we sign, and we verify what it signs', async () => {
    const signature = signatureOf('github')
    const secret = 'the secret'
    const ours = signedHeaders(signature, Buffer.from(body), { secret, nowMs, id: '' })
    expect(await verify(secret, body, ours['x-hub-signature-256'] ?? '')).toBe(true)
    expect(await verify(secret, `${body} `, ours['x-hub-signature-256'] ?? '')).toBe(false)
    const theirs = { 'x-hub-signature-256': await sign(secret, body) }
    expect(verdict(signature, { headers: theirs, body })).toBe('genuine')
    expect(verdict(signature, { headers: theirs, body: `${body} ` })).toBe('signature_wrong')
  })

  test('Slack’s Bolt verifies what we sign', () => {
    const signature = signatureOf('slack')
    const secret = 'the secret'
    const ours = signedHeaders(signature, Buffer.from(body), { secret, nowMs, id: '' })
    const headers = {
      'x-slack-signature': ours['x-slack-signature'] ?? '',
      'x-slack-request-timestamp': Number(ours['x-slack-request-timestamp']),
    }
    const theirs = { signingSecret: secret, headers, nowMilliseconds: nowMs }
    expect(isValidSlackRequest({ ...theirs, body })).toBe(true)
    expect(isValidSlackRequest({ ...theirs, body: `${body} ` })).toBe(false)
  })

  test('the library of Standard Webhooks verifies what we sign, and we verify what it signs', () => {
    const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'
    const webhook = new Webhook(secret)
    const id = 'msg_1'
    const ours = signedHeaders(standardWebhooks, Buffer.from(body), { secret, nowMs, id })
    const isJson = body.startsWith('{')
    // It parses what is genuine.
    const parse = (): unknown => webhook.verify(body, ours)
    if (isJson) expect(parse()).toEqual(JSON.parse(body))
    else expect(parse).toThrow(SyntaxError)
    expect(() => webhook.verify(`${body} `, ours)).toThrow('No matching signature found')
    const theirs = {
      'webhook-id': id,
      'webhook-timestamp': String(Math.floor(nowMs / 1000)),
      'webhook-signature': webhook.sign(id, new Date(nowMs), body),
    }
    const options = { secrets: [secret] }
    expect(verdict(standardWebhooks, { headers: theirs, body }, options)).toBe('genuine')
    const other = { headers: theirs, body: `${body} ` }
    expect(verdict(standardWebhooks, other, options)).toBe('signature_wrong')
  })

  test('one byte more, or less, is another body', () => {
    for (const type of ['stripe', 'slack', 'github']) {
      const signature = signatureOf(type)
      const secret = 'the secret'
      const headers = signedHeaders(signature, Buffer.from(body), { secret, nowMs, id: '' })
      for (const other of [`${body} `, body.slice(0, -1), body.replace(/\d/, '7')])
        if (other !== body)
          expect(verdict(signature, { headers, body: other })).toBe('signature_wrong')
    }
  })
})

test('Linear’s SDK verifies what we sign, and the time in the body counts', () => {
  const signature = signatureOf('linear')
  const secret = 'the secret'
  const sign = (body: string) =>
    signedHeaders(signature, Buffer.from(body), { secret, nowMs, id: '' })
  const body = `{"b":1.0,"a":"\\u00e4","webhookTimestamp":${String(nowMs)}}\n`
  const headers = sign(body)
  expect(verdict(signature, { headers, body }, { windowMs: 60_000 })).toBe('genuine')
  const client = new LinearWebhookClient(secret)
  expect(client.verify(Buffer.from(body), headers['linear-signature'] ?? '')).toBe(true)
  const old = `{"webhookTimestamp":${String(nowMs - 61_000)}}`
  expect(verdict(signature, { headers: sign(old), body: old }, { windowMs: 60_000 })).toBe(
    'timestamp_outside_window',
  )
  for (const none of ['{}', '[]', 'x', '{"webhookTimestamp":"soon"}', '{"webhookTimestamp":null}'])
    expect(verdict(signature, { headers: sign(none), body: none })).toBe('timestamp_missing')
})
