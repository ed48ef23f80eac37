import { describe, expect, test } from 'vitest'
import {
  standardWebhooks,
  webhookSignatureSchema,
  type WebhookSignature,
} from '../../../../connectors/webhook-signature.ts'
import { signedHeaders } from '../../../../service/webhooks/signature/sign.ts'
import { problemOf } from '../../../../service/webhooks/signature/verify.ts'

const nowMs = 1_700_000_000_000
const body = Buffer.from('{"a":1}')

const generic: WebhookSignature = {
  header: 'x-signature',
  algorithm: 'sha512',
  encoding: 'base64',
  form: 'list',
  prefix: 'v1=',
  signed: '{id}|{body}|{timestamp}',
  timestamp: { from: 'header:x-time', unit: 'ms' },
  idHeader: 'x-id',
  secret: 'text',
}

const pairs: WebhookSignature = {
  ...generic,
  algorithm: 'sha1',
  encoding: 'hex',
  form: 'pairs',
  prefix: 's',
  signed: '{timestamp}{body}',
  timestamp: { from: 'pair:t', unit: 's' },
  idHeader: null,
}

function signed(
  signature: WebhookSignature,
  { secret = 'one', atMs = nowMs }: { readonly secret?: string; readonly atMs?: number } = {},
): Record<string, string> {
  return { ...signedHeaders(signature, body, { secret, nowMs: atMs, id: 'd1' }) }
}

function verdict(
  signature: WebhookSignature,
  headers: Readonly<Record<string, string>>,
  secrets: readonly string[] = ['one'],
): string {
  const request = { header: (name: string) => headers[name], body }
  return problemOf(signature, request, { secrets, nowMs, windowMs: 300_000 }) ?? 'genuine'
}

describe.each([
  ['a list', generic],
  ['pairs', pairs],
])('a scheme of our own, of %s', (_, signature) => {
  test('takes what it signs', () => {
    expect(webhookSignatureSchema.parse(signature)).toEqual(signature)
    expect(verdict(signature, signed(signature))).toBe('genuine')
  })

  test('takes each of the secrets that are valid, and no other', () => {
    const headers = signed(signature, { secret: 'two' })
    expect(verdict(signature, headers, ['one', 'two'])).toBe('genuine')
    expect(verdict(signature, headers, ['one'])).toBe('signature_wrong')
    expect(verdict(signature, headers, [])).toBe('signature_wrong')
  })

  test.each([
    [300_000, 'genuine'],
    [301_000, 'timestamp_outside_window'],
  ])('takes what was sent %i ms before or after now: %s', (ms, expected) => {
    for (const atMs of [nowMs - ms, nowMs + ms])
      expect(verdict(signature, signed(signature, { atMs }))).toBe(expected)
  })

  test('signs the time', () => {
    const headers = signed(signature, { atMs: nowMs - 1000 })
    const later = Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [
        name,
        value
          .replace(String(nowMs - 1000), String(nowMs))
          .replace(`t=${String(nowMs / 1000 - 1)}`, `t=${String(nowMs / 1000)}`),
      ]),
    )
    expect(later).not.toEqual(headers)
    expect(verdict(signature, later)).toBe('signature_wrong')
  })
})

test('a delivery with several signatures is genuine if one of them is', () => {
  const header = signed(generic)['x-signature'] ?? ''
  const wrong = `v1=${'A'.repeat(88)}`
  for (const text of [`${wrong} ${header}`, `${header} ${wrong}`, `v2=x ${header}`])
    expect(verdict(generic, { ...signed(generic), 'x-signature': text })).toBe('genuine')
  const nine = Array.from({ length: 9 }, () => header).join(' ')
  expect(verdict(generic, { ...signed(generic), 'x-signature': nine })).toBe('signature_malformed')
})

test.each<[string, Record<string, string | undefined>, string]>([
  ['no signature', { 'x-signature': undefined }, 'signature_missing'],
  ['an empty signature', { 'x-signature': '' }, 'signature_missing'],
  ['another prefix', { 'x-signature': 'v2=abc' }, 'signature_malformed'],
  ['the prefix alone', { 'x-signature': 'v1=' }, 'signature_wrong'],
  ['no time', { 'x-time': undefined }, 'timestamp_missing'],
  ['an empty time', { 'x-time': '' }, 'timestamp_missing'],
  ['another time', { 'x-time': '1' }, 'signature_wrong'],
  ['no id', { 'x-id': undefined }, 'signature_malformed'],
  ['an empty id', { 'x-id': '' }, 'signature_malformed'],
  ['another id', { 'x-id': 'd2' }, 'signature_wrong'],
])('a delivery with %s is refused', (_, change, problem) => {
  const headers = Object.entries({ ...signed(generic), ...change }).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, value] as const],
  )
  expect(verdict(generic, Object.fromEntries(headers))).toBe(problem)
})

