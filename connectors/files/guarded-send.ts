import { AddressGuard } from '../../manifest-interpreter/http/address-guard.ts'
import { TransportError } from '../../manifest-interpreter/http/transport-error.ts'
import type * as UndiciParts from '../../manifest-interpreter/http/undici-parts.ts'
import { BucketError, type SendRequest } from '../../storage/bucket-client.ts'

const connectTimeoutMs = 20_000
/** Between two parts of a response, and before the first. */
const partTimeoutMs = 60_000

/** Requests to public addresses and those of `allowedNetworks`. Dispose of it to close the connections. */
export class GuardedSend implements AsyncDisposable {
  readonly #guard: AddressGuard
  #agent: InstanceType<typeof UndiciParts.Agent> | undefined

  constructor(allowedNetworks: readonly string[]) {
    this.#guard = new AddressGuard(allowedNetworks)
  }

  readonly send: SendRequest = async ({ method, url, headers, body: sent, signal }) => {
    const { origin, hostname, pathname, search } = new URL(url)
    try {
      this.#guard.check(hostname)
      const { Agent, requestWith } = await import('../../manifest-interpreter/http/undici-parts.ts')
      this.#agent ??= new Agent({
        allowH2: false,
        connect: { timeout: connectTimeoutMs, lookup: this.#guard.lookup },
      })
      const response = await requestWith.call(this.#agent, {
        origin,
        path: pathname + search,
        method,
        headers,
        ...(sent !== undefined && { body: sent }),
        signal,
        headersTimeout: partTimeoutMs,
        bodyTimeout: partTimeoutMs,
      })
      const { statusCode: status, headers: received, body } = response
      return { status, header: (name) => textOf(received[name]), body }
    } catch (error) {
      const refusal = refusalIn(error)
      throw refusal === undefined ? error : new BucketError({ reason: refusal, isFinal: true })
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#agent?.destroy()
  }
}

function textOf(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header[0] : header
}

/** The message of the guard, which undici may have wrapped, without its full stop. */
function refusalIn(thrown: unknown): string | undefined {
  for (let cause: unknown = thrown; cause instanceof Error; cause = cause.cause)
    if (cause instanceof TransportError && cause.kind === 'refused-address')
      return cause.message.replace(/\.$/, '')
  return undefined
}
