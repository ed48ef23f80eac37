import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { z } from 'zod'
import { standardWebhooks } from '../../../../connectors/webhook-signature.ts'
import { LoadedDirectory } from '../../../../service/webhooks/ingress/receiver-directory.ts'
import { receiverPath } from '../../../../service/webhooks/receivers/contract.ts'
import { mostPrevious } from '../../../../service/webhooks/receivers/previous.ts'
import { readReceiverSecrets } from '../../../../service/webhooks/receivers/receiver-secrets.ts'
import { tokenHash } from '../../../../service/webhooks/receivers/receiver-token.ts'
import {
  newReceiverDocument,
  receiverDocument,
} from '../../../../service/webhooks/receivers/schema.ts'
import { interrupt } from '../../../support/deliveries.ts'
import { silent } from '../../../support/logger.ts'
import type { TestApi } from '../../../support/test-api.ts'
import {
  apiForReceivers,
  code,
  job,
  makeReceiver,
  problem,
  refused,
  secretOf,
  tokenIn,
} from './receiver-api.ts'

let api: TestApi
beforeAll(async () => {
  api = await apiForReceivers()
})
afterAll(async () => {
  await api[Symbol.asyncDispose]()
})

describe('a target', () => {
  test('that is a topic of the service or of Kafka is refused', async () => {
    for (const topic of ['connect.shop.orders', 'connect_shop_orders', '__consumer_offsets']) {
      const dispatch = [{ target: `topic:${topic}` }]
      expect(await refused(api, 'POST /receivers', { name: 'topics', dispatch })).toMatchObject(
        code('target_not_available'),
      )
    }
  })
})

describe('warnings', () => {
  test('say until when nothing is sent to a target that failed, and why', async () => {
    const target = 'url:https://example.com/down?token=s3cret'
    const works = 'url:https://example.com/works'
    await makeReceiver(api, { name: 'failing', dispatch: [{ target }, { target: works }] })
    const [stored] = (await api.store.receivers.get('failing')).dispatch
    await interrupt(api, 'failing', stored?.target ?? '')
    const start =
      /^Events for url:https:\/\/example\.com\/down\?token=\*\*\* wait until (\S+Z), because earlier ones failed\. .* The last failure: it responded with status 503\.$/
    const { body } = await api.call('GET /receivers/failing')
    const { warnings } = receiverDocument.parse(body)
    expect(warnings).toEqual([expect.stringMatching(start)])
    const until = Date.parse(start.exec(warnings[0] ?? '')?.[1] ?? '')
    expect(until).toBeGreaterThan(Date.now())
    expect(until).toBeLessThan(Date.now() + 60_000)
    const listed = await api.call('GET /receivers')
    expect(JSON.stringify(listed.body)).toContain(JSON.stringify(warnings))
    await api.database.query(
      `UPDATE reactor_connect_service.webhook_targets SET open_until = now()`,
    )
    const later = await api.call('GET /receivers/failing')
    const trial = /wait, because earlier ones failed\. The next one that is due tries/
    expect(later.body).toMatchObject({ warnings: [expect.stringMatching(trial)] })
  })

  test('name an address in a private network, which each attempt refuses', async () => {
    const targets = ['url:http://10.1.2.3/in', 'url:http://[fd00::1]/in', 'url:https://example.com']
    const dispatch = targets.map((target) => ({ target }))
    const { warnings } = await makeReceiver(api, { name: 'private', dispatch })
    expect(warnings).toEqual([
      expect.stringMatching(
        /^Events for url:http:\/\/10\.1\.2\.3\/in do not reach it: 10\.1\.2\.3 is /,
      ),
      expect.stringContaining('REACTOR_CONNECT_ALLOWED_NETWORKS'),
    ])
    expect((await api.call('GET /receivers/private')).body).toMatchObject({ warnings })
  })
})

