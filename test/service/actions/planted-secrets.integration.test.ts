import { generateKeyPairSync, randomBytes, randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import type { JsonObject } from '../../../protocol/index.ts'
import { actionSubjects } from '../../connectors/action-subjects.ts'
import { formsOf } from '../../fakes/echo-api.ts'
import { dumpOf } from '../../support/all-texts.ts'
import type { Answer } from '../../support/api-client.ts'
import { TestApi } from '../../support/test-api.ts'
import { EchoingVendor } from './echoing-vendor.ts'
import { usually } from '../../support/long.ts'

/** In every planted secret, and nowhere else. */
const mark = `Planted${randomBytes(6).toString('hex')}`
/** In what the vendor makes for the caller: the caller gets it, and nobody else. */
const fresh = `Fresh${randomBytes(6).toString('hex')}`
const planted = (what: string): string => `${mark}-${what}+/=&"x y`

const { privateKey } = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  publicKeyEncoding: { type: 'spki', format: 'pem' },
})

interface Login {
  readonly type: string
  readonly login: string
  readonly config: (url: string) => JsonObject
  /** Whether the connector gets tokens of its own. */
  readonly hasTokens: boolean
  /** An action that creates something, and one that reads. */
  readonly actions: readonly [string, string]
  /** How the vendor words a failure. */
  readonly failure: (text: string) => JsonObject
}

const oauth = {
  client_id: 'client-1',
  client_secret: planted('client-secret'),
  refresh_token: planted('refresh'),
}
const expired = {
  ...oauth,
  access_token: planted('old'),
  token_expiry_date: '2020-01-01T00:00:00Z',
}
const githubPlace = (url: string): JsonObject => ({
  repositories: ['acme/shop'],
  api_url: url,
  web_url: url,
})
const github = {
  type: 'github',
  actions: ['createIssue', 'getIssue'],
  failure: (message: string) => ({ message, errors: [{ message }] }),
} as const
const slack = {
  type: 'slack',
  actions: ['postMessage', 'getUser'],
  failure: (text: string) => ({
    ok: false,
    error: `broken ${text}`,
    needed: text,
    response_metadata: { messages: [text] },
  }),
} as const
const linear = {
  type: 'linear',
  actions: ['createIssue', 'getIssue'],
  failure: (message: string) => ({
    errors: [{ message, extensions: { code: message, userPresentableMessage: message } }],
  }),
} as const

const logins: readonly Login[] = [
  {
    type: 'stripe',
    login: 'key',
    config: (url) => ({ api_url: url, api_key: planted('key') }),
    hasTokens: false,
    actions: ['createPaymentIntent', 'getPaymentIntent'],
    failure: (message) => ({
      error: {
        message,
        type: message,
        code: message,
        param: message,
        doc_url: `https://stripe.com/docs?key=${message}`,
        payment_intent: { id: message, client_secret: message },
      },
    }),
  },
  {
    ...github,
    login: 'token',
    config: (url) => ({ ...githubPlace(url), access_token: planted('token') }),
    hasTokens: false,
  },
  {
    ...github,
    login: 'app',
    config: (url) => ({
      ...githubPlace(url),
      app_id: '1',
      installation_id: '2',
      private_key: privateKey,
      client_secret: planted('client-secret'),
    }),
    hasTokens: true,
  },
  {
    ...github,
    login: 'oauth',
    config: (url) => ({ ...githubPlace(url), ...expired }),
    hasTokens: true,
  },
  {
    ...slack,
    login: 'token',
    config: (url) => ({ api_url: url, access_token: planted('token') }),
    hasTokens: false,
  },
  {
    ...slack,
    login: 'rotating',
    config: (url) => ({ api_url: url, ...expired }),
    hasTokens: true,
  },
  {
    ...linear,
    login: 'key',
    config: (url) => ({ api_url: url, api_key: planted('key') }),
    hasTokens: false,
  },
  {
    ...linear,
    login: 'rotating',
    config: (url) => ({ api_url: url, ...expired }),
    hasTokens: true,
  },
]

/** A stream of each connector. */
const readable: Readonly<Record<string, string>> = {
  github: 'repositories',
  linear: 'teams',
  slack: 'users',
  stripe: 'customers',
}

let api: TestApi
beforeAll(async () => {
  api = await TestApi.start({ logLevel: 'trace' })
})
afterAll(async () => {
  await api[Symbol.asyncDispose]()
})