test('a time that is no number is refused though it is signed', () => {
  const text: WebhookSignature = { ...generic, timestamp: { from: 'header:x-time', unit: 's' } }
  for (const time of ['1e9', '-1', ' 1700000000', '0x10', '9'.repeat(16)]) {
    const forged: WebhookSignature = { ...text, signed: `{id}|{body}|${time}` }
    const { 'x-signature': header = '' } = signed(forged)
    expect(verdict(text, { 'x-signature': header, 'x-id': 'd1', 'x-time': time })).toBe(
      'timestamp_missing',
    )
  }
})

test('of two times nobody knows which one is signed', () => {
  const { 'x-signature': header = '' } = signed(pairs)
  expect(verdict(pairs, { 'x-signature': `t=1,${header}` })).toBe('timestamp_missing')
})

test('what stands for a part of what is signed is not filled in again', () => {
  const headers = signedHeaders(generic, body, { secret: 'one', nowMs, id: '{timestamp}' })
  expect(verdict(generic, headers)).toBe('genuine')
  expect(verdict(generic, { ...headers, 'x-id': String(nowMs) })).toBe('signature_wrong')
})

describe('an id', () => {
  test('cannot take in what a genuine delivery says: the end of it is known', () => {
    const secret = `whsec_${'A'.repeat(32)}`
    const oldMs = nowMs - 3_600_000
    const text = `hi.${String(nowMs / 1000)}.{"forged":true}`
    const sent = { secret, nowMs: oldMs, id: 'msg_1' }
    const { 'webhook-signature': header = '' } = signedHeaders(
      standardWebhooks,
      Buffer.from(text),
      sent,
    )
    const request = {
      header: (name: string) =>
        ({
          'webhook-signature': header,
          'webhook-id': `msg_1.${String(oldMs / 1000)}.hi`,
          'webhook-timestamp': String(nowMs / 1000),
        })[name],
      body: Buffer.from('{"forged":true}'),
    }
    const options = { secrets: [secret], nowMs, windowMs: 300_000 }
    expect(problemOf(standardWebhooks, request, options)).toBe('id_ambiguous')
  })

  test.each([
    ['{id}.{timestamp}.{body}', 'a.b', 'id_ambiguous'],
    ['{id}.{timestamp}.{body}', 'a_b-c:d', 'genuine'],
    ['{id}::{body}::{timestamp}', 'a:', 'id_ambiguous'],
    ['{id}::{body}::{timestamp}', 'a:b', 'genuine'],
    ['{timestamp}|{body}|{id}', 'a|b', 'id_ambiguous'],
    ['{timestamp}|{body}|{id}', 'a.b', 'genuine'],
    ['{timestamp}::{body}::{id}', ':a', 'id_ambiguous'],
    ['v0:{id}.{timestamp}.{body}:', 'v0:a:', 'genuine'],
    ['{id}{timestamp}.{body}', 'a', 'id_ambiguous'],
  ])('in %s: %s', (text, id, expected) => {
    const signature = { ...generic, signed: text }
    const headers = signedHeaders(signature, body, { secret: 'one', nowMs, id })
    expect(verdict(signature, headers)).toBe(expected)
  })
})

test.each([
  'whsec_',
  'MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
  'whsec_c2hvcnQ=',
  'whsec_MfKQ9r8GKYqrTwj!',
])('%s is no secret of Standard Webhooks', (secret) => {
  expect(() => signed(standardWebhooks, { secret })).toThrow('another form')
  const headers = signed(standardWebhooks, { secret: `whsec_${'A'.repeat(32)}` })
  expect(verdict(standardWebhooks, headers, [secret])).toBe('signature_wrong')
})

test.each([
  { header: 'X-Signature' },
  { signed: 'no body' },
  { signed: '{body}{body}' },
  { algorithm: 'md5' },
])('%j is no scheme', (change) => {
  expect(webhookSignatureSchema.safeParse({ ...generic, ...change }).success).toBe(false)
})
