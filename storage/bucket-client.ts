import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { AwsClient } from 'aws4fetch'
import { limitedText } from '../lib/net/limited-text.ts'
import { requestFailure } from '../protocol/index.ts'
import { failureIn, isFinal, type StorageFailure } from './storage-failure.ts'

/** A bucket, and how it is reached. Holds secrets: never to be logged. */
export interface BucketAddress {
  /** Scheme and host of the server, without a slash at its end. */
  readonly endpoint: string
  readonly bucket: string
  readonly region: string
  /** Whether the bucket is a part of the path, and not of the host name. */
  readonly isPathStyle: boolean
  /** Absent: requests are not signed, and only a public bucket can be read. */
  readonly credentials?: BucketCredentials | undefined
}

export interface BucketCredentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken?: string | undefined
}

export interface BucketRequest {
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE'
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: Uint8Array<ArrayBuffer>
  readonly signal: AbortSignal
}

export interface BucketResponse {
  readonly status: number
  header(name: string): string | undefined
  readonly body: AsyncIterable<Uint8Array>
}

/**
 * Sends a request: no redirect is followed, and the body of the response is as it was sent, whatever its
 * content encoding. Rejects if there is no response, or its body does not go on in time; with a `BucketError`
 * if another attempt would fail too.
 */
export type SendRequest = (request: BucketRequest) => Promise<BucketResponse>

export interface BucketClientOptions {
  readonly send: SendRequest
  readonly signal: AbortSignal
  /** In a row, without a byte in between. */
  readonly attempts?: number
  /** For tests. */
  readonly pauseMs?: (attempt: number) => number
}

/** A request to the bucket. Without a key, the bucket itself is meant. */
export interface BucketCall {
  readonly method?: BucketRequest['method']
  readonly key?: string
  readonly query?: Readonly<Record<string, string>>
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Uint8Array
}

/** A server's refusal, or its failure after all attempts. */
export class BucketError extends Error {
  readonly failure: StorageFailure

  constructor(failure: StorageFailure) {
    super(failure.reason)
    this.failure = failure
  }

  /** The object is no longer the version that was listed, or is gone. */
  get isOfChange(): boolean {
    const { status, code } = this.failure
    return status === 412 || (status === 404 && code !== 'NoSuchBucket')
  }
}

/** A list of 1,000 keys of 1,024 bytes. */
const maxTextBytes = 8 * 1024 * 1024
const maxPauseMs = 20_000
const emptyHash = createHash('sha256').update('').digest('hex')

/** Signed requests to one bucket. Throws `BucketError`, and the reason of the signal. */
export class BucketClient {
  readonly #address: BucketAddress
  readonly #client: AwsClient | undefined
  readonly #send: SendRequest
  readonly #signal: AbortSignal
  readonly #attempts: number
  readonly #pauseMs: (attempt: number) => number

  constructor(address: BucketAddress, options: BucketClientOptions) {
    const { credentials, region } = address
    this.#address = address
    this.#client = credentials && signerOf(credentials, region)
    this.#send = options.send
    this.#signal = options.signal
    this.#attempts = options.attempts ?? 5
    this.#pauseMs =
      options.pauseMs ??
      ((attempt) => Math.min(maxPauseMs, 250 * 2 ** attempt * (1 + Math.random())))
  }

  /** The text of a response that is a success, and its headers; what may succeed later is tried again. */
  async text(
    call: BucketCall,
  ): Promise<Pick<BucketResponse, 'header'> & { readonly text: string }> {
    for (let attempt = 1; ; attempt++) {
      try {
        const response = await this.respond(call)
        const text = await limitedText(response.body, maxTextBytes)
        return { text, header: (name) => response.header(name) }
      } catch (error) {
        await this.pause(error, attempt)
      }
    }
  }

  /** A response that is a success, asked for once. */
  async respond(call: BucketCall): Promise<BucketResponse> {
    const { method = 'GET', body } = call
    this.#signal.throwIfAborted()
    const url = this.#url(call)
    const bytes = body && overArrayBuffer(body)
    const hash = bytes === undefined ? emptyHash : sha256Of(bytes)
    const headers = { ...call.headers, 'x-amz-content-sha256': hash }
    const signed = await this.#client?.sign(url, { method, headers })
    const response = await this.#send({
      method,
      url: url.href,
      headers: signed === undefined ? headers : Object.fromEntries(signed.headers),
      signal: this.#signal,
      ...(bytes !== undefined && { body: bytes }),
    })
    if (response.status >= 200 && response.status < 300) return response
    const failure = failureIn(response.status, await limitedText(response.body, maxTextBytes))
    const region = failure.region ?? response.header('x-amz-bucket-region')
    throw new BucketError({ ...failure, region })
  }

  /** Waits before another attempt, or throws if there is none. */
  async pause(error: unknown, attempt: number): Promise<void> {
    this.#signal.throwIfAborted()
    const failure = error instanceof BucketError ? error.failure : { reason: requestFailure(error) }
    if (isFinal(failure) || attempt >= this.#attempts)
      throw error instanceof BucketError ? error : new BucketError(failure)
    await sleep(this.#pauseMs(attempt), undefined, { signal: this.#signal })
  }

  #url({ key = '', query = {} }: BucketCall): URL {
    const { endpoint, bucket, isPathStyle } = this.#address
    const base = new URL(endpoint)
    if (!isPathStyle) base.hostname = `${bucket}.${base.hostname}`
    const path = key.split('/').map(encodePart).join('/')
    const url = new URL(`${base.origin}/${isPathStyle ? `${bucket}/` : ''}${path}`)
    if (isPathStyle && key === '') url.pathname = `/${bucket}`
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value)
    return url
  }
}

/** The server of Amazon in a region, or another one. */
export function endpointOf({
  endpoint,
  region,
}: {
  readonly endpoint?: string | undefined
  readonly region: string
}): string {
  if (endpoint !== undefined) return endpoint.replace(/\/+$/, '')
  const domain = region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com'
  return `https://s3.${region}.${domain}`
}

function signerOf(credentials: BucketCredentials, region: string): AwsClient {
  const { accessKeyId, secretAccessKey, sessionToken } = credentials
  const token = sessionToken === undefined ? {} : { sessionToken }
  return new AwsClient({ accessKeyId, secretAccessKey, ...token, region, service: 's3' })
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

function encodePart(part: string): string {
  return encodeURIComponent(part).replaceAll(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}