describe('the query of an address', () => {
  test('may be a secret: its values are shown to nobody, and stay as they are', async () => {
    const target = 'url:https://example.com/hook?token=s3cret-of-hook&v=2'
    const shown = 'url:https://example.com/hook?token=***&v=***'
    const made = await makeReceiver(api, { name: 'hooked', dispatch: [{ target }] })
    expect(made.dispatch).toEqual([{ target: shown }])
    const got = await api.call('GET /receivers/hooked')
    expect(got.body).toMatchObject({ dispatch: [{ target: shown }] })
    const masked = { dispatch: [{ target: shown, order_by: '/id' }] }
    expect(await refused(api, 'PATCH /receivers/hooked', masked)).toMatchObject(
      problem('body/dispatch/0/target: *** stands for a value that is not shown'),
    )
    await api.call('PATCH /receivers/hooked', { description: 'x' })
    const { dispatch } = await api.store.receivers.get('hooked')
    expect(dispatch).toEqual([{ target: expect.stringContaining(`${shown}#vault-`) as unknown }])
    await api.call('PATCH /receivers/hooked', { dispatch: [{ target }] })
    expect((await api.store.receivers.get('hooked')).dispatch).toEqual(dispatch)
    const stored = { dispatch: [{ target: dispatch[0]?.target }] }
    expect(await refused(api, 'PATCH /receivers/hooked', stored)).toMatchObject(
      problem('body/dispatch/0/target'),
    )
    expect(api.logLines.join('')).not.toContain('s3cret-of-hook')
  })
})

