import { setImmediate } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { z } from 'zod'
import type { Action } from '../../connectors/action.ts'
import type { ActionClient, Connector, ConnectorActions } from '../../connectors/connector.ts'
import type { ConnectError, JsonObject } from '../../protocol/index.ts'
import { ScriptedVendor, type VendorScript } from '../fakes/scripted-vendor.ts'
import { contextOf } from './collected.ts'
import { requestDifferences } from './request-differences.ts'

/** A connector with actions, as its contract needs it. */
export interface ActionSubject {
  /** A configuration whose API is at `url`, with `secret` in the place of each of its secrets. */
  configOf(url: string, secret: string): JsonObject
  /** A valid input of each action. */
  readonly samples: Readonly<Record<string, JsonObject>>
  /** The vendor's response to a call that succeeds. */
  readonly succeed: VendorScript
  /** The vendor's response if it does not know the credentials; default: status 401. */
  readonly refuseCredentials?: VendorScript
}

const secret = 'planted4711secret'

/** The guarantees of the actions of every connector (connectors/action.ts). Call it inside a `describe`. */
export function actionContract({ actions, descriptor }: Connector, subject: ActionSubject): void {
  if (actions === undefined) throw new TypeError(`${descriptor.type} has no actions`)

  test('every action has schemas that are valid, and an input that its own schema accepts', async () => {
    const loaded = await actions.load()
    expect(Object.keys(subject.samples).toSorted()).toEqual(
      loaded.map(({ descriptor }) => descriptor.name).toSorted(),
    )
    for (const { descriptor } of loaded) {
      const { name, input, output } = descriptor
      const sample = subject.samples[name]
      expect(() => z.fromJSONSchema(output), name).not.toThrow()
      const schema = z.fromJSONSchema(input)
      expect(schema.safeParse(sample).error, name).toBeUndefined()
      expect(schema.safeParse({ ...sample, no_such_field: 1 }).success, name).toBe(false)
    }
  })

  test('a plan is a function of its input: it is the same each time, and changes nothing', async () => {
    for (const action of await actions.load()) {
      const input = sampleOf(subject, action)
      const frozen = JSON.stringify(input)
      const config = subject.configOf('https://vendor.example', secret)
      const [first, second] = [action.call(input).plan(config), action.call(input).plan(config)]
      await setImmediate()
      expect(second, action.descriptor.name).toEqual(first)
      expect(JSON.stringify(input)).toBe(frozen)
    }
  })

  test('a dry-run equals the request that is sent, except for its secrets', async () => {
    await using vendor = await ScriptedVendor.start(subject.succeed)
    const config = subject.configOf(vendor.url, secret)
    await using client = await open(actions, config)
    for (const action of await actions.load()) {
      const call = action.call(sampleOf(subject, action))
      const { request } = actions.preview(call, config, { idempotencyKey: 'key-1' })
      vendor.requests.length = 0
      await client.send(call, sendOptions)
      const [sent] = vendor.requests
      if (sent === undefined) throw new Error(`${action.descriptor.name} sent nothing`)
      expect(JSON.stringify(request), action.descriptor.name).not.toContain(secret)
      const differences = requestDifferences(request, sent, { url: vendor.url, secret })
      expect(differences, action.descriptor.name).toEqual([])
    }
  })

  test('a page that a proxy sends with a status of success is no result', async () => {
    await using vendor = await ScriptedVendor.start((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/html' }).end('<html>Log in</html>')
      return undefined
    })
    for (const action of await actions.load()) {
      // A client of its own: the limits of the rate are those of one client.
      await using client = await open(actions, subject.configOf(vendor.url, secret))
      await expect(
        client.send(action.call(sampleOf(subject, action)), sendOptions),
        action.descriptor.name,
      ).rejects.toMatchObject({ code: 'action_response_unreadable' })
    }
  })

  test('JSON that a proxy or a login on the way sends with a status of success is no result', async () => {
    await using vendor = await ScriptedVendor.start(() => ({
      body: { message: 'Log in', login: 'https://portal.example' },
    }))
    for (const action of await actions.load()) {
      await using client = await open(actions, subject.configOf(vendor.url, secret))
      await expect(
        client.send(action.call(sampleOf(subject, action)), sendOptions),
        action.descriptor.name,
      ).rejects.toMatchObject({ code: 'action_response_unreadable' })
    }
  })

  test('an address in a private network is not called, and it is not said that the vendor refused', async () => {
    await using client = await open(actions, subject.configOf('http://10.0.0.1:9', secret))
    const [action] = await actions.load()
    if (action === undefined) throw new Error('it has no actions')
    await expect(
      client.send(action.call(sampleOf(subject, action)), sendOptions),
    ).rejects.toMatchObject({
      code: 'action_address_refused',
      message: expect.stringContaining('10.0.0.1') as unknown,
    })
  })

  test('a refusal, a failure, a cut and a wait each have their code, and repeat only what is safe', async () => {
    await using vendor = await ScriptedVendor.start(subject.succeed)
    for (const action of await actions.load()) {
      const { descriptor } = action
      // A client of its own: the limits of the rate are those of one client.
      await using client = await open(actions, subject.configOf(vendor.url, secret))
      const isSafe = descriptor.effect === 'read' || descriptor.idempotency !== 'none'
      const failureOf = async (script: VendorScript): Promise<string> => {
        vendor.requests.length = 0
        vendor.respond = script
        const error = await client
          .send(action.call(sampleOf(subject, action)), { ...sendOptions, timeoutMs: 700 })
          .then(
            () => undefined,
            (thrown: unknown) => thrown as ConnectError,
          )
        expect(JSON.stringify(error), descriptor.name).not.toContain(secret)
        return error?.code ?? 'none'
      }
      const unclear = isSafe ? 'action_unavailable' : 'action_outcome_unknown'
      const refuse = subject.refuseCredentials ?? (() => ({ status: 401, body: {} }))
      expect(await failureOf(refuse), descriptor.name).toBe('action_credentials_refused')
      expect(await failureOf(() => ({ status: 400, body: {} }))).toBe('action_refused')
      expect(vendor.requests, descriptor.name).toHaveLength(1)
      expect(await failureOf(() => ({ status: 500, body: {} })), descriptor.name).toBe(unclear)
      expect(
        await failureOf((_request, response) => void response.destroy()),
        descriptor.name,
      ).toBe(unclear)
      if (!isSafe) expect(vendor.requests, descriptor.name).toHaveLength(1)
      // Last: some clients hold further requests back after it.
      const wait = { status: 429, headers: { 'retry-after': '60' }, body: {} }
      expect(await failureOf(() => wait), descriptor.name).toBe('action_rate_limited')
    }
  })
}

const sendOptions = {
  mayComeAgain: true,
  idempotencyKey: 'key-1',
  timeoutMs: 5_000,
  signal: new AbortController().signal,
} as const

function open(actions: ConnectorActions, config: JsonObject): Promise<ActionClient> {
  return actions.open(config, {
    ...contextOf(),
    allowedNetworks: ['127.0.0.1/32'],
    instance: 'contract',
  })
}

function sampleOf({ samples }: ActionSubject, { descriptor }: Action): JsonObject {
  const sample = samples[descriptor.name]
  if (sample === undefined) throw new TypeError(`${descriptor.name} has no sample`)
  return sample
}
