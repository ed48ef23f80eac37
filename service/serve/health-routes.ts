import { z } from 'zod'
import type { HealthService } from '../service.ts'
import type { App } from '../platform/http/app.ts'

const healthDocument = z.object({ status: z.enum(['live', 'not_live']) }).meta({ id: 'Health' })
const readinessDocument = z
  .object({
    status: z.enum(['ready', 'not_ready']),
    problems: z.array(z.string()),
    warnings: z.array(z.string()).meta({
      description:
        'What does not work although requests can be served: the external Jobs or Data service is unavailable, or files of the embedded vault are damaged or cannot be read.',
    }),
  })
  .meta({ id: 'Readiness' })

/** For process supervisors: without a key. */
export function healthRoutes(app: App, health: HealthService): void {
  const anonymous = { config: { anonymous: true } } as const
  const about = { tags: ['service'], security: [] }
  app.get(
    '/healthz',
    {
      ...anonymous,
      schema: {
        ...about,
        operationId: 'getHealth',
        summary: 'Liveness: restart the process on 503',
        response: { 200: healthDocument, 503: healthDocument },
      },
    },
    async (_request, reply) =>
      health.live()
        ? reply.code(200).send({ status: 'live' })
        : reply.code(503).send({ status: 'not_live' }),
  )
  app.get(
    '/readyz',
    {
      ...anonymous,
      schema: {
        ...about,
        operationId: 'getReadiness',
        summary: 'Readiness: send no requests on 503',
        response: { 200: readinessDocument, 503: readinessDocument },
      },
    },
    async (_request, reply) => {
      const report = await health.report()
      const findings = { problems: [...report.problems], warnings: [...report.warnings] }
      return findings.problems.length === 0
        ? reply.code(200).send({ status: 'ready', ...findings })
        : reply.code(503).send({ status: 'not_ready', ...findings })
    },
  )
}
