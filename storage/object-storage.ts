import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { AwsClient } from 'aws4fetch'
import { timeLimit } from '../lib/async/time-limit.ts'
import { hasNeverConnected } from '../lib/net/has-never-connected.ts'
import { limitedText } from '../lib/net/limited-text.ts'
import { ConnectError, requestFailure } from '../protocol/index.ts'
import type { StorageConfig, StoredObject } from './storage-config.ts'
import { failureIn, isFinal, type StorageFailure } from './storage-failure.ts'

interface StorageRequest {
  readonly method: 'GET' | 'PUT' | 'DELETE'
  /** Default: none, the bucket is meant. */
  readonly key?: string
  readonly query?: Readonly<Record<string, string>>
  readonly body?: Uint8Array<ArrayBuffer>
  /** The hash of the body, hexadecimal. */
  readonly sha256?: string
  /** Ends the attempts. */
  readonly signal?: AbortSignal
}

type Result<T> = { readonly value: T } | { readonly failure: StorageFailure }

/** For a request with its response: 256 MiB at 1 MB/s. */
const timeoutMs = 300_000
/** For the question why a request was cut. */
const refusalMs = 10_000
/** A list of 1,000 keys has about 400 KiB. */
const maxTextBytes = 4 * 1024 * 1024
const noBody = sha256Of(new Uint8Array(0))

/**
 * The objects of one bucket. Keys have only characters that stand for themselves in a URL. A request that may
 * succeed later is tried five times by default, in 15 seconds. Throws `storage_unavailable`,
 * `storage_refused`.
 */
export class ObjectStorage {
  readonly #config: StorageConfig
  readonly #client: AwsClient
  readonly #attempts: number
  readonly #pauseMs: (attempt: number) => number

  /** `pauseMs`: for tests. */
  constructor(
    config: StorageConfig,
    { attempts = 5, pauseMs = (attempt: number): number => 500 * 2 ** attempt } = {},
  ) {
    this.#config = config
    const { accessKeyId, secretAccessKey, region } = config
    this.#client = new AwsClient({ accessKeyId, secretAccessKey, region, service: 's3' })
    this.#attempts = attempts
    this.#pauseMs = pauseMs
  }

  /** Makes the bucket if it is missing. */
  async put(key: string, bytes: Uint8Array): Promise<StoredObject> {
    const { bucket } = this.#config
    const body = overArrayBuffer(bytes)
    const sha256 = sha256Of(body)
    const put = async (): Promise<Result<string>> =>
      this.#ask({ method: 'PUT', key, body, sha256 }, readText)
    let result = await put()
    if ('failure' in result && result.failure.code === 'NoSuchBucket') {
      this.#valueOf(await this.#ask({ method: 'PUT' }, readText), 'making')
      result = await put()
    }
    this.#valueOf(result, 'writing to')
    return { bucket, key, bytes: body.byteLength, sha256 }
  }

