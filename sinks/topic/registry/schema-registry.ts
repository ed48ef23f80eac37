import { setTimeout as sleep } from 'node:timers/promises'
import { exchange, type WholeResponse } from '../../../lib/net/exchange.ts'
import { retryAfterMs } from '../../../lib/net/retry-after.ts'
import {
  ConnectError,
  isJsonObject,
  own,
  requestFailure,
  type JsonObject,
  type JsonValue,
} from '../../../protocol/index.ts'
import { listChangedColumns } from './changed-columns.ts'
import type { MessageSchema } from '../rows/row-options.ts'

/** The parts of a schema that a registry takes. */
export type SchemaText = Pick<MessageSchema, 'type' | 'text'>

export interface SchemaRegistryOptions {
  /** http or https, with the path that the registry is mounted at. */
  readonly url: string
  readonly username?: string
  readonly password?: string
  readonly signal?: AbortSignal
}

interface RegistryRequest {
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly body?: JsonObject
}

const mediaType = 'application/vnd.schemaregistry.v1+json'
/** A registry that does not respond is given up after a minute, with five attempts. */
const timeoutMs = 10_000
/** A message has the id in four bytes, with a sign. */
const maxId = 2 ** 31 - 1
const maxResponseBytes = 8 * 1024 * 1024
const longestPauseMs = 30_000
/** The number of reasons from the registry that are shown. */
const namedReasons = 3

/**
 * A client of Confluent's Schema Registry API, which Confluent, Redpanda, Karapace and Apicurio (at
 * `/apis/ccompat/v7`) speak. What may succeed later is tried five times, in about 8 seconds, or a minute if
 * nothing responds. Throws `schema_registry_unreachable`, `schema_registry_refused`, `schema_incompatible`.
 */
export class SchemaRegistry {
  readonly #options: SchemaRegistryOptions
  readonly #url: string
  readonly #headers: Readonly<Record<string, string>>
  readonly #attempts: number
  readonly #pauseMs: (attempt: number) => number

