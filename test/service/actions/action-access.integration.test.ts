import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { z } from 'zod'
import type { ActionDescriptor } from '../../../connectors/descriptor-schema.ts'
import { connectorOf } from '../../../connectors/registry.ts'
import { principalKinds, type PrincipalKind } from '../../../service/platform/access/principal.ts'
import { actionSubjects } from '../../connectors/action-subjects.ts'
import { ScriptedVendor } from '../../fakes/scripted-vendor.ts'
import type { Answer, ApiClient } from '../../support/api-client.ts'
import { TestApi } from '../../support/test-api.ts'
import { usuallyThird } from '../../support/long.ts'

let api: TestApi
let vendor: ScriptedVendor
const clients = new Map<PrincipalKind, ApiClient>()

beforeAll(async () => {
  vendor = await ScriptedVendor.start(() => ({ body: {} }))
  api = await TestApi.start()
  for (const kind of principalKinds)
    clients.set(kind, await api.clientOf({ name: `a ${kind}`, kind }))
  for (const [type, subject] of Object.entries(actionSubjects)) {
    const repositories = type === 'github' ? { repositories: ['acme/shop'] } : {}
    const config = { ...repositories, ...subject.configOf(vendor.url, `sk_live_${type}4711secret`) }
    const made = await api.call('POST /instances', { name: type, type, config })
    expect(made.status, JSON.stringify(made.body)).toBe(201)
  }
})
afterAll(async () => {
  await api[Symbol.asyncDispose]()
  await vendor[Symbol.asyncDispose]()
})
beforeEach(() => {
  vendor.requests.length = 0
})

const tokenOf = z.object({ token: z.string() })

function codeOf({ body }: Answer): string | undefined {
  return z.object({ error: z.object({ code: z.string() }) }).safeParse(body).data?.error.code
}

function clientOf(kind: PrincipalKind): ApiClient {
  const client = clients.get(kind)
  if (client === undefined) throw new Error(`no client for ${kind}`)
  return client
}

async function actionsOf(type: string): Promise<readonly ActionDescriptor[]> {
  const loaded = (await (await connectorOf(type)).actions?.load()) ?? []
  return loaded.map(({ descriptor }) => descriptor)
}

/** The expected decisions, written by hand: does this kind get through with each way to invoke? */
const may = {
  admin: { plain: true, dryRun: true },
  operator: { plain: true, dryRun: true },
  viewer: { plain: false, dryRun: false },
  agent: { plain: 'if it reads', dryRun: true },
} as const satisfies Record<PrincipalKind, unknown>

describe.each(usuallyThird(1, Object.entries(actionSubjects)))(
  'the actions of %s',
  (type, subject) => {
    test.each(principalKinds)(
      'are open to a principal of kind %s as the table says, and to nobody else',
      async (kind) => {
        vendor.respond = subject.succeed
        const client = clientOf(kind)
        const listed = await client.call(`GET /instances/${type}/actions`)
        expect(listed.status).toBe(200)
        for (const { name, effect } of await actionsOf(type)) {
          const path = `/instances/${type}/actions/${name}`
          const input = subject.samples[name]
          const invoke = (body: object): Promise<Answer> =>
            client.call(`POST ${path}/invoke`, { input, ...body })
          expect((await client.call(`GET ${path}`)).status, name).toBe(200)
          vendor.requests.length = 0
          const tried = await invoke({ dry_run: true })
          expect(tried.status, `${name} ${JSON.stringify(tried.body)}`).toBe(
            may[kind].dryRun ? 200 : 403,
          )
          const isOpen = may[kind].plain === 'if it reads' ? effect === 'read' : may[kind].plain
          if (!isOpen) {
            const denied = await invoke({})
            expect([denied.status, codeOf(denied)], name).toEqual([403, 'permission_denied'])
          }
          expect(vendor.requests, name).toEqual([])
          const { data } = tokenOf.safeParse(tried.body)
          const planned = await invoke({ token: data?.token ?? 'none' })
          expect(planned.status, `${name} ${JSON.stringify(planned.body)}`).toBe(
            may[kind].dryRun ? 200 : 403,
          )
          expect(vendor.requests.length > 0, name).toBe(may[kind].dryRun)
        }
      },
      180_000,
    )
  },
)

