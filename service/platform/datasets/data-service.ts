import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { exchange, type WholeResponse } from '../../../lib/net/exchange.ts'
import { postgresAddress } from '../../../plan/setting-types.ts'
import type { PostgresAddress } from '../../../postgres/address.ts'
import { ConnectError, requestFailure } from '../../../protocol/index.ts'
import type { IfMissing } from '../../../sinks/connection-form.ts'

export interface DataServiceOptions {
  /** `http://data.example.com:8002` */
  readonly url: string
  /** Undefined: requests have no key. */
  readonly apiKey: string | undefined
  /** For one request with its response. Default 5 s. */
  readonly timeoutMs?: number
  /** The waits before the second request and each one after it, unless the service names another one. */
  readonly waitsMs?: readonly number[]
  now(): number
}

/** The location of a dataset's tables, with the login. It is never stored. */
export interface DatasetPlace {
  readonly address: PostgresAddress
  /** Undefined: the Data service leaves it to Connect. */
  readonly schema: string | undefined
}

const standardWaitsMs: readonly number[] = [500, 1_500]
/** A longer wait is left to the run, which is tried again later. */
const mostWaitMs = 5_000
const maxResponseBytes = 64 * 1024
/** A name that no dataset can have: Connect reserves it. */
const checkedDataset = 'reactor_connect_check'

const connectionDocument = z.object({
  url: postgresAddress,
  schema: z.string('must be text').nullish(),
  expires_at: z.iso.datetime({ offset: true, error: 'must be a time (RFC 3339)' }).nullish(),
})

interface DataRequest {
  readonly method: 'GET' | 'PUT'
  readonly dataset: string
  /** For messages: `did not {operation}`. */
  readonly operation: string
}

/**
 * The Data service, which owns the PostgreSQL of datasets: docs/data.md describes the requests. Connect asks
 * for the address of a dataset whenever something begins that needs it, because its login may be short-lived.
 * No error holds a word of a response: it has a password.
 */
export class DataService {
  readonly #options: DataServiceOptions
  /** Without a query: for messages. */
  readonly url: string

  constructor(options: DataServiceOptions) {
    this.#options = options
    const { origin, pathname } = new URL(options.url)
    this.url = `${origin}${pathname}`.replace(/\/$/, '')
  }

  /**
   * Undefined if there is no such dataset, and it was not to be created. Throws `data_unreachable`,
   * `data_refused`.
   */
  async find(dataset: string, ifMissing: IfMissing): Promise<DatasetPlace | undefined> {
    const operation = `give the address of the dataset ${dataset}`
    const request = { method: 'GET', dataset, operation } as const
    const found = await this.#send(request)
    if (found.status !== 404) return this.#read(found, operation)
    if (ifMissing === 'fail') return undefined
    const creation = `create the dataset ${dataset}`
    const created = await this.#send({ method: 'PUT', dataset, operation: creation })
    if (created.status === 404) throw this.#refusedError(creation, 'it responded with status 404')
    const again = await this.#send(request)
    if (again.status !== 404) return this.#read(again, operation)
    throw this.#refusedError(operation, 'it says that there is none, right after it created it')
  }

  /**
   * Resolves if it accepts requests: for readiness and `doctor`. Throws `data_unreachable`, `data_refused`.
   */
  async check(): Promise<void> {
    const operation = 'accept a request'
    await this.#sendOnce({ method: 'GET', dataset: checkedDataset, operation })
  }

  /** A temporary failure is tried again for a few seconds. */
  async #send(request: DataRequest): Promise<WholeResponse> {
    for (const waitMs of this.#options.waitsMs ?? standardWaitsMs) {
      try {
        return await this.#sendOnce(request)
      } catch (error) {
        if (!(error instanceof ConnectError) || !error.retryable) throw error
        const askedMs = Number(error.details.retry_after_seconds ?? 0) * 1_000
        if (askedMs > mostWaitMs) throw error
        await sleep(Math.max(askedMs, waitMs))
      }
    }
    return this.#sendOnce(request)
  }

  /** A response of 2xx or 404. */
  async #sendOnce(request: DataRequest): Promise<WholeResponse> {
    const response = await this.#exchange(request)
    const { status, headers } = response
    if ((status >= 200 && status <= 299) || status === 404) return response
    const text = `it responded with status ${status}`
    if (status === 408 || status === 429 || status >= 500)
      throw this.#unreachableError(text, { retryAfter: headers.get('retry-after') })
    const reason =
      status === 401 || status === 403
        ? `${text}: it ${this.#options.apiKey === undefined ? 'wants a key' : 'refuses the key'}`
        : text
    throw this.#refusedError(request.operation, reason)
  }

  async #exchange({ method, dataset }: DataRequest): Promise<WholeResponse> {
    const { apiKey, timeoutMs = 5_000 } = this.#options
    const path = `/v1/datasets/${encodeURIComponent(dataset)}`
    try {
      return await exchange(`${this.url}${method === 'GET' ? `${path}/connection` : path}`, {
        method,
        timeoutMs,
        maxResponseBytes,
        headers: apiKey === undefined ? {} : { Authorization: `Bearer ${apiKey}` },
        ...(method === 'PUT' && { body: {} }),
      })
    } catch (error) {
      throw this.#unreachableError(requestFailure(error), { cause: error })
    }
  }

  #read({ text }: WholeResponse, operation: string): DatasetPlace {
    const parsed = connectionDocument.safeParse(this.#parse(text))
    const issue = parsed.error?.issues[0]
    if (parsed.data === undefined) {
      const field = issue?.path.join('.') ?? ''
      const what = field === '' ? 'is not an object' : `has a field ${field} that ${issue?.message}`
      throw this.#refusedError(operation, `its response ${what}`)
    }
    const { url: address, schema, expires_at: expiresAt } = parsed.data
    if (typeof expiresAt === 'string' && Date.parse(expiresAt) <= this.#options.now())
      throw this.#unreachableError(
        'the login that it gave has already expired (compare the clocks of the machines)',
      )
    return { address, schema: schema ?? undefined }
  }

  #parse(text: string): unknown {
    try {
      return JSON.parse(text)
    } catch {
      // A proxy in between, most likely; not quoted, because it may hold a password.
      throw this.#unreachableError('its response is not JSON')
    }
  }

  #refusedError(operation: string, reason: string): ConnectError {
    return new ConnectError('data_refused', { details: { url: this.url, operation, reason } })
  }

  #unreachableError(
    reason: string,
    { retryAfter, cause }: { readonly retryAfter?: string | null; readonly cause?: unknown } = {},
  ): ConnectError {
    const seconds = /^\d{1,6}$/.test(retryAfter ?? '') ? Number(retryAfter) : undefined
    const wait = seconds !== undefined && { retry_after_seconds: seconds }
    return new ConnectError('data_unreachable', {
      details: { url: this.url, reason, ...wait },
      cause,
    })
  }
}
