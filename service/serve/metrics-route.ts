import type { onRequestAsyncHookHandler } from 'fastify'
import { z } from 'zod'
import type { App } from '../platform/http/app.ts'
import { failures } from '../platform/http/failures.ts'
import type { HttpOptions } from './http-options.ts'

/** Requires a key, like all routes: the labels name connections and streams. */
export function metricsRoute(
  app: App,
  guards: readonly onRequestAsyncHookHandler[],
  { metrics, refreshMetrics }: Pick<HttpOptions, 'metrics' | 'refreshMetrics'>,
): void {
  app.get(
    '/metrics',
    {
      onRequest: [...guards],
      config: { action: 'metrics:read' },
      schema: {
        tags: ['service'],
        operationId: 'getMetrics',
        summary: 'Metrics, for Prometheus',
        response: {
          200: {
            description: 'The text format of Prometheus.',
            content: { 'text/plain': { schema: z.string() } },
          },
          ...failures(),
        },
      },
    },
    async (_request, reply) => {
      await refreshMetrics?.()
      return reply.header('content-type', metrics.contentType).send(await metrics.metrics())
    },
  )
}
