import { describe, expect, test } from 'vitest'
import {
  standardWebhooks,
  type WebhookSignature,
} from '../../../../connectors/webhook-signature.ts'
import { connectorOf } from '../../../../connectors/registry.ts'
import { withDispatch, withSigning } from '../../../../service/webhooks/receivers/change-secrets.ts'
import { newSecret } from '../../../../service/webhooks/receivers/new-secret.ts'
import {
  latestEnd,
  mostPrevious,
  withPrevious,
  type Previous,
} from '../../../../service/webhooks/receivers/previous.ts'
import { rulesProblems } from '../../../../service/webhooks/receivers/rules-problems.ts'
import {
  checkSecret,
  ownSender,
  senderOf,
  standardRules,
} from '../../../../service/webhooks/receivers/sender.ts'
import { keyOf } from '../../../../service/webhooks/signature/hmac.ts'

const vendors = ['stripe', 'slack', 'linear', 'github'] as const

describe('a sender', () => {
  test.each(vendors)('%s has one webhook, which is taken if none is named', async (type) => {
    const { descriptor } = await connectorOf(type)
    const [{ name, signature }] = descriptor.webhooks as [(typeof descriptor.webhooks)[number]]
    const sender = senderOf(descriptor, {})
    expect(sender).toMatchObject({ webhook: name, rules: null, signature })
    expect(senderOf(descriptor, { webhook: name })).toEqual(sender)
    expect(sender.secretFrom).toBe(type === 'github' ? 'user' : 'vendor')
  })

  test.each(vendors)('the rules of %s are sound', async (type) => {
    for (const { signature } of (await connectorOf(type)).descriptor.webhooks)
      expect(rulesProblems({ ...standardRules, eventId: '/id', signature })).toEqual([])
  })

  test('of its own follows Standard Webhooks unless it has other rules', async () => {
    expect(senderOf(undefined, {})).toMatchObject({ rules: standardRules, secretFrom: 'user' })
    const { descriptor } = await connectorOf('faker')
    expect(senderOf(descriptor, {})).toMatchObject({ rules: standardRules })
    const rules = { ...standardRules, eventId: '/event/id' }
    expect(ownSender(rules)).toMatchObject({ webhook: null, rules })
  })

  test('with more than one webhook has to be told which one', async () => {
    const { descriptor } = await connectorOf('stripe')
    const [first] = descriptor.webhooks
    if (first === undefined) throw new Error('no webhook')
    const both = { ...descriptor, webhooks: [first, { ...first, name: 'connect' }] }
    expect(() => senderOf(both, {})).toThrow('events, connect')
    expect(senderOf(both, { webhook: 'connect' }).webhook).toBe('connect')
  })
})

describe('secrets', () => {
  test.each(['text', 'whsec'] as const)('that the service makes fit the form %s', (form) => {
    const secret = newSecret(form)
    expect(keyOf({ secret: form }, secret)?.symmetricKeySize).toBeGreaterThanOrEqual(32)
    expect(newSecret(form)).not.toBe(secret)
  })

  test('of another form are refused, without being told', async () => {
    const own = ownSender(standardRules)
    for (const secret of ['whsec_short', 'plain-text-secret', `${newSecret('whsec')}\n`]) {
      expect(() => {
        checkSecret(own, secret)
      }).toThrow(/form/)
      expect(() => {
        checkSecret(own, secret)
      }).not.toThrow(secret)
    }
    const { descriptor } = await connectorOf('stripe')
    expect(() => {
      checkSecret(senderOf(descriptor, {}), 'whsec_short')
    }).not.toThrow()
  })

  test('those before stay beside a new one, each until its own end, and of the same nothing changes', () => {
    const nowMs = Date.parse('2029-01-01T00:00:00.000Z')
    const until = '2030-01-01T00:00:00.000Z'
    const soon = '2029-01-01T01:00:00.000Z'
    const first = withSigning(null, { signing: 'a', until, nowMs })
    expect(first).toEqual({ signing: 'a', dispatch: first.dispatch })
    const second = withSigning(first, { signing: 'b', until, nowMs })
    const a = { value: 'a', until }
    expect(second).toEqual({ ...first, signing: 'b', previousSigning: [a] })
    expect(withSigning(second, { signing: 'b', until: soon, nowMs })).toEqual(second)
    const third = withSigning(second, { signing: 'c', until: soon, nowMs })
    const previousSigning = [{ value: 'b', until: soon }, a]
    expect(third).toEqual({ ...first, signing: 'c', previousSigning })
    const later = Date.parse(soon)
    expect(withSigning(third, { signing: 'c', until, nowMs: later })).toEqual({
      ...third,
      previousSigning: [a],
    })
    expect(withSigning(third, { signing: 'a', until, nowMs: later })).toEqual({
      ...first,
      previousSigning: [{ value: 'c', until }],
    })
    const alone = { ...first, signing: 'c' }
    for (const signing of ['c', 'd'])
      expect(withSigning(third, { signing, until: null, nowMs })).toEqual({ ...alone, signing })
    const rotated = withDispatch(second, { until, nowMs })
    expect(rotated).toEqual({
      ...second,
      dispatch: rotated.dispatch,
      previousDispatch: [{ value: first.dispatch, until }],
    })
    expect(Object.keys(withDispatch(rotated, { until: null, nowMs }))).toEqual([
      'signing',
      'previousSigning',
      'dispatch',
    ])
  })
})