describe('a receiver', () => {
  test('gets a name from its instance and webhook, and an address that is shown once', async () => {
    const first = await makeReceiver(api, {
      instance: 'my-stripe',
      webhook: 'events',
      dispatch: job,
    })
    expect(first).toMatchObject({
      name: 'my-stripe-events',
      instance: 'my-stripe',
      webhook: 'events',
      rules: null,
      status: 'active',
      has_secret: false,
      signing_secret: null,
      dispatch_secret: null,
      warnings: [expect.stringContaining('job:process-stripe-event') as unknown],
    })
    const second = await makeReceiver(api, { instance: 'my-stripe', dispatch: job })
    expect(second).toMatchObject({ name: 'my-stripe-events-2', webhook: 'events' })
    const token = tokenIn(first.ingress_url)
    expect(tokenIn(second.ingress_url)).not.toBe(token)
    const stored = await api.store.receivers.get('my-stripe-events')
    expect(stored.tokenHash).toEqual(createHash('sha256').update(token).digest())
    const got = await api.call('GET /receivers/my-stripe-events')
    expect(Object.keys(got.body as object)).toEqual(shownFields)
    expect(got.headers.get('etag')).toMatch(/^"2-/)
    const listed = await api.call('GET /receivers?instance=my-stripe')
    expect(listed.body).toMatchObject({
      items: [{ name: 'my-stripe-events' }, { name: 'my-stripe-events-2' }],
      next_cursor: null,
    })
    const audit = JSON.stringify((await api.call('GET /audit?limit=200')).body)
    expect(audit).toContain('"receivers:create"')
    expect(audit).toContain('"my-stripe-events-2"')
  })

  test('without an instance takes Standard Webhooks, with a secret that the service makes', async () => {
    const receiver = await makeReceiver(api, {
      name: 'own',
      dispatch: [{ target: 'url:https://example.com/h' }],
    })
    expect(receiver).toMatchObject({
      instance: null,
      webhook: null,
      rules: { event_id: 'header:webhook-id', replay_window_seconds: 300 },
      has_secret: true,
    })
    expect(receiver.signing_secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/)
    expect(receiver.dispatch_secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/)
    const { id } = await api.store.receivers.get('own')
    expect(await readReceiverSecrets(api.vault, id)).toEqual({
      signing: receiver.signing_secret,
      dispatch: receiver.dispatch_secret,
    })
    const hub = await makeReceiver(api, { instance: 'my-github', dispatch: job })
    expect(hub.signing_secret).toMatch(/^[\w-]{43}$/)
  })

  test('is refused with a reason if it cannot work', async () => {
    const own = { name: 'refused', dispatch: job }
    const rules = {
      signature: standard(),
      event_id: '/id',
      event_type: null,
      replay_window_seconds: 300,
    }
    const withRules = (signature: object): object => ({
      ...own,
      rules: { ...rules, signature: { ...standard(), ...signature } },
    })
    for (const [body, expected] of [
      [{ dispatch: job }, problem('body/name')],
      [{ ...own, dispatch: [] }, problem('body/dispatch')],
      [{ ...own, dispatch: [...job, ...job] }, problem('body/dispatch/1/target')],
      [{ ...own, dispatch: [{ target: 'mail:me' }] }, problem('body/dispatch/0/target')],
      [{ ...own, instance: 'nobody' }, code('instance_not_found')],
      [{ ...own, instance: 'my-stripe', webhook: 'other' }, code('webhook_not_found')],
      [{ ...own, instance: 'shop', webhook: 'events' }, code('webhook_not_found')],
      [{ ...own, webhook: 'events' }, problem('body/webhook')],
      [{ ...own, instance: 'my-stripe', rules }, problem('body/rules')],
      [{ ...own, signing_secret: 'short' }, code('receiver_secret_invalid')],
      [{ ...own, signing_secret: ` ${secretOf('')}` }, code('receiver_secret_invalid')],
      [withRules({ signed: '{id}.{body}' }), problem('body/rules/signature/signed')],
      [withRules({ signed: '{timestamp}.{body}' }), problem('body/rules/signature/signed')],
      [withRules({ signed: '{id}.{time}.{body}' }), problem('body/rules/signature/signed')],
      [withRules({ id_header: null }), problem('body/rules/signature/id_header')],
      [withRules({ timestamp: null }), problem('body/rules/signature/timestamp')],
      [
        withRules({ timestamp: { from: 'pair:t', unit: 's' } }),
        problem('body/rules/signature/timestamp/from'),
      ],
      [withRules({ form: 'pairs', prefix: '' }), problem('body/rules/signature/prefix')],
      [withRules({ foo: 1 }), problem('body/rules/signature')],
      [{ ...own, rules: { ...rules, event_id: '/a~2' } }, problem('body/rules/event_id')],
      [
        { ...own, dispatch: [{ target: 'job:work', order_by: '/a~' }] },
        problem('body/dispatch/0/order_by'),
      ],
      [{ ...own, name: 'my-stripe-events' }, code('name_taken')],
    ] as const)
      expect(await refused(api, 'POST /receivers', body), JSON.stringify(body)).toMatchObject(
        expected,
      )
    expect(await refused(api, 'GET /receivers/refused')).toMatchObject(code('receiver_not_found'))
  })

  test('changes its targets at the version that was read, is paused and resumed', async () => {
    await makeReceiver(api, { name: 'changed', dispatch: job })
    const { headers } = await api.call('GET /receivers/changed')
    const etag = headers.get('etag') ?? ''
    const dispatch = [{ target: 'job:other', order_by: '/data/object/id' }]
    const changed = await api.call(
      'PATCH /receivers/changed',
      { dispatch, description: 'For the shop' },
      { 'if-match': etag },
    )
    expect(changed.body).toMatchObject({ dispatch, description: 'For the shop', version: 3 })
    const again = await api.call('PATCH /receivers/changed', { dispatch }, { 'if-match': etag })
    expect(again.status).toBe(412)
    expect(
      (await api.call('DELETE /receivers/changed', undefined, { 'if-match': etag })).status,
    ).toBe(412)
    for (const [verb, status] of [
      ['pause', 'paused'],
      ['pause', 'paused'],
      ['resume', 'active'],
    ] as const)
      expect(await api.call(`POST /receivers/changed/${verb}`)).toMatchObject({
        status: 200,
        body: { status },
      })
    const { body } = await api.call('GET /receivers/changed')
    expect(receiverDocument.parse(body).version).toBe(5)
  })

  test('gets another address; each one before works until its own end, or not at all', async () => {
    const first = tokenIn((await makeReceiver(api, { name: 'moved', dispatch: job })).ingress_url)
    const rotate = async (body?: object): Promise<z.output<typeof newReceiverDocument>> =>
      newReceiverDocument.parse((await api.call('POST /receivers/moved/rotate-token', body)).body)
    const second = await rotate()
    const until = Date.parse(second.previous_token_until ?? '')
    expect(Math.abs(until - Date.now() - 86_400_000)).toBeLessThan(60_000)
    const stored = await api.store.receivers.get('moved')
    expect(stored.tokenHash).toEqual(tokenHash(tokenIn(second.ingress_url)))
    const directory = new LoadedDirectory({
      ...{ store: api.store.receivers, vault: api.vault, logger: silent },
    })
    const isKnown = async (token: string, nowMs = Date.now()): Promise<boolean> => {
      await directory.refresh()
      return directory.find(token, nowMs) !== undefined
    }
    expect(await isKnown(first, until - 1)).toBe(true)
    const repeated = await rotate({ grace_seconds: 60 })
    expect(repeated.previous_token_until).toBe(second.previous_token_until)
    expect(await isKnown(tokenIn(second.ingress_url))).toBe(true)
    expect(await isKnown(tokenIn(second.ingress_url), Date.now() + 61_000)).toBe(false)
    expect(await isKnown(first, until - 1)).toBe(true)
    expect(await isKnown(first, until)).toBe(false)
    for (let valid = 2; valid < mostPrevious; valid++) await rotate()
    expect(await refused(api, 'POST /receivers/moved/rotate-token')).toMatchObject(
      problem('4 earlier ones are still valid'),
    )
    const last = await rotate({ grace_seconds: 0 })
    expect(last).toMatchObject({ previous_token_until: null, signing_secret: null })
    expect(await isKnown(first)).toBe(false)
    expect((await api.store.receivers.get('moved')).previousTokens).toEqual([])
  })

  test('holds its instance, and goes with its secrets', async () => {
    await api.service.instances.create({ name: 'held', type: 'stripe', config: {} })
    await makeReceiver(api, { instance: 'held', dispatch: job })
    const { id } = await api.store.receivers.get('held-events')
    expect(await refused(api, 'DELETE /instances/held')).toMatchObject({
      error: {
        code: 'instance_in_use',
        message: 'Instance held is used by webhook receivers',
        suggested_fix: expect.stringContaining('receivers list --instance held') as unknown,
      },
    })
    expect((await api.call('DELETE /receivers/held-events')).status).toBe(204)
    expect(await api.vault.get(receiverPath(id))).toBeNull()
    expect((await api.call('DELETE /receivers/held-events')).status).toBe(404)
    expect((await api.call('DELETE /instances/held')).status).toBe(204)
  })
})

describe('rights', () => {
  test('a caller sees no instance by making a receiver that it may not see', async () => {
    const client = await api.clientOf({
      name: 'limited',
      kind: 'operator',
      scopes: [
        { action: 'receivers:*', names: null },
        { action: 'instances:read', names: ['my-github'] },
      ],
    })
    const answers = await Promise.all(
      ['my-stripe', 'nobody', 'my-github'].map((instance) =>
        client.call('POST /receivers', { instance, dispatch: job }),
      ),
    )
    expect(answers.map(({ status }) => status)).toEqual([403, 403, 201])
  })

  test('an agent reads receivers and changes none', async () => {
    const client = await api.clientOf({ name: 'agent', kind: 'agent' })
    expect((await client.call('GET /receivers')).status).toBe(200)
    for (const route of [
      'POST /receivers/own/pause',
      'POST /receivers/own/rotate-token',
      'DELETE /receivers/own',
    ])
      expect((await client.call(route)).status, route).toBe(403)
  })
})

test('what is shown once is never stored for a repetition', async () => {
  const body = { name: 'repeated', dispatch: job }
  for (const route of [
    'POST /receivers',
    'POST /receivers/own/rotate-token',
    'POST /receivers/own/secret',
    'POST /receivers/own/rotate-dispatch-secret',
  ]) {
    const answer = await api.call(route, route === 'POST /receivers' ? body : {}, {
      'idempotency-key': 'x',
    })
    expect(answer, route).toMatchObject({ status: 400, body: problem('idempotency-key') })
  }
})

function standard(): Record<string, unknown> {
  const { idHeader, ...rest } = standardWebhooks
  return { ...rest, id_header: idHeader }
}

const shownFields = [
  'name',
  'instance',
  'webhook',
  'rules',
  'dispatch',
  'description',
  'status',
  'has_secret',
  'previous_token_until',
  'previous_secret_until',
  'warnings',
  'version',
  'created_at',
  'updated_at',
]
