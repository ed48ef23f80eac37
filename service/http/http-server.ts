import { ConnectError } from '../../protocol/index.ts'
import type { App } from './app.ts'
import { buildApp } from './build-app.ts'
import type { HttpOptions } from './http-options.ts'

/** The HTTP surface on a socket. */
export class HttpServer implements AsyncDisposable {
  readonly #app: App
  /** `http://host:port`, without a slash at the end. */
  readonly url: string

  private constructor(app: App, url: string) {
    this.#app = app
    this.url = url
  }

  /** Port 0 takes a free one. Throws `bind_failed`. */
  static async listen(
    options: HttpOptions,
    address: { readonly host: string; readonly port: number },
  ): Promise<HttpServer> {
    const app = await buildApp(options)
    try {
      return new HttpServer(app, await app.listen({ host: address.host, port: address.port }))
    } catch (error) {
      await app.close()
      const reason = error instanceof Error && 'code' in error ? String(error.code) : String(error)
      throw new ConnectError('bind_failed', {
        details: { host: address.host, port: address.port, reason },
        cause: error,
      })
    }
  }

  /** Takes no new connection, ends event streams, and resolves when the answers under way are sent. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#app.close()
  }
}
