import { randomUUID } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import type { Action } from '../../connectors/action.ts'
import type { ActionClient, ConnectorActions } from '../../connectors/connector.ts'
import {
  valueAt as findValue,
  isJsonObject,
  type JsonObject,
  type JsonValue,
} from '../../protocol/index.ts'
import { requestDifferences } from '../connectors/request-differences.ts'
import type { RecordingProxy } from './recording-proxy.ts'
import type { Report } from './report.ts'

export interface SessionOptions {
  readonly actions: ConnectorActions
  readonly client: ActionClient
  /** Its address of the API is that of the proxy. */
  readonly config: JsonObject
  readonly proxy: RecordingProxy
  readonly secret: string
  readonly report: Report
}

interface CallOptions {
  readonly idempotencyKey?: string
  /** Fields that the output must have. */
  readonly shows?: JsonObject
}

const timeoutMs = 60_000

/**
 * Sends the actions of a pass. Each one is a step: its dry-run must equal the request that the vendor gets.
 */
export class ActionSession {
  /** The beginning of the name of all that this pass creates. */
  readonly name = `reactor-connect-live-${randomUUID().slice(0, 8)}`
  readonly #options: SessionOptions
  readonly #cleanUps: { readonly action: string; readonly input: JsonObject }[] = []

  constructor(options: SessionOptions) {
    this.#options = options
  }

  async call(name: string, input: JsonObject, options: CallOptions = {}): Promise<JsonObject> {
    let output: JsonObject = {}
    await this.#options.report.step(name, async () => {
      output = await this.#send(name, input, options)
      return undefined
    })
    return output
  }

  /** Calls an action when the sequence ends, however it ends: the last one first. */
  cleanUp(action: string, input: JsonObject): void {
    this.#cleanUps.push({ action, input })
  }

  /** Removes what was created. A failure keeps nothing else from being removed. */
  async removeAll(): Promise<void> {
    for (let next = this.#cleanUps.pop(); next !== undefined; next = this.#cleanUps.pop()) {
      const { action, input } = next
      await this.#options.report.lone(action, async () => {
        await this.#send(action, input, {})
        return 'cleaned up'
      })
    }
  }

  async #send(name: string, input: JsonObject, options: CallOptions): Promise<JsonObject> {
    const { actions, client, config, proxy, secret } = this.#options
    const { idempotencyKey = randomUUID(), shows = {} } = options
    const call = (await actionNamed(actions, name)).call(input)
    const { request } = actions.preview(call, config, { idempotencyKey })
    proxy.requests.length = 0
    const { output } = await client.send(call, {
      idempotencyKey,
      timeoutMs,
      mayComeAgain: true,
      signal: AbortSignal.timeout(4 * timeoutMs),
    })
    const [sent] = proxy.requests
    if (sent === undefined) throw new Error('nothing was sent')
    const [difference] = requestDifferences(request, sent, { url: proxy.url, secret })
    if (difference !== undefined) throw new Error(difference)
    if (JSON.stringify(request).includes(secret)) throw new Error('the dry-run shows the key')
    const fields = isJsonObject(output) ? output : {}
    for (const [field, value] of Object.entries(shows)) expectField(fields, field, value)
    return fields
  }
}

export async function actionNamed(actions: ConnectorActions, name: string): Promise<Action> {
  const action = (await actions.load()).find(({ descriptor }) => descriptor.name === name)
  if (action === undefined) throw new TypeError(`there is no action ${name}`)
  return action
}

function expectField(output: JsonObject, field: string, expected: JsonValue): void {
  const found = output[field]
  if (isDeepStrictEqual(found, expected)) return
  throw new Error(`${field} is ${JSON.stringify(found)} instead of ${JSON.stringify(expected)}`)
}

/** The value at a path of an output; null if there is none. */
export function valueAt(output: JsonValue, ...path: readonly (string | number)[]): JsonValue {
  return findValue(output, path.map(String)) ?? null
}

/** The same for a text, which the next steps need. */
export function textAt(output: JsonValue, ...path: readonly (string | number)[]): string {
  const value = valueAt(output, ...path)
  if (typeof value === 'string' && value !== '') return value
  throw new Error(`the output has no ${path.join('.')}`)
}

export function numberAt(output: JsonValue, ...path: readonly (string | number)[]): number {
  const value = valueAt(output, ...path)
  if (typeof value === 'number') return value
  throw new Error(`the output has no ${path.join('.')}`)
}
