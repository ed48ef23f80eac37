import type { IncomingMessage } from 'node:http'
import { ConnectError } from '../../../protocol/index.ts'
import { requestInvalid } from '../../platform/http/error-response.ts'

/** A number of bytes that all requests of a process share. */
export class ByteBudget {
  #free: number

  constructor(bytes: number) {
    this.#free = bytes
  }

  /** False if there are not as many. */
  take(bytes: number): boolean {
    if (bytes > this.#free) return false
    this.#free -= bytes
    return true
  }

  give(bytes: number): void {
    this.#free += bytes
  }
}

export interface RawBody extends Disposable {
  readonly bytes: Buffer
}

export interface RawBodyOptions {
  readonly maxBytes: number
  /** Its bytes are taken from this until the body is disposed of. */
  readonly budget: ByteBudget
}

/**
 * The body as it came. Throws `delivery_too_large`, `ingress_unavailable` if too many bytes are in the process already, and
 * `request_invalid` if it ends before its end; what follows is not read then, so the connection must be closed.
 */
export async function readRawBody(
  request: IncomingMessage,
  { maxBytes, budget }: RawBodyOptions,
): Promise<RawBody> {
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) throw tooLarge(maxBytes)
  const chunks: Buffer[] = []
  let length = 0
  const give = (): void => {
    budget.give(length)
    length = 0
  }
  const { promise, resolve, reject } = Promise.withResolvers<undefined>()
  const onData = (chunk: Buffer): void => {
    if (length + chunk.length > maxBytes) reject(tooLarge(maxBytes))
    else if (!budget.take(chunk.length)) reject(new ConnectError('ingress_unavailable'))
    else {
      length += chunk.length
      chunks.push(chunk)
    }
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
    await promise
  } catch (error) {
    request.pause()
    give()
    throw error
  } finally {
    request.off('data', onData).off('end', onEnd).off('close', onBroken)
  }
  const [first] = chunks
  const bytes = chunks.length === 1 && first !== undefined ? first : Buffer.concat(chunks)
  return { bytes, [Symbol.dispose]: give }
}

function tooLarge(limit: number): ConnectError {
  return new ConnectError('delivery_too_large', {
    details: { limit, setting: 'limits.ingress_bytes' },
  })
}
