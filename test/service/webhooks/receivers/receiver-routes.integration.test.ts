import { createHash, randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { z } from 'zod'
import { standardWebhooks } from '../../../../connectors/webhook-signature.ts'
import { receiverPath } from '../../../../service/webhooks/receivers/contract.ts'
import { readReceiverSecrets } from '../../../../service/webhooks/receivers/receiver-secrets.ts'
import { tokenHash } from '../../../../service/webhooks/receivers/receiver-token.ts'
import {
  newReceiverDocument,
  receiverDocument,
  receiverWithSecretsDocument,
} from '../../../../service/webhooks/receivers/schema.ts'
import { formsOf } from '../../../fakes/echo-api.ts'
import { dumpOf } from '../../../support/all-texts.ts'
import type { Answer } from '../../../support/api-client.ts'
import { TestApi } from '../../../support/test-api.ts'

let api: TestApi
beforeAll(async () => {
  api = await TestApi.start({
    logLevel: 'trace',
    environment: { REACTOR_CONNECT_PUBLIC_URL: 'https://connect.example.com' },
  })
  const { instances } = api.service
  await instances.create({ name: 'my-stripe', type: 'stripe', config: {} })
  await instances.create({ name: 'my-github', type: 'github', config: githubConfig })
  await instances.create({ name: 'shop', type: 'postgres', config: postgresConfig })
})
afterAll(async () => {
  await api[Symbol.asyncDispose]()
})

const githubConfig = { repositories: ['acme/shop'] }
const postgresConfig = { host: 'db', user: 'reader', database: 'shop' }
const job = [{ target: 'job:process-stripe-event' }]
const secretOf = (what: string): string => `whsec_${what}${randomBytes(12).toString('hex')}`

async function made(body: object): Promise<z.output<typeof newReceiverDocument>> {
  const answer = await api.call('POST /receivers', body)
  expect(answer.status, JSON.stringify(answer.body)).toBe(201)
  return newReceiverDocument.parse(answer.body)
}

async function refused(route: string, body?: object): Promise<unknown> {
  const answer = await api.call(route, body)
  expect(answer.status, JSON.stringify(answer.body)).toBeGreaterThanOrEqual(400)
  return answer.body
}

const code = (name: string): object => ({
  error: expect.objectContaining({ code: name }) as unknown,
})
const problem = (text: string): object => ({
  error: expect.objectContaining({
    code: 'request_invalid',
    message: expect.stringContaining(text) as unknown,
  }) as unknown,
})

function tokenIn(url: string): string {
  const [, token = ''] =
    /^https:\/\/connect\.example\.com\/connect\/v1\/ingress\/(.+)$/.exec(url) ?? []
  expect(token).toMatch(/^rcvt_[\w-]{43}$/)
  return token
}

describe('a receiver', () => {
  test('gets a name from its instance and webhook, and an address that is shown once', async () => {
    const first = await made({ instance: 'my-stripe', webhook: 'events', dispatch: job })
    expect(first).toMatchObject({
      name: 'my-stripe-events',
      instance: 'my-stripe',
      webhook: 'events',
      rules: null,
      status: 'active',
      has_secret: false,
      signing_secret: null,
      dispatch_secret: null,
      warnings: [],
    })
    const second = await made({ instance: 'my-stripe', dispatch: job })
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
    const receiver = await made({
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
    const hub = await made({ instance: 'my-github', dispatch: job })
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
      [{ ...own, name: 'my-stripe-events' }, code('name_taken')],
    ] as const)
      expect(await refused('POST /receivers', body), JSON.stringify(body)).toMatchObject(expected)
    expect(await refused('GET /receivers/refused')).toMatchObject(code('receiver_not_found'))
  })

  test('changes its targets at the version that was read, is paused and resumed', async () => {
    await made({ name: 'changed', dispatch: job })
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

  test('gets another address; the one before works for a time, or not at all', async () => {
    const first = tokenIn((await made({ name: 'moved', dispatch: job })).ingress_url)
    const rotate = async (body?: object): Promise<z.output<typeof newReceiverDocument>> =>
      newReceiverDocument.parse((await api.call('POST /receivers/moved/rotate-token', body)).body)
    const second = await rotate()
    const until = Date.parse(second.previous_token_until ?? '')
    expect(Math.abs(until - Date.now() - 86_400_000)).toBeLessThan(60_000)
    const stored = await api.store.receivers.get('moved')
    expect(stored.tokenHash).toEqual(tokenHash(tokenIn(second.ingress_url)))
    expect(stored.previousTokenHash).toEqual(tokenHash(first))
    const third = await rotate({ grace_seconds: 0 })
    expect(third).toMatchObject({ previous_token_until: null, signing_secret: null })
    expect((await api.store.receivers.get('moved')).previousTokenHash).toBeNull()
  })

  test('gets another secret; the one before is valid for a time, or not at all', async () => {
    await made({ instance: 'my-stripe', name: 'secret', dispatch: job })
    const set = async (body: object): Promise<z.output<typeof receiverWithSecretsDocument>> => {
      const answer = await api.call('POST /receivers/secret/secret', body)
      expect(answer.status, JSON.stringify(answer.body)).toBe(200)
      return receiverWithSecretsDocument.parse(answer.body)
    }
    const { id } = await api.store.receivers.get('secret')
    const [one, two, three] = ['one', 'two', 'three'].map(secretOf)
    expect(await set({ signing_secret: one })).toMatchObject({
      has_secret: true,
      previous_secret_until: null,
      signing_secret: null,
      dispatch_secret: null,
    })
    const changed = await set({ signing_secret: two, grace_seconds: 60 })
    expect(Date.parse(changed.previous_secret_until ?? '') - Date.now()).toBeLessThan(60_001)
    expect(await readReceiverSecrets(api.vault, id)).toMatchObject({
      signing: two,
      previousSigning: one,
    })
    const before = await api.store.receivers.get('secret')
    const same = await set({ signing_secret: two, grace_seconds: 3_600 })
    expect(same.previous_secret_until).toBe(changed.previous_secret_until)
    expect((await api.store.receivers.get('secret')).secretVersion).toBe(before.secretVersion + 1)
    expect(await set({ signing_secret: three, grace_seconds: 0 })).toMatchObject({
      previous_secret_until: null,
    })
    const kept = await readReceiverSecrets(api.vault, id)
    expect(kept).toEqual({ signing: three, dispatch: kept?.dispatch })
    expect(await refused('POST /receivers/secret/secret')).toMatchObject(
      problem('body/signing_secret: Stripe makes the secret'),
    )
    expect(await refused('POST /receivers/own/secret', { signing_secret: 'x' })).toMatchObject(
      code('receiver_secret_invalid'),
    )
  })

  test('whose sender lets the user choose gets a secret of the service', async () => {
    const first = await made({ name: 'chosen', dispatch: job })
    const answer = await api.call('POST /receivers/chosen/secret')
    const { signing_secret: second } = receiverWithSecretsDocument.parse(answer.body)
    expect(second).toMatch(/^whsec_/)
    const { id } = await api.store.receivers.get('chosen')
    expect(await readReceiverSecrets(api.vault, id)).toMatchObject({
      signing: second,
      previousSigning: first.signing_secret,
    })
    const rotated = await api.call('POST /receivers/chosen/rotate-dispatch-secret')
    const { dispatch_secret: dispatch } = receiverWithSecretsDocument.parse(rotated.body)
    const kept = await readReceiverSecrets(api.vault, id)
    expect(kept).toMatchObject({ signing: second, dispatch })
    expect(kept?.previousDispatch).toMatch(/^whsec_/)
    expect(Date.parse(kept?.previousDispatchUntil ?? '')).toBeGreaterThan(Date.now())
    await api.call('POST /receivers/chosen/rotate-dispatch-secret', { grace_seconds: 0 })
    expect(await readReceiverSecrets(api.vault, id)).not.toHaveProperty('previousDispatch')
  })

  test('whose entry in the vault was lost gets new secrets', async () => {
    await made({ name: 'lost', dispatch: [{ target: 'url:https://example.com/h' }] })
    const { id } = await api.store.receivers.get('lost')
    await api.vault.delete(receiverPath(id))
    const answer = await api.call('POST /receivers/lost/secret')
    expect(await readReceiverSecrets(api.vault, id)).toEqual({
      signing: receiverWithSecretsDocument.parse(answer.body).signing_secret,
      dispatch: receiverWithSecretsDocument.parse(answer.body).dispatch_secret,
    })
  })

  test('holds its instance, and goes with its secrets', async () => {
    await api.service.instances.create({ name: 'held', type: 'stripe', config: {} })
    await made({ instance: 'held', dispatch: job })
    const { id } = await api.store.receivers.get('held-events')
    expect(await refused('DELETE /instances/held')).toMatchObject({
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

  test('is not made if the vault does not take its secrets', async () => {
    const put = api.vault.put.bind(api.vault)
    api.vault.put = () => Promise.reject(new Error('the vault is away'))
    try {
      expect((await api.call('POST /receivers', { name: 'unmade', dispatch: job })).status).toBe(
        500,
      )
    } finally {
      api.vault.put = put
    }
    await made({ name: 'unmade', dispatch: job })
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

test('planted secrets and tokens are found nowhere but in the vault', async () => {
  const mark = `Planted${randomBytes(6).toString('hex')}`
  const told: string[] = []
  const shown: string[] = []
  const call = async (route: string, body?: object, isShown = false): Promise<Answer> => {
    const answer = await api.call(route, body)
    if (isShown) shown.push(...secretsIn(answer.body))
    else told.push(JSON.stringify([...answer.headers, answer.body]))
    return answer
  }
  const name = 'planted'
  const targets = [{ target: 'url:https://example.com/h' }]
  const planted = `whsec_${mark}aaaaaaaaaaaaaaaaaaaaaaaaaaaaa`
  const path = `/receivers/${name}`
  const odd = [
    { signing_secret: `${mark} odd`, grace_seconds: -1 },
    { signing_secret: ` ${mark}` },
    { signing_secret: mark.repeat(100) },
    { [planted]: planted },
    { signing_secret: { [planted]: [planted] } },
  ]
  await call('POST /receivers', { name, dispatch: targets }, true)
  for (const body of odd.slice(0, 3)) {
    await call('POST /receivers', { name, dispatch: targets, ...body })
    await call(`POST ${path}/secret`, body)
  }
  await call(`POST ${path}/secret`, { signing_secret: odd[4]?.signing_secret })
  const set = await call(`POST ${path}/secret`, { signing_secret: planted })
  expect(set.status).toBe(200)
  await call(`POST ${path}/secret`, {}, true)
  await call(`POST ${path}/rotate-token`, {}, true)
  await call(`POST ${path}/rotate-dispatch-secret`, {}, true)
  for (const route of ['GET', 'PATCH', 'POST'].map((method) => `${method} ${path}`))
    await call(route, route.startsWith('GET') ? undefined : { description: 'x' })
  await call('GET /receivers')
  await call('GET //metrics')
  await call('GET /openapi.json')
  expect(shown).toHaveLength(6)
  const places: Readonly<Record<string, string>> = {
    told: told.join('\n'),
    audit: JSON.stringify((await api.call('GET /audit?limit=200')).body),
    logged: api.logLines.join('\n'),
    database: await dumpOf(api.database),
  }
  for (const [place, text] of Object.entries(places)) {
    expect(text.length, place).toBeGreaterThan(500)
    expect(text.includes(mark), place).toBe(false)
    for (const form of shown.flatMap(formsOf)) expect(text.includes(form), place).toBe(false)
  }
})

/** Tokens and secrets in a response. */
function secretsIn(body: unknown): readonly string[] {
  const {
    ingress_url: url,
    signing_secret: signing,
    dispatch_secret: dispatch,
  } = {
    ingress_url: undefined,
    ...receiverWithSecretsDocument.parse(body),
    ...(body as { ingress_url?: string }),
  }
  return [url === undefined ? undefined : tokenIn(url), signing, dispatch].filter(
    (text): text is string => typeof text === 'string',
  )
}

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