  /** Its bytes, checked. Throws `stored_records_lost` too. */
  async get({ key, bytes, sha256 }: StoredObject): Promise<Uint8Array> {
    const result = await this.#ask({ method: 'GET', key }, async (response) =>
      readBytes(response, bytes),
    )
    if ('failure' in result && result.failure.status === 404)
      throw this.#lost(key, 'it is not there any more')
    const found = this.#valueOf(result, 'reading from')
    if (found !== undefined && sha256Of(found) === sha256) return found
    throw this.#lost(key, 'it does not have the bytes that were written')
  }

  /** Keys that begin with the prefix, in their order: the first 1,000. */
  async list(prefix: string, signal: AbortSignal): Promise<readonly string[]> {
    const query = { 'list-type': '2', prefix, 'max-keys': '1000' }
    const result = await this.#ask({ method: 'GET', query, signal }, readText)
    // Nothing has been written yet: the first object makes the bucket.
    if ('failure' in result && result.failure.code === 'NoSuchBucket') return []
    const text = this.#valueOf(result, 'listing')
    return [...text.matchAll(/<Key>([^<]*)<\/Key>/g)].map(([, key = '']) => key)
  }

  /** It is no error if there is no such object. */
  async delete(key: string, signal: AbortSignal): Promise<void> {
    const result = await this.#ask({ method: 'DELETE', key, signal }, readText)
    if ('failure' in result && result.failure.status === 404) return
    this.#valueOf(result, 'deleting from')
  }

  async #ask<T>(
    request: StorageRequest,
    read: (response: Response) => Promise<T>,
  ): Promise<Result<T>> {
    const { signal } = request
    for (let attempt = 1; ; attempt++) {
      const result = await this.#attempt(request, read)
      if ('value' in result || isFinal(result.failure)) return result
      if (attempt >= this.#attempts || signal?.aborted) return result
      await sleep(this.#pauseMs(attempt), undefined, { signal }).catch(() => undefined)
    }
  }

  async #attempt<T>(
    request: StorageRequest,
    read: (response: Response) => Promise<T>,
  ): Promise<Result<T>> {
    using limit = timeLimit(request.signal, timeoutMs)
    try {
      const response = await this.#send(request, limit.signal)
      if (response.ok) return { value: await read(response) }
      return { failure: failureIn(response.status, await readText(response)) }
    } catch (error) {
      const isCut = request.body !== undefined && !limit.signal.aborted && !hasNeverConnected(error)
      const refusal = isCut ? await this.#refusal(limit.signal) : undefined
      return { failure: refusal ?? { reason: requestFailure(error) } }
    }
  }

  /**
   * Some servers close the connection before they have read the body of a request that they refuse, and their
   * response is lost. This returns their response to a small request with the same key. A refusal to list
   * says nothing about whether this key may write.
   */
  async #refusal(signal: AbortSignal): Promise<StorageFailure | undefined> {
    using limit = timeLimit(signal, refusalMs)
    const query = { 'list-type': '2', 'max-keys': '1' }
    const request = { method: 'GET', query, signal: limit.signal } as const
    const result = await this.#attempt(request, readText)
    if ('value' in result) return undefined
    const { failure } = result
    return isFinal(failure) && failure.code !== 'AccessDenied' ? failure : undefined
  }

  async #send(
    { method, key, query = {}, body, sha256 = noBody }: StorageRequest,
    signal: AbortSignal,
  ): Promise<Response> {
    const { url, bucket } = this.#config
    const path = key === undefined ? bucket : `${bucket}/${key}`
    const target = new URL(`${url}/${path}`)
    for (const [name, value] of Object.entries(query)) target.searchParams.set(name, value)
    const headers = { 'x-amz-content-sha256': sha256 }
    const signed = await this.#client.sign(target, { method, headers })
    return fetch(target, {
      method,
      headers: signed.headers,
      // It could lead with the signature to another host.
      redirect: 'manual',
      signal,
      ...(body !== undefined && { body }),
    })
  }

  #valueOf<T>(result: Result<T>, doing: string): T {
    if ('value' in result) return result.value
    const { failure } = result
    const code = isFinal(failure) ? 'storage_refused' : 'storage_unavailable'
    throw new ConnectError(code, { details: { ...this.#place(), doing, reason: failure.reason } })
  }

  #lost(key: string, reason: string): ConnectError {
    return new ConnectError('stored_records_lost', { details: { ...this.#place(), key, reason } })
  }

  #place(): { readonly storage: string; readonly bucket: string } {
    const { url, bucket } = this.#config
    return { storage: new URL(url).host, bucket }
  }
}

function readText(response: Response): Promise<string> {
  return limitedText(response.body, maxTextBytes)
}

/** Undefined: it has another size. */
async function readBytes(response: Response, bytes: number): Promise<Uint8Array | undefined> {
  const found = Buffer.allocUnsafeSlow(bytes)
  let position = 0
  const body: AsyncIterable<Uint8Array> | null = response.body
  for await (const chunk of body ?? []) {
    if (position + chunk.byteLength > bytes) return undefined
    found.set(chunk, position)
    position += chunk.byteLength
  }
  return position === bytes ? found : undefined
}

/** As fetch takes it; without a copy, unless threads share the memory. */
function overArrayBuffer(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const { buffer, byteOffset, byteLength } = bytes
  return buffer instanceof ArrayBuffer
    ? new Uint8Array(buffer, byteOffset, byteLength)
    : Uint8Array.from(bytes)
}

function sha256Of(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}