describe('a caller learns nothing of what exists', () => {
  const garbage = `rdt.${'0'.repeat(9)}.${'A'.repeat(22)}.${'A'.repeat(43)}`

  test.each<[string, object]>([
    ['without a token', {}],
    ['with a dry-run', { dry_run: true }],
    ['with a token that is none', { token: 'none' }],
    ['with a token of the right form', { token: garbage }],
  ])('who may not invoke anything, %s', async (_, body) => {
    const viewer = clientOf('viewer')
    await expectAlike(viewer, body, [
      'stripe/actions/createRefund',
      'stripe/actions/getCustomer',
      'stripe/actions/nothing',
      'nowhere/actions/createRefund',
    ])
  })

  test.each<[string, object]>([
    ['without a token', {}],
    ['with a dry-run', { dry_run: true }],
    ['with a token that is none', { token: 'none' }],
    ['with a token of the right form', { token: garbage }],
  ])('whose scopes name other instances, %s', async (_, body) => {
    const scoped = await api.clientOf({
      name: 'scoped',
      kind: 'operator',
      scopes: [{ action: 'actions:invoke', names: ['slack'] }],
    })
    await expectAlike(scoped, body, [
      'stripe/actions/createRefund',
      'stripe/actions/nothing',
      'nowhere/actions/createRefund',
    ])
    for (const path of ['stripe/actions', 'nowhere/actions', 'stripe/actions/createRefund']) {
      const { status } = await scoped.call(`GET /instances/${path}`)
      expect(status, path).toBe(403)
    }
  })

  test('and a name of another connector is no action of this one', async () => {
    for (const kind of ['admin', 'operator'] as const) {
      const path = 'POST /instances/slack/actions/createRefund/invoke'
      for (const body of [{ input: {} }, { input: {}, dry_run: true }]) {
        const other = await clientOf(kind).call(path, body)
        expect([other.status, codeOf(other)]).toEqual([404, 'action_not_found'])
      }
    }
    // An agent may only invoke reads, and an action that does not exist is not a read.
    const agent = await clientOf('agent').call(
      'POST /instances/slack/actions/createRefund/invoke',
      { input: {} },
    )
    expect([agent.status, codeOf(agent)]).toEqual([403, 'permission_denied'])
  })

  test('of no connector with actions: names of JavaScript are no actions', async () => {
    for (const name of ['constructor', '__proto__', 'toString', 'hasOwnProperty']) {
      const shown = await api.call(`GET /instances/stripe/actions/${name}`)
      expect([name, shown.status < 500 && shown.status >= 400]).toEqual([name, true])
    }
    const config = { streams: [{ name: 'items', rows: 3 }] }
    await api.call('POST /instances', { name: 'plain', type: 'faker', config })
    expect((await api.call('GET /instances/plain/actions')).body).toMatchObject({ items: [] })
    const none = await api.call('POST /instances/plain/actions/createRefund/invoke', { input: {} })
    expect([none.status, codeOf(none)]).toEqual([404, 'action_not_found'])
  })

  async function expectAlike(
    client: ApiClient,
    body: object,
    paths: readonly string[],
  ): Promise<void> {
    const answers: string[] = []
    for (const path of paths) {
      const id = randomUUID()
      const { status, body: said } = await client.call(
        `POST /instances/${path}/invoke`,
        { input: { id }, ...body },
        { 'x-request-id': id },
      )
      const [instance = ''] = path.split('/')
      answers.push(JSON.stringify([status, said]).replaceAll(instance, 'X').replaceAll(id, ''))
    }
    for (const answer of answers) expect(answer).toContain('permission_denied')
    expect(new Set(answers.map((text) => text.replaceAll(/"request_id":"[^"]*"/g, ''))).size).toBe(
      1,
    )
    expect(vendor.requests).toEqual([])
  }
})

test('every refusal is in the audit log, also of a token that is not good', async () => {
  const before = new Date().toISOString()
  const input = { id: 'cus_1' }
  const path = 'POST /instances/stripe/actions/deleteCustomer/invoke'
  await clientOf('viewer').call(path, { input })
  await clientOf('agent').call(path, { input })
  await clientOf('agent').call(path, { input, token: 'none' })
  await clientOf('operator').call(path, { input, token: 'none' })
  const { body } = await api.call(`GET /audit?action=actions:invoke&since=${before}`)
  const entry = (kind: string, error: string, outcome: string) =>
    expect.objectContaining({
      principal: expect.objectContaining({ kind }) as unknown,
      name: 'stripe',
      error,
      outcome,
    }) as unknown
  expect(body).toMatchObject({
    items: [
      entry('operator', 'dry_run_token_invalid', 'failed'),
      entry('agent', 'dry_run_token_invalid', 'failed'),
      entry('agent', 'permission_denied', 'denied'),
      entry('viewer', 'permission_denied', 'denied'),
    ],
  })
})
