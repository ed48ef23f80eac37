import { markedUtf8Text } from '../../lib/text/utf8-text.ts'
import type { HttpRequest } from './http-request.ts'
import { joined, readHead } from './body-head.ts'
import { TransportError } from './transport-error.ts'
import { parseJson, parsePlainJson } from '../value/json.ts'
import type { Value } from '../value/value.ts'
import { charsetOf, decodeJsonText, decodeText } from './decode-text.ts'
import type { ResponseHeaders } from './response-headers.ts'

/**
 * A response whose head has arrived. Its body is read once: whole, and then held, or as a stream, and then
 * gone.
 */
export class HttpResponse {
  readonly status: number
  readonly reason: string
  readonly headers: ResponseHeaders
  /** The URL from which it came: the last URL if redirects were followed. */
  readonly url: string
  /** The response came from the cache of a stream's responses: nothing was sent. */
  readonly fromCache: boolean
  /** The request that was sent: templates of async jobs look at it. */
  request: HttpRequest | undefined
  /** The error handler says IGNORE: that it holds no records is what the manifest expects. */
  isIgnored = false
  readonly #maxBytes: number
  #source: Uint8Array | AsyncIterable<Uint8Array>
  #release: (() => Promise<unknown>) | undefined
  #streamed = false
  #bytes: Promise<Uint8Array> | undefined
  #json: Promise<Value> | undefined
  #plainJson: Value | undefined

  constructor(options: HttpResponseOptions) {
    this.status = options.status
    this.reason = options.reason ?? ''
    this.headers = options.headers
    this.url = options.url
    this.fromCache = options.fromCache ?? false
    this.#maxBytes = options.maxBytes ?? DEFAULT_MAX_BYTES
    this.#source = options.body
    this.#release = options.release
  }

  /** Below 400, as Python's `requests` has it. */
  get ok(): boolean {
    return this.status < 400
  }

  /**
   * The body, decompressed. Rejects with a TransportError if the connection breaks or the body is too large.
   */
  bytes(): Promise<Uint8Array> {
    this.#bytes ??= this.#read()
    return this.#bytes
  }

  /** The body, where all of it is held anyway. */
  held(): Promise<Uint8Array | undefined> {
    if (this.#bytes !== undefined) return this.#bytes
    return Promise.resolve(this.#source instanceof Uint8Array ? this.#source : undefined)
  }

  /** The body as text, decoded as Python's `requests` does it. */
  async text(): Promise<string> {
    return decodeText(await this.bytes(), this.headers.text('content-type'))
  }

  /** The body as JSON. Rejects with a `SyntaxError` if it is none. */
  json(): Promise<Value> {
    this.#json ??= this.bytes().then((bytes) => {
      const contentType = this.headers.text('content-type')
      this.#plainJson = plainJson(bytes, contentType)
      return this.#plainJson ?? parseJson(decodeJsonText(bytes, contentType))
    })
    return this.#json
  }

  /**
   * The result of `json`, if every decoder reads the same: an error handler parses each page before a decoder
   * does. Undefined if `json` gave none, or decoders might differ. Its records are changed later: only code
   * that looks at the response before that may use `json`.
   */
  get plainJson(): Value | undefined {
    return this.#plainJson
  }

  /**
   * Reads at least this many bytes of the body ahead: all later reads of it begin with them. Rejects with a
   * TransportError if the connection breaks before.
   */
  async readAhead(bytes: number): Promise<void> {
    if (bytes === Number.POSITIVE_INFINITY) await this.bytes()
    if (bytes === 0 || this.#bytes !== undefined || this.#source instanceof Uint8Array) return
    const { head, rest } = await readHead(this.#source, bytes)
    if (rest === null) this.#bytes = Promise.resolve(head)
    else {
      this.#source = joined(head, rest)
      this.#release = async () => rest.return?.()
    }
  }

  /** The body, decompressed, as it arrives. Once only, unless all of it has been read before. */
  async *stream(): AsyncIterable<Uint8Array> {
    if (this.#bytes !== undefined) {
      yield await this.#bytes
      return
    }
    yield* this.#take()
  }

  /** Frees the connection if nobody wants the rest of the body. */
  async discard(): Promise<void> {
    if (this.#streamed || this.#bytes !== undefined || this.#source instanceof Uint8Array) return
    this.#streamed = true
    await this.#release?.()
  }

  async #read(): Promise<Uint8Array> {
    if (this.#source instanceof Uint8Array) return this.#source
    const chunks: Uint8Array[] = []
    let length = 0
    for await (const chunk of this.#take()) {
      length += chunk.length
      if (length > this.#maxBytes)
        throw new TransportError(
          'limit',
          `The response is larger than ${sizeText(this.#maxBytes)}. Ask the API for smaller pages.`,
        )
      chunks.push(chunk)
    }
    return chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks)
  }

  #take(): AsyncIterable<Uint8Array> {
    const source = this.#source
    if (source instanceof Uint8Array) return once(source)
    if (this.#streamed) throw new TypeError('The body of the response has been read already.')
    this.#streamed = true
    return source
  }
}

/**
 * The value of a body in valid UTF-8 that nothing declares to be something else. Text of another encoding
 * that looks like UTF-8 is not JSON when read as UTF-8.
 */
function plainJson(bytes: Uint8Array, contentType: string | undefined): Value | undefined {
  if (!/^utf-?8$/i.test(charsetOf(contentType) ?? 'utf-8')) return undefined
  const text = markedUtf8Text(bytes)
  return text === undefined ? undefined : parsePlainJson(text)
}

export interface HttpResponseOptions {
  readonly status: number
  readonly reason?: string
  readonly headers: ResponseHeaders
  readonly url: string
  /** Decompressed. Ending the iteration early frees the connection. */
  readonly body: Uint8Array | AsyncIterable<Uint8Array>
  /** Frees the connection of a body that nobody has begun to read. */
  readonly release?: () => Promise<void>
  readonly fromCache?: boolean
  /** How much of a body may be held in memory. */
  readonly maxBytes?: number
}

const MEGABYTE = 1024 * 1024
const DEFAULT_MAX_BYTES = 512 * MEGABYTE

function sizeText(bytes: number): string {
  return bytes < MEGABYTE ? `${bytes} bytes` : `${bytes / MEGABYTE} MB`
}

async function* once(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  yield await Promise.resolve(bytes)
}
