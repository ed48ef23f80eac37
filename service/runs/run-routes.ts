import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { errorCodes } from '../../protocol/index.ts'
import {
  logPageDocument,
  logQuery,
  type Run,
  runDocument,
  runId,
  runLogLineSchema,
  runSchema,
  runStart,
  runStatus,
  runSummaryDocument,
  runSummarySchema,
  runWithDocsUrls,
  summaryWithDocsUrl,
} from './schema.ts'
import type { RunEvent, RunService } from './contract.ts'
import type { App } from '../platform/http/app.ts'
import { noteAudited } from '../platform/http/audit-trail.ts'
import { errorToWire, publicError } from '../platform/http/error-response.ts'
import { sendEvents, type ServerSentEvent } from '../platform/http/event-stream.ts'
import type { Followers } from '../platform/http/followers.ts'
import { bodyFailures, failures } from '../platform/http/failures.ts'
import {
  idempotencyHeaders,
  type RespondCreated,
  type Created,
} from '../platform/http/idempotency.ts'
import { name } from '../platform/fields.ts'
import { digits, pageQuery, pageSchema, pageToWire } from '../platform/lists.ts'
import { toWire } from '../platform/wire.ts'

export interface RunRouteOptions {
  readonly runs: RunService
  readonly answer: RespondCreated
  readonly closing: AbortSignal
  readonly heartbeatMs: number
  readonly followers: Followers
  /** Throws if the token of the request is no longer valid, or no longer has the right. */
  readonly stillAllowed: (request: FastifyRequest) => Promise<void>
}

const tags = ['runs']
const defaultLogLimit = 200

/** A run has two addresses: under its connection, and a short one. */
interface Address {
  readonly prefix: string
  /** Suffix of the operation ids. */
  readonly suffix: string
  readonly params: z.ZodType<RunPlace>
}
interface RunPlace {
  readonly name?: string | undefined
  readonly run: string
}
const addresses: readonly Address[] = [
  {
    prefix: '/connections/:name/runs/:run',
    suffix: 'OfConnection',
    params: z.object({ name, run: runId }),
  },
  { prefix: '/runs/:run', suffix: '', params: z.object({ run: runId }) },
]

export function runRoutes(api: App, options: RunRouteOptions): void {
  listRuns(api, options)
  startRun(api, options)
  for (const address of addresses) {
    getRun(api, options, address)
    runLogs(api, options, address)
    cancelAndRetry(api, options, address)
  }
}

function listRuns(api: App, { runs }: RunRouteOptions): void {
  api.get(
    '/connections/:name/runs',
    {
      config: { action: 'runs:read' },
      schema: {
        tags,
        operationId: 'listRuns',
        summary: 'Runs of a connection, newest first',
        params: z.object({ name }),
        querystring: z.strictObject({ ...pageQuery, status: runStatus.exactOptional() }),
        response: {
          200: pageSchema(runSummaryDocument).meta({ id: 'RunPage' }),
          ...failures('connection_not_found', 'cursor_invalid'),
        },
      },
    },
    async ({ params, query, docsBase }, reply) => {
      const { items, next } = await runs.list(params.name, query)
      const opened = items.map((run) => summaryWithDocsUrl(run, docsBase))
      return reply.send(pageToWire(runSummarySchema, { items: opened, next }))
    },
  )
}

function startRun(api: App, { runs, answer }: RunRouteOptions): void {
  api.post(
    '/connections/:name/runs',
    {
      config: { action: 'runs:start' },
      schema: {
        tags,
        operationId: 'startRun',
        summary: 'Queue a run',
        params: z.object({ name }),
        headers: idempotencyHeaders,
        body: runStart,
        response: {
          201: runDocument,
          ...failures(
            ...bodyFailures,
            'connection_not_found',
            'connection_inactive',
            'run_active',
            'idempotency_key_in_use',
            'idempotency_key_reused',
          ),
        },
      },
    },
    (request, reply) =>
      answer({ request, reply }, async () => {
        const { params, body } = request
        const run = await runs.start(params.name, body?.trigger)
        noteAudited(request, { details: { run: run.id } })
        return toCreated(run, request)
      }),
  )
}

function getRun(api: App, { runs }: RunRouteOptions, address: Address): void {
  api.get(
    address.prefix,
    {
      config: { action: 'runs:read' },
      schema: {
        tags,
        operationId: `getRun${address.suffix}`,
        summary: 'One run, with its streams',
        params: address.params,
        response: { 200: runDocument, ...failures('run_not_found') },
      },
    },
    async ({ params, docsBase }, reply) =>
      reply.send(runToWire(await runAt(runs, params), docsBase)),
  )
}

