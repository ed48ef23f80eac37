import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { z } from 'zod'
import { LoadedDirectory } from '../../../../service/webhooks/ingress/receiver-directory.ts'
import { receiverPath } from '../../../../service/webhooks/receivers/contract.ts'
import { noteLostReceiverSecrets } from '../../../../service/webhooks/receivers/note-lost-secrets.ts'
import { mostPrevious } from '../../../../service/webhooks/receivers/previous.ts'
import { readReceiverSecrets } from '../../../../service/webhooks/receivers/receiver-secrets.ts'
import { tokenHash } from '../../../../service/webhooks/receivers/receiver-token.ts'
import {
  newReceiverDocument,
  receiverWithSecretsDocument,
} from '../../../../service/webhooks/receivers/schema.ts'
import { formsOf } from '../../../fakes/echo-api.ts'
import { dumpOf } from '../../../support/all-texts.ts'
import type { Answer } from '../../../support/api-client.ts'
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

/** A new secret is in the vault by the time it dies, and the row does not know of it. */
async function dyingBeforeTheRow(work: () => Promise<void>): Promise<void> {
  const { receivers } = api.store
  const update = receivers.update.bind(receivers)
  receivers.update = (name, change, ifVersion) =>
    change.isSecretNew === true
      ? Promise.reject(new Error('the process died'))
      : update(name, change, ifVersion)
  try {
    await work()
  } finally {
    receivers.update = update
  }
}

/** To a process that starts now. */
async function validSecrets(name: string, nowMs = Date.now()): Promise<readonly string[]> {
  const { store, vault } = api
  const directory = new LoadedDirectory({ store: store.receivers, vault, logger: silent })
  await directory.refresh()
  return directory.named(name)?.secretsAt(nowMs) ?? []
}

