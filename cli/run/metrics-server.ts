import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { collectDefaultMetrics, Registry } from 'prom-client'
import { createRunMetrics } from '../../engine/metrics/registered-metrics.ts'
import type { RunMetrics } from '../../engine/metrics/run-metrics.ts'
import { ConnectError } from '../../protocol/index.ts'
import { errorCodeOf } from '../../lib/files/error-code.ts'
import { isLoopback } from '../../lib/net/loopback.ts'

/** Serves the metrics of a run at `GET /metrics` on 127.0.0.1 while it goes on. */
export class MetricsServer implements AsyncDisposable {
  readonly #server: Server
  /** Where to scrape. */
  readonly url: string
  readonly metrics: RunMetrics

  private constructor(server: Server, port: number, metrics: RunMetrics) {
    this.#server = server
    this.metrics = metrics
    this.url = `http://127.0.0.1:${String(port)}/metrics`
  }

  /** `port` 0 takes a free one. Throws `metrics_port_unavailable`. */
  static async listen(port: number): Promise<MetricsServer> {
    const registry = new Registry()
    const metrics = createRunMetrics(registry)
    collectDefaultMetrics({ register: registry })
    const server = createServer((request, response) => {
      // A page of another site whose name points to this machine sends its own name.
      if (!isForThisMachine(request.headers.host)) {
        response.writeHead(403).end('The metrics are at 127.0.0.1 and localhost only.\n')
        return
      }
      if (request.method !== 'GET' || request.url !== '/metrics') {
        response.writeHead(404).end()
        return
      }
      registry.metrics().then(
        (text) => response.writeHead(200, { 'content-type': registry.contentType }).end(text),
        () => response.writeHead(500).end(),
      )
    })
    server.listen(port, '127.0.0.1')
    try {
      await once(server, 'listening')
    } catch (error) {
      const reason = errorCodeOf(error) ?? String(error)
      throw new ConnectError('metrics_port_unavailable', {
        details: { port, reason },
        cause: error,
      })
    }
    const address = server.address()
    return new MetricsServer(
      server,
      typeof address === 'object' && address !== null ? address.port : port,
      metrics,
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}

function isForThisMachine(host = ''): boolean {
  const url = `http://${host}`
  return URL.canParse(url) && isLoopback(new URL(url).hostname)
}