function runLogs(api: App, options: RunRouteOptions, address: Address): void {
  const { runs } = options
  api.get(
    `${address.prefix}/logs`,
    {
      config: { action: 'runs:read', lasting: true },
      exposeHeadRoute: false,
      schema: {
        tags,
        operationId: `getRunLogs${address.suffix}`,
        summary: 'Read a part of the log of a run, or follow it',
        description:
          'With `Accept: text/event-stream`: server-sent events `log` (a RunLogLine, its `seq` as id), `run` (the Run, when it changes), `end` (the run has ended) and `error`. `Last-Event-ID` resumes after an interruption.',
        params: address.params,
        querystring: logQuery,
        headers: lastEventHeaders,
        response: {
          200: {
            description: 'Lines, oldest first.',
            content: {
              'application/json': { schema: logPageDocument },
              'text/event-stream': { schema: z.string() },
            },
          },
          ...failures('run_not_found', 'too_many_followers'),
        },
      },
    },
    async (request, reply) => {
      const { params, query, headers } = request
      const run = await runAt(runs, params)
      const after = headers['last-event-id'] ?? query.after ?? 0
      if (request.raw.headers.accept?.includes('text/event-stream') === true) {
        const leave = options.followers.enter(request.principal?.id ?? '')
        reply.raw.once('close', leave)
        return follow(reply, { ...options, run, after, request })
      }
      const lines = await runs.logs(run.connection, run.id, after, query.limit ?? defaultLogLimit)
      return reply.send({
        items: lines.map((item) => toWire(runLogLineSchema, item)),
        next_after: lines.at(-1)?.seq ?? after,
      })
    },
  )
}

const lastEventHeaders = z.looseObject({
  'last-event-id': digits({ least: 0, most: Number.MAX_SAFE_INTEGER }).optional(),
})

function cancelAndRetry(api: App, { runs, answer }: RunRouteOptions, address: Address): void {
  const { prefix, suffix, params } = address
  api.post(
    `${prefix}/cancel`,
    {
      config: { action: 'runs:cancel' },
      schema: {
        tags,
        operationId: `cancelRun${suffix}`,
        summary: 'Drain to the last checkpoint and end; a queued run ends at once',
        params,
        response: { 200: runDocument, ...failures('run_not_found', 'run_ended') },
      },
    },
    async (request, reply) => {
      const run = await auditedRun(runs, request)
      const cancelled = await runs.cancel(run.connection, run.id)
      return reply.send(runToWire(cancelled, request.docsBase))
    },
  )
  api.post(
    `${prefix}/retry`,
    {
      config: { action: 'runs:start' },
      schema: {
        tags,
        operationId: `retryRun${suffix}`,
        summary: 'A new run of the streams that are not complete',
        params,
        headers: idempotencyHeaders,
        response: {
          201: runDocument,
          ...failures(
            'run_not_found',
            'connection_inactive',
            'run_active',
            'run_not_retryable',
            'idempotency_key_in_use',
            'idempotency_key_reused',
          ),
        },
      },
    },
    (request, reply) =>
      answer({ request, reply }, async () => {
        const ended = await auditedRun(runs, request)
        const run = await runs.retry(ended.connection, ended.id)
        noteAudited(request, { details: { run: run.id } })
        return toCreated(run, request)
      }),
  )
}

function runAt(runs: RunService, { name: connection, run }: RunPlace): Promise<Run> {
  return connection === undefined ? runs.find(run) : runs.get(connection, run)
}

/** A path with only the run's id does not name its connection: the audit log does. */
async function auditedRun(
  runs: RunService,
  request: FastifyRequest & { readonly params: RunPlace },
): Promise<Run> {
  const run = await runAt(runs, request.params)
  noteAudited(request, { name: run.connection })
  return run
}

function runToWire(run: Run, docsBase: string): z.output<typeof runDocument> {
  return toWire(runSchema, runWithDocsUrls(run, docsBase))
}

function toCreated(run: Run, { docsBase }: FastifyRequest): Created<z.output<typeof runDocument>> {
  const location = `/connect/v1/connections/${run.connection}/runs/${run.id}`
  return { body: runToWire(run, docsBase), headers: { location } }
}

interface Following extends RunRouteOptions {
  readonly run: Run
  readonly after: number
  readonly request: FastifyRequest
}

function follow(reply: FastifyReply, following: Following): FastifyReply {
  const { request, closing, heartbeatMs, stillAllowed } = following
  return sendEvents(reply, {
    events: (signal) => runEvents(following, signal),
    failed: (thrown) => {
      const error = publicError(thrown, request.id)
      if (errorCodes[error.code].httpStatus >= 500)
        reply.log.error({ err: thrown }, 'following a run failed')
      return { event: 'error', data: errorToWire(error, request) }
    },
    stillAllowed: () => stillAllowed(request),
    heartbeatMs,
    closing,
  })
}

async function* runEvents(
  { runs, run, after, request }: Following,
  signal: AbortSignal,
): AsyncGenerator<ServerSentEvent> {
  for await (const event of runs.follow(run.connection, run.id, after, signal)) {
    yield toServerSent(event, request)
  }
  if (!signal.aborted) yield { event: 'end', data: { id: run.id } }
}

function toServerSent(event: RunEvent, { docsBase }: FastifyRequest): ServerSentEvent {
  return event.type === 'log'
    ? { event: 'log', id: event.line.seq, data: toWire(runLogLineSchema, event.line) }
    : { event: 'run', data: runToWire(event.run, docsBase) }
}