describe('a receiver', () => {
  test('gets another secret; the one before is valid for a time, or not at all', async () => {
    await makeReceiver(api, { instance: 'my-stripe', name: 'secret', dispatch: job })
    const set = async (body: object): Promise<z.output<typeof receiverWithSecretsDocument>> => {
      const answer = await api.call('POST /receivers/secret/secret', body)
      expect(answer.status, JSON.stringify(answer.body)).toBe(200)
      return receiverWithSecretsDocument.parse(answer.body)
    }
    const { id } = await api.store.receivers.get('secret')
    const [first, two, three] = ['one', 'two', 'three'].map(secretOf)
    expect(await set({ signing_secret: first })).toMatchObject({
      has_secret: true,
      previous_secret_until: null,
      signing_secret: null,
      dispatch_secret: null,
    })
    const changed = await set({ signing_secret: two, grace_seconds: 60 })
    expect(Date.parse(changed.previous_secret_until ?? '') - Date.now()).toBeLessThan(60_001)
    expect(await readReceiverSecrets(api.vault, id)).toMatchObject({
      signing: two,
      previousSigning: [{ value: first, until: changed.previous_secret_until }],
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
    expect(await refused(api, 'POST /receivers/secret/secret')).toMatchObject(
      problem('body/signing_secret: Stripe makes the secret'),
    )
  })

  test('whose sender lets the user choose gets a secret of the service', async () => {
    const first = await makeReceiver(api, { name: 'chosen', dispatch: job })
    expect(
      await refused(api, 'POST /receivers/chosen/secret', { signing_secret: 'x' }),
    ).toMatchObject(code('receiver_secret_invalid'))
    const answer = await api.call('POST /receivers/chosen/secret')
    const { signing_secret: second } = receiverWithSecretsDocument.parse(answer.body)
    expect(second).toMatch(/^whsec_/)
    const { id } = await api.store.receivers.get('chosen')
    expect(await readReceiverSecrets(api.vault, id)).toMatchObject({
      signing: second,
      previousSigning: [{ value: first.signing_secret }],
    })
    const rotated = await api.call('POST /receivers/chosen/rotate-dispatch-secret')
    const { dispatch_secret: dispatch } = receiverWithSecretsDocument.parse(rotated.body)
    const kept = await readReceiverSecrets(api.vault, id)
    expect(kept).toMatchObject({ signing: second, dispatch })
    expect(kept?.previousDispatch).toHaveLength(1)
    await api.call('POST /receivers/chosen/rotate-dispatch-secret')
    const again = await readReceiverSecrets(api.vault, id)
    expect(again?.previousDispatch).toMatchObject([
      { value: dispatch },
      ...(kept?.previousDispatch ?? []),
    ])
    for (const { until } of again?.previousDispatch ?? [])
      expect(Date.parse(until)).toBeGreaterThan(Date.now())
    await api.call('POST /receivers/chosen/rotate-dispatch-secret', { grace_seconds: 0 })
    expect(await readReceiverSecrets(api.vault, id)).not.toHaveProperty('previousDispatch')
  })

  test('whose entry in the vault was lost gets new secrets', async () => {
    await makeReceiver(api, { name: 'lost', dispatch: [{ target: 'url:https://example.com/h' }] })
    const { id } = await api.store.receivers.get('lost')
    await api.vault.delete(receiverPath(id))
    const answer = await api.call('POST /receivers/lost/secret')
    expect(await readReceiverSecrets(api.vault, id)).toEqual({
      signing: receiverWithSecretsDocument.parse(answer.body).signing_secret,
      dispatch: receiverWithSecretsDocument.parse(answer.body).dispatch_secret,
    })
  })

  test('that lost its secret to another vault says so, until it is back', async () => {
    const { name } = await makeReceiver(api, { name: 'away', dispatch: job })
    const path = receiverPath((await api.store.receivers.get(name)).id)
    const kept = await api.vault.get(path)
    await api.vault.delete(path)
    const places = { store: api.store, vault: api.vault }
    expect(await noteLostReceiverSecrets(places)).toEqual([name])
    expect(await noteLostReceiverSecrets(places)).toEqual([])
    expect((await api.service.receivers.get(name)).hasSecret).toBe(false)
    const { secretVersion } = await api.store.receivers.get(name)
    await api.vault.put(path, kept?.secrets ?? {})
    expect(await noteLostReceiverSecrets(places)).toEqual([])
    expect(await api.store.receivers.get(name)).toMatchObject({
      hasSecret: true,
      secretVersion: secretVersion + 1,
    })
  })

  test('is mended by the same request after a crash between the vault and the database', async () => {
    await makeReceiver(api, { instance: 'my-stripe', name: 'crashed', dispatch: job })
    const set = (signing: string): Promise<Answer> =>
      api.call('POST /receivers/crashed/secret', { signing_secret: signing })
    const [first, two] = ['one', 'two'].map(secretOf)
    await set(first ?? '')
    await dyingBeforeTheRow(async () => {
      expect((await set(two ?? '')).status).toBe(500)
    })
    const before = await api.store.receivers.get('crashed')
    expect((await set(two ?? '')).status).toBe(200)
    const after = await api.store.receivers.get('crashed')
    expect(after.secretVersion).toBe(before.secretVersion + 1)
    expect(Date.parse(after.previousSecretUntil ?? '')).toBeGreaterThan(Date.now())
    expect(await readReceiverSecrets(api.vault, after.id)).toMatchObject({
      signing: two,
      previousSigning: [{ value: first, until: after.previousSecretUntil }],
    })
  })

  test('accepts what the sender signs after a crash that hid a new secret, and after a repeat', async () => {
    const { signing_secret: first } = await makeReceiver(api, { name: 'hidden', dispatch: job })
    await dyingBeforeTheRow(async () => {
      expect((await api.call('POST /receivers/hidden/secret')).status).toBe(500)
    })
    const { id } = await api.store.receivers.get('hidden')
    const hidden = await readReceiverSecrets(api.vault, id)
    expect(hidden?.signing).not.toBe(first)
    expect(await validSecrets('hidden')).toEqual([hidden?.signing, first])
    const { body } = await api.call('GET /receivers/hidden')
    expect(body).toMatchObject({ previous_secret_until: hidden?.previousSigning?.[0]?.until })
    const repeated = await api.call('POST /receivers/hidden/secret', { grace_seconds: 60 })
    const { signing_secret: second } = receiverWithSecretsDocument.parse(repeated.body)
    expect(await validSecrets('hidden')).toEqual([second, hidden?.signing, first])
    expect(await validSecrets('hidden', Date.now() + 61_000)).toEqual([second, first])
    expect(repeated.body).toMatchObject({
      previous_secret_until: hidden?.previousSigning?.[0]?.until,
    })
    await api.call('POST /receivers/hidden/secret', { grace_seconds: 0 })
    expect(await validSecrets('hidden')).toHaveLength(1)
  })

  test('whose leaked secrets ended before a crash says so when the service starts', async () => {
    await makeReceiver(api, { name: 'leaked', dispatch: job })
    await api.call('POST /receivers/leaked/secret')
    const { id, secretVersion, previousSecretUntil } = await api.store.receivers.get('leaked')
    expect(previousSecretUntil).not.toBeNull()
    await dyingBeforeTheRow(async () => {
      const answer = await api.call('POST /receivers/leaked/secret', { grace_seconds: 0 })
      expect(answer.status).toBe(500)
    })
    expect(await readReceiverSecrets(api.vault, id)).not.toHaveProperty('previousSigning')
    expect(await noteLostReceiverSecrets({ store: api.store, vault: api.vault })).toEqual([])
    expect(await api.store.receivers.get('leaked')).toMatchObject({
      hasSecret: true,
      previousSecretUntil: null,
      secretVersion: secretVersion + 1,
    })
  })

  test('is one of many that are made and changed at the same time, and none is lost', async () => {
    const answers = await Promise.all(
      Array.from({ length: 12 }, () => makeReceiver(api, { instance: 'my-github', dispatch: job })),
    )
    const names = answers.map(({ name }) => name)
    expect(new Set(names).size).toBe(12)
    const [name = ''] = names
    const path = `POST /receivers/${name}`
    const tokens = await Promise.all(
      Array.from({ length: mostPrevious }, async () =>
        newReceiverDocument.parse((await api.call(`${path}/rotate-token`)).body),
      ),
    )
    const secrets = await Promise.all(
      Array.from({ length: mostPrevious }, async () =>
        receiverWithSecretsDocument.parse((await api.call(`${path}/secret`)).body),
      ),
    )
    const newestFirst = <Item extends { version: number }>(items: readonly Item[]) =>
      items.toSorted((a, b) => b.version - a.version)
    const stored = await api.store.receivers.get(name)
    const [newest] = newestFirst(tokens)
    expect(stored.tokenHash).toEqual(tokenHash(tokenIn(newest?.ingress_url ?? '')))
    expect(await validSecrets(name)).toEqual([
      ...newestFirst(secrets).map(({ signing_secret: secret }) => secret),
      answers[0]?.signing_secret,
    ])
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
    await makeReceiver(api, { name: 'unmade', dispatch: job })
  })
})

test('planted secrets and tokens are found nowhere but in the vault', async () => {
  const mark = `Planted${randomBytes(6).toString('hex')}`
  const output: string[] = []
  const shown: string[] = []
  const call = async (route: string, body?: object, isShown = false): Promise<Answer> => {
    const answer = await api.call(route, body)
    if (isShown) shown.push(...secretsIn(answer.body))
    else output.push(JSON.stringify([...answer.headers, answer.body]))
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
    told: output.join('\n'),
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