describe('what was replaced', () => {
  const nowMs = Date.parse('2029-01-01T00:00:00.000Z')
  const hour = (n: number): string => new Date(nowMs + n * 3_600_000).toISOString()

  test('ends as promised: one more than may be valid is refused until one has ended', () => {
    let list: readonly Previous[] = []
    for (let n = 1; n <= mostPrevious; n++)
      list = withPrevious(list, String(n), { until: hour(10 - n), nowMs })
    const [first] = list
    expect(() => withPrevious(list, 'more', { until: hour(20), nowMs })).toThrow(
      `try again after ${first?.until ?? ''}`,
    )
    expect(latestEnd(list)).toBe(hour(9))
    const later = { until: hour(20), nowMs: Date.parse(first?.until ?? '') }
    expect(withPrevious(list, 'more', later)).toEqual([
      { value: 'more', until: hour(20) },
      ...list.slice(1),
    ])
    expect(withPrevious(list, 'more', { until: null, nowMs })).toEqual([])
    expect(latestEnd([])).toBeNull()
  })
})

describe('rules', () => {
  const cases: readonly (readonly [string, Partial<WebhookSignature>, string | undefined])[] = [
    ['Standard Webhooks', {}, undefined],
    [
      'a time in the body',
      { timestamp: { from: '/at', unit: 'ms' }, signed: '{id}.{body}' },
      undefined,
    ],
    ['a time that is not signed', { signed: '{id}.{body}' }, 'signed'],
    ['an id that is not signed', { signed: '{timestamp}.{body}' }, 'signed'],
    ['an id without a place', { idHeader: null }, 'id_header'],
    ['a time without a place', { timestamp: null }, 'timestamp'],
    ['a pair outside of pairs', { timestamp: { from: 'pair:t', unit: 's' } }, 'timestamp/from'],
    ['a place that is none', { timestamp: { from: 'query:t', unit: 's' } }, 'timestamp/from'],
    ['pairs without a name', { form: 'pairs', prefix: 'v1,' }, 'prefix'],
    ['an id without a separator after it', { signed: '{id}{timestamp}.{body}' }, 'signed'],
    ['an id without a separator before it', { signed: '{timestamp}.{body}{id}' }, 'signed'],
    ['other braces', { signed: '{id}.{timestamp}.{body}.{url}' }, 'signed'],
  ]
  test.each(cases)('with %s', (_, change, field) => {
    const problems = rulesProblems({
      ...standardRules,
      eventId: '/id',
      signature: { ...standardWebhooks, ...change },
    })
    expect(problems.map((text) => text.split(':')[0])).toEqual(
      field === undefined ? [] : [`body/rules/signature/${field}`],
    )
  })

  test('take the id of an event only from what is signed', () => {
    expect(rulesProblems(standardRules)).toEqual([])
    for (const signature of [
      standardWebhooks,
      { ...standardWebhooks, idHeader: null, signed: '{timestamp}.{body}' },
    ])
      expect(rulesProblems({ ...standardRules, signature, eventId: 'header:x-id' })).toEqual([
        expect.stringMatching(/^body\/rules\/event_id: must be in the body/),
      ])
    const unsigned = { ...standardWebhooks, idHeader: null, timestamp: null, signed: '{body}' }
    const rules = { ...standardRules, signature: unsigned, eventId: 'header:x-id' }
    expect(() => ownSender(rules)).toThrow(/event_id/)
    expect(rulesProblems({ ...rules, eventId: '/id' })).toEqual([])
  })
})
