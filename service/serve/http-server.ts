import { once } from 'node:events'
import { createServer } from 'node:net'
import { ConnectError } from '../../protocol/index.ts'
import type { App } from '../platform/http/app.ts'
import { buildApp } from './build-app.ts'
import type { HttpOptions } from './http-options.ts'
import { defaultCloseTimeoutMs, lookForIdleMs } from '../platform/http/limits.ts'
import { errorCodeOf } from '../../lib/files/error-code.ts'

interface SocketAddress {
  readonly host: string
  readonly port: number
}

/** Throws `bind_failed` if nobody could listen there now: before a start does anything that takes long. */
export async function requireBindable(address: SocketAddress): Promise<void> {
  const server = createServer()
  server.listen({ host: address.host, port: address.port })
  try {
    await once(server, 'listening')
  } catch (error) {
    throw bindFailed(address, error)
  }
  server.close()
  await once(server, 'close')
}

function bindFailed({ host, port }: SocketAddress, error: unknown): ConnectError {
  const reason = errorCodeOf(error) ?? String(error)
  return new ConnectError('bind_failed', { details: { host, port, reason }, cause: error })
}

/** The HTTP surface on a socket. */
export class HttpServer implements AsyncDisposable {
  readonly #app: App
  readonly #closeTimeoutMs: number
  /** `http://host:port`, without a slash at the end. */
  readonly url: string

  private constructor(app: App, url: string, closeTimeoutMs: number) {
    this.#app = app
    this.url = url
    this.#closeTimeoutMs = closeTimeoutMs
  }

  /** Port 0 picks a free one. Throws `bind_failed`. */
  static async listen(options: HttpOptions, address: SocketAddress): Promise<HttpServer> {
    const app = await buildApp(options)
    try {
      const url = await app.listen({ host: address.host, port: address.port })
      return new HttpServer(app, url, options.closeTimeoutMs ?? defaultCloseTimeoutMs)
    } catch (error) {
      await app.close()
      throw bindFailed(address, error)
    }
  }

  /**
   * Accepts no new connection, ends event streams, and resolves when the responses in progress are sent. A
   * client that does not read its response is cut off in the end.
   */
  async [Symbol.asyncDispose](): Promise<void> {
    const { server } = this.#app
    // Node closes connections that are idle when it starts to close, not those that become idle later.
    const idle = setInterval(() => {
      server.closeIdleConnections()
    }, lookForIdleMs)
    const deadline = setTimeout(() => {
      server.closeAllConnections()
    }, this.#closeTimeoutMs)
    await this.#app.close()
    clearInterval(idle)
    clearTimeout(deadline)
  }
}
