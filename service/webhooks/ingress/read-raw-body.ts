import type { IncomingMessage } from 'node:http'
import { ConnectError } from '../../../protocol/index.ts'
import { requestInvalid } from '../../platform/http/error-response.ts'
import type { ByteBudget } from './byte-budget.ts'

/**
 * The memory that a delivery needs beside its body: its headers and its place in a queue. An upper estimate.
 */
export const besideBodyBytes = 8 * 1024
/** The first size of a buffer whose body comes in tiny pieces. */
const smallestBuffer = 1024
/** A body must go on: each started 256 KiB has to come in this time. */
const pieceBytes = 256 * 1024
const defaultPieceMs = 5_000

export interface RawBody extends Disposable {
  readonly bytes: Buffer
  /** Its bytes stay taken until the work has settled, also if it is disposed of before. */
  holdFor(work: Promise<unknown>): void
}

export interface RawBodyOptions {
  readonly maxBytes: number
  /** Its bytes are taken from this, for the holder, until the body is disposed of. */
  readonly budget: ByteBudget
  readonly holder: string
  /** Default: 5 s. */
  readonly pieceMs?: number
}

/**
 * The body as it came. Throws `delivery_too_large`, `delivery_too_slow`, `ingress_unavailable` if too many
 * bytes are in the process or of the holder already, and `request_invalid` if it ends before its end; what
 * follows is not read then, so the connection must be closed.
 */
export async function readRawBody(
  request: IncomingMessage,
  { maxBytes, budget, holder, pieceMs = defaultPieceMs }: RawBodyOptions,
): Promise<RawBody> {
  const announced = request.headers['content-length']
  if (Number(announced ?? 0) > maxBytes) throw tooLarge(maxBytes)
  const body = new CountedBody({ budget, holder, expected: Number(announced ?? maxBytes) })
  const { promise, resolve, reject } = Promise.withResolvers<undefined>()
  const timer = setTimeout(() => {
    reject(new ConnectError('delivery_too_slow'))
  }, pieceMs)
  const onData = (chunk: Buffer): void => {
    const before = body.length
    if (before + chunk.length > maxBytes) reject(tooLarge(maxBytes))
    else if (!body.add(chunk)) reject(new ConnectError('ingress_unavailable'))
    else if (Math.floor(body.length / pieceBytes) > Math.floor(before / pieceBytes)) timer.refresh()
  }
  const onBroken = (): void => {
    reject(requestInvalid(['body: it ended too early']))
  }
  const onEnd = (): void => {
    // Its 'close' comes before anybody who awaits the promise is called.
    request.off('close', onBroken)
    resolve(undefined)
  }
  request.on('data', onData).once('end', onEnd).once('error', onBroken).once('close', onBroken)
  try {
    if (!body.begin()) throw new ConnectError('ingress_unavailable')
    await promise
    return body
  } catch (error) {
    request.pause()
    body[Symbol.dispose]()
    throw error
  } finally {
    clearTimeout(timer)
    request.off('data', onData).off('end', onEnd).off('close', onBroken)
  }
}

interface CountedBodyOptions extends Pick<RawBodyOptions, 'budget' | 'holder'> {
  /** The length that it has, or the longest that it may have. */
  readonly expected: number
}

/**
 * One buffer, which grows. The pieces are copied: each of them would hold memory that nobody counts, hundreds
 * of bytes for a piece of one. It doubles up to the length that was announced: an announcement alone takes
 * nothing from others.
 */
class CountedBody implements RawBody {
  readonly #options: CountedBodyOptions
  #buffer = Buffer.alloc(0)
  #length = 0
  #taken = 0
  #users = 1
  #isDisposed = false

  constructor(options: CountedBodyOptions) {
    this.#options = options
  }

  get length(): number {
    return this.#length
  }

  get bytes(): Buffer {
    return this.#buffer.subarray(0, this.#length)
  }

  /** False if there is no room for another delivery. */
  begin(): boolean {
    return this.#take(besideBodyBytes)
  }

  /** False if there is no room for it. */
  add(chunk: Buffer): boolean {
    const needed = this.#length + chunk.length
    if (needed > this.#buffer.length && !this.#grow(needed)) return false
    chunk.copy(this.#buffer, this.#length)
    this.#length = needed
    return true
  }

  holdFor(work: Promise<unknown>): void {
    this.#users += 1
    const release = (): void => {
      this.#release()
    }
    work.then(release, release)
  }

  [Symbol.dispose](): void {
    if (this.#isDisposed) return
    this.#isDisposed = true
    this.#release()
  }

  #grow(needed: number): boolean {
    const doubled = Math.max(smallestBuffer, 2 * this.#buffer.length)
    const size = Math.max(needed, Math.min(doubled, this.#options.expected))
    if (!this.#take(size - this.#buffer.length)) return false
    // Not from Node's pool: a part of that would hold all of it.
    const larger = Buffer.allocUnsafeSlow(size)
    this.#buffer.copy(larger, 0, 0, this.#length)
    this.#buffer = larger
    return true
  }

  #take(bytes: number): boolean {
    const { budget, holder } = this.#options
    if (!budget.take(holder, bytes)) return false
    this.#taken += bytes
    return true
  }

  #release(): void {
    this.#users -= 1
    if (this.#users > 0) return
    this.#options.budget.give(this.#options.holder, this.#taken)
    this.#taken = 0
  }
}

function tooLarge(limit: number): ConnectError {
  return new ConnectError('delivery_too_large', {
    details: { limit, setting: 'limits.ingress_bytes' },
  })
}