test.each(usually(1, logins))(
  'a call shows no secret of $type with a login of the kind $login, whatever the vendor repeats',
  async ({ type, login, config: configOf, hasTokens, actions, failure }) => {
    await using vendor = await EchoingVendor.start(mark)
    const subject = actionSubjects[type]
    if (subject === undefined) throw new Error(`no subject ${type}`)
    vendor.wordFailure = failure
    vendor.succeed = (request, response) => {
      const made = subject.succeed(request, response)
      return made && { ...made, body: { ...(made.body as object), client_secret: fresh } }
    }
    const name = `${type}-${login}`
    const config = configOf(vendor.url)
    const output: string[] = []
    const call = async (route: string, body?: unknown, key?: string): Promise<Answer> => {
      const answer = await api.call(
        route,
        body,
        key === undefined ? {} : { 'idempotency-key': key },
      )
      output.push(JSON.stringify([answer.status, [...answer.headers], answer.body]))
      return answer
    }
    const made = await call('POST /instances', { name, type, config })
    expect(made.status, JSON.stringify(made.body)).toBe(201)
    const streams = [{ name: readable[type] ?? '' }]
    const binding = { name, from: name, destination: `data:${name.replace('-', '_')}`, streams }
    const bound = await call('POST /connections', binding)
    expect(bound.status, JSON.stringify(bound.body)).toBe(201)

    const replayed: string[] = []
    const everyRoad = async (): Promise<void> => {
      // Reads wait long before they repeat what a vendor did not mean.
      if (vendor.mode === 'succeed' || vendor.mode === 401) {
        await call(`POST /instances/${name}/check`)
        await call(`POST /instances/${name}/discover`, { refresh: true })
      }
      // The rows of a read are data and are not changed. Only the error of a failed read must hide the
      // secrets that the vendor repeats.
      if (vendor.mode === 401) {
        const read = await call(`POST /connections/${name}/sandbox`, { limit_rows: 1 })
        expect(JSON.stringify(read.body)).toContain('***')
      }
      for (const action of actions) {
        const path = `POST /instances/${name}/actions/${action}/invoke`
        const input = subject.samples[action]
        const key = randomUUID()
        const tried = await call(path, { input, dry_run: true })
        expect(tried.status, JSON.stringify(tried.body)).toBe(200)
        const { token } = z.object({ token: z.string() }).parse(tried.body)
        await call(path, { input, token, timeout_seconds: 1 }, key)
        const again = await call(path, { input, token, timeout_seconds: 1 }, key)
        if (again.headers.has('idempotent-replayed')) replayed.push(JSON.stringify(again.body))
      }
    }
    await everyRoad()
    expect(replayed).toHaveLength(2)
    if (type !== 'linear') for (const text of replayed) expect(text).toContain(fresh)
    for (const mode of [400, 401, 500, 'cut'] as const) {
      vendor.mode = mode
      await everyRoad()
    }
    expect(vendor.echoes).toBeGreaterThan(5)
    expect(vendor.tokens.length > 0).toBe(hasTokens)

    const secrets = [...textsIn(config).filter(isSecret), ...vendor.tokens]
    const [secret = ''] = secrets
    const path = `POST /instances/${name}/actions/${actions[0]}/invoke`
    for (const input of [
      { [secret]: 1 },
      { ...subject.samples[actions[0]], [secret]: { [secret]: secret } },
      Object.fromEntries(
        Object.keys(subject.samples[actions[0]] ?? {}).map((field) => [field, [secret]]),
      ),
    ])
      for (const more of [{}, { dry_run: true }, { token: 'none' }]) {
        const refused = await call(path, { input, ...more }, randomUUID())
        expect(refused.status).toBeGreaterThanOrEqual(400)
      }
    await call(`GET /instances/${name}`)
    await call('GET /audit?limit=200')
    await call('GET //metrics')
    await expectNothing(secrets, output)
  },
  180_000,
)

async function expectNothing(secrets: readonly string[], output: readonly string[]): Promise<void> {
  const places: Readonly<Record<string, string>> = {
    told: output.join('\n'),
    audit: JSON.stringify((await api.call('GET /audit?limit=200')).body),
    logged: api.logLines.join('\n'),
    database: await dumpOf(api.database),
  }
  const lines = secrets.flatMap((text) => (text.includes('\n') ? text.split('\n') : []))
  const parts = lines.filter((line) => line.length > 20 && !line.startsWith('-----'))
  const forms = [...secrets, ...parts].flatMap(formsOf)
  const all = [...forms, ...forms.map((form) => JSON.stringify(form).slice(1, -1))]
  for (const [place, text] of Object.entries(places)) {
    expect(text.length, place).toBeGreaterThan(500)
    const around = new RegExp(`.{0,80}${mark}.{0,40}`, 'g')
    expect(text.match(around) ?? [], place).toEqual([])
    for (const form of all) expect(text.includes(form), `${place}: ${form}`).toBe(false)
    if (place !== 'told') expect(text, place).not.toContain(fresh)
  }
  expect(places.told).toContain('***')
}

function isSecret(text: string): boolean {
  return text.includes(mark) || text === privateKey
}

function textsIn(value: unknown): readonly string[] {
  if (typeof value === 'string') return [value]
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsIn) : []
}