  /** `pauseMs`: for tests. */
  constructor(
    options: SchemaRegistryOptions,
    { attempts = 5, pauseMs = (attempt: number): number => 250 * 2 ** attempt } = {},
  ) {
    this.#options = options
    this.#url = options.url.replace(/\/+$/, '')
    const { username, password } = options
    const login = Buffer.from(`${username ?? ''}:${password ?? ''}`).toString('base64')
    this.#headers = {
      Accept: `${mediaType}, application/json`,
      ...(username !== undefined && { Authorization: `Basic ${login}` }),
    }
    this.#attempts = attempts
    this.#pauseMs = pauseMs
  }

  /** For `check` of the destination: the registry is there and takes the credentials. */
  async check(): Promise<void> {
    const response = await this.#ask({ method: 'GET', path: '/subjects' })
    if (response.status !== 200) throw this.#refusal(response, 'listing its subjects')
    if (!Array.isArray(parsed(response.text)))
      throw this.#refused('listing its subjects', 'its response is not that of a schema registry')
  }

  /**
   * Registers the schema if it is new, and resolves with its id. The subject is `<topic>-key` or
   * `<topic>-value`. One that is there needs no right to write: operators may register schemas themselves.
   */
  async register(subject: string, schema: SchemaText): Promise<number> {
    const known = await this.find(subject, schema)
    if (known !== undefined) return known
    const body = bodyOf(schema)
    const path = `${pathOf(subject)}/versions`
    const written = await this.#ask({ method: 'POST', path, body })
    if (written.status === 409) throw await this.#incompatible(subject, { body, written })
    if (written.status !== 200) throw this.#refusal(written, `registering ${subject}`)
    return this.#idIn(written, subject)
  }

  /**
   * Shows what `register` would do, and changes nothing. Returns the id of an existing schema; undefined if
   * the schema would be new. Throws `schema_incompatible` if `register` would.
   */
  async preview(subject: string, schema: SchemaText): Promise<number | undefined> {
    const known = await this.find(subject, schema)
    if (known !== undefined) return known
    const body = bodyOf(schema)
    const compared = await this.#compare(subject, body)
    // No older version: 404.
    if (compared.status === 200 && isIncompatible(compared.text))
      throw await this.#incompatible(subject, { body, written: compared })
    return undefined
  }

  /** The id of a schema that the subject has. */
  async find(subject: string, schema: SchemaText): Promise<number | undefined> {
    const request = { method: 'POST', path: pathOf(subject), body: bodyOf(schema) } as const
    const known = await this.#ask(request)
    if (known.status === 200) return this.#idIn(known, subject)
    if (known.status !== 404) throw this.#refusal(known, `looking up ${subject}`)
    return undefined
  }

  #compare(subject: string, body: JsonObject): Promise<WholeResponse> {
    const path = `/compatibility/subjects/${encodeURIComponent(subject)}/versions/latest?verbose=true`
    return this.#ask({ method: 'POST', path, body })
  }

  /**
   * The rule by which new versions of the subject are compared with older ones, such as BACKWARD; undefined
   * if the registry does not say.
   */
  async #compatibilityOf(subject: string): Promise<string | undefined> {
    const path = `/config/${encodeURIComponent(subject)}?defaultToGlobal=true`
    const { status, text } = await this.#ask({ method: 'GET', path })
    const level = status === 200 ? textIn(text, 'compatibilityLevel') : undefined
    if (level !== undefined) return level
    // Registries that do not know the parameter have no rule of a subject that was not set.
    const global = await this.#ask({ method: 'GET', path: '/config' })
    return global.status === 200 ? textIn(global.text, 'compatibilityLevel') : undefined
  }

  async #incompatible(
    subject: string,
    { body, written }: { readonly body: JsonObject; readonly written: WholeResponse },
  ): Promise<ConnectError> {
    const compatibility = (await this.#compatibilityOf(subject)) ?? 'its own'
    const compared = await this.#compare(subject, body)
    const named = compared.status === 200 ? reasonsIn(compared.text) : []
    const said = textIn(written.text, 'message')
    const reasons =
      named.length > 0 || said !== undefined ? named : await this.#changesIn(subject, body)
    const reason =
      reasons.length > 0
        ? reasons.slice(0, namedReasons).join('; ')
        : (said ?? 'it gives no reason')
    return new ConnectError('schema_incompatible', {
      details: { registry: this.#name, subject, compatibility, reason },
    })
  }

  /**
   * Returns the differences from the newest schema of the subject, for registries that only say that there
   * are some.
   */
  async #changesIn(subject: string, { schema }: JsonObject): Promise<readonly string[]> {
    const latest = await this.#ask({ method: 'GET', path: `${pathOf(subject)}/versions/latest` })
    const before = latest.status === 200 ? textIn(latest.text, 'schema') : undefined
    if (before === undefined || typeof schema !== 'string') return []
    return listChangedColumns(parsed(before), parsed(schema))
  }

  #idIn({ text }: WholeResponse, subject: string): number {
    const body = parsed(text)
    const id = isJsonObject(body) ? own(body, 'id') : undefined
    if (typeof id !== 'number')
      throw this.#refused(`registering ${subject}`, 'its response has no id')
    if (Number.isInteger(id) && id > 0 && id <= maxId) return id
    const reason = `its response has the id ${String(id)}, and an id is a whole number from 1 to ${String(maxId)}`
    throw this.#refused(`registering ${subject}`, reason)
  }

  async #ask(request: RegistryRequest): Promise<WholeResponse> {
    const { signal } = this.#options
    for (let attempt = 1; ; attempt++) {
      const result = await this.#attempt(request)
      if ('response' in result && isFinal(result.response.status)) return result.response
      if (attempt >= this.#attempts || signal?.aborted === true) throw this.#unreachable(result)
      await sleep(this.#pauseAfter(result, attempt), undefined, {
        ...(signal && { signal }),
      }).catch(() => undefined)
    }
  }

  async #attempt({ method, path, body }: RegistryRequest): Promise<Attempt> {
    try {
      const response = await exchange(this.#url + path, {
        method,
        headers: this.#headers,
        body,
        timeoutMs,
        maxResponseBytes,
        signal: this.#options.signal,
      })
      return { response }
    } catch (error) {
      return { reason: requestFailure(error) }
    }
  }

  #pauseAfter(result: Attempt, attempt: number): number {
    const header = 'response' in result ? result.response.headers.get('retry-after') : undefined
    const asked = retryAfterMs(header, Date.now()) ?? 0
    return Math.min(longestPauseMs, Math.max(asked, this.#pauseMs(attempt)))
  }

  #unreachable(result: Attempt): ConnectError {
    const reason = 'reason' in result ? result.reason : saidIn(result.response)
    return new ConnectError('schema_registry_unreachable', {
      details: { registry: this.#name, reason },
    })
  }

  #refusal(response: WholeResponse, doing: string): ConnectError {
    return this.#refused(doing, saidIn(response))
  }

  #refused(doing: string, reason: string): ConnectError {
    return new ConnectError('schema_registry_refused', {
      details: { registry: this.#name, doing, reason },
    })
  }

  /** Without credentials that its URL may have. */
  get #name(): string {
    const { host, pathname } = new URL(this.#url)
    return pathname === '/' ? host : `${host}${pathname}`
  }
}

function pathOf(subject: string): string {
  return `/subjects/${encodeURIComponent(subject)}`
}

/** Avro is the default, and older registries know nothing else. */
function bodyOf({ type, text }: SchemaText): JsonObject {
  return { schema: text, ...(type !== 'AVRO' && { schemaType: type }) }
}

function isIncompatible(text: string): boolean {
  const body = parsed(text)
  return isJsonObject(body) && own(body, 'is_compatible') === false
}

type Attempt = { readonly response: WholeResponse } | { readonly reason: string }

/** Whether another attempt would get the same response. */
function isFinal(status: number): boolean {
  return status < 500 && ![408, 425, 429].includes(status)
}

function saidIn({ status, text }: WholeResponse): string {
  const message = textIn(text, 'message')
  return `it responded with status ${String(status)}${message === undefined ? '' : ` (${message})`}`
}

function textIn(text: string, name: string): string | undefined {
  const body = parsed(text)
  const value = isJsonObject(body) ? own(body, name) : undefined
  return typeof value === 'string' && value !== '' ? value : undefined
}

function reasonsIn(text: string): readonly string[] {
  const body = parsed(text)
  const messages = isJsonObject(body) ? own(body, 'messages') : undefined
  if (!Array.isArray(messages)) return []
  return messages.filter((message): message is string => typeof message === 'string')
}

/** Undefined if it is not JSON: a proxy may respond with a page. */
function parsed(text: string): JsonValue | undefined {
  try {
    return JSON.parse(text) as JsonValue
  } catch {
    return undefined
  }
}
