import { Histogram, type Registry } from 'prom-client'
import type { onResponseHookHandler } from 'fastify'

/** Times requests by route pattern: no name, id or query becomes a label. */
export function requestMetrics(registry: Registry): onResponseHookHandler {
  const duration = new Histogram({
    name: 'reactor_connect_http_request_duration_seconds',
    help: 'Time from the head of a request to the end of its answer; event streams are not counted.',
    labelNames: ['method', 'route', 'status'] as const,
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60],
    registers: [registry],
  })
  return (request, reply, done) => {
    if (request.routeOptions.config.lasting !== true) {
      const route = request.routeOptions.url ?? 'none'
      const status = String(reply.statusCode)
      duration.labels(request.method, route, status).observe(reply.elapsedTime / 1000)
    }
    done()
  }
}
