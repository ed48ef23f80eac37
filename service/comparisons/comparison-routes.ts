import type { FastifyRequest } from 'fastify'
import { z } from 'zod'
import { standardSecondLookMs } from '../../engine/compare/compare-options.ts'
import type { ComparisonReport } from '../../engine/compare/comparison-report.ts'
import { withDocsUrl } from '../platform/docs-url.ts'
import { name } from '../platform/fields.ts'
import type { App } from '../platform/http/app.ts'
import { bodyFailures, failures } from '../platform/http/failures.ts'
import type { ComparisonService } from './contract.ts'
import { type ComparisonDocument, comparisonDocument, comparisonInput } from './schema.ts'

/** `mayShowRows`: whether the caller may see keys and values of rows of this connection. */
export function comparisonRoutes(
  api: App,
  comparisons: ComparisonService,
  mayShowRows: (request: FastifyRequest, connection: string) => Promise<boolean>,
): void {
  api.post(
    '/connections/:name/compare',
    {
      config: { action: 'connections:sandbox' },
      schema: {
        tags: ['connections'],
        operationId: 'compareConnection',
        summary: 'Compare the rows of a PostgreSQL source with those of its tables',
        description:
          'Responds when it has ended, after two minutes at most: streams that were not compared by then have the status `stopped`. Nothing is changed or stored.',
        params: z.object({ name }),
        body: comparisonInput,
        response: {
          200: comparisonDocument,
          ...failures(
            ...bodyFailures,
            'connection_not_found',
            'stream_not_found',
            'comparison_refused',
            'comparison_limit_reached',
            'destination_not_available',
            'destination_unreachable',
            'source_timed_out',
            'credentials_missing',
            'reauthorization_required',
          ),
        },
      },
    },
    async (request) => {
      const { streams, examples, values, second_look: looksAgain } = request.body
      const connection = request.params.name
      const isShown = await mayShowRows(request, connection)
      const report = await comparisons.compare(connection, {
        ...(streams !== undefined && { streams }),
        options: {
          examples: isShown ? examples : 0,
          withValues: isShown && values,
          secondLookMs: looksAgain ? standardSecondLookMs : null,
        },
      })
      return toDocument(report, request.docsBase)
    },
  )
}

function toDocument(
  { streams, ...report }: ComparisonReport,
  docsBase: string,
): ComparisonDocument {
  const documents = streams.map((stream) => ({
    ...stream,
    error: stream.error && withDocsUrl(stream.error, docsBase),
  }))
  return structuredClone({ ...report, streams: documents }) as ComparisonDocument
}
