import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { ConnectError } from '../../protocol/index.ts'
import type { App } from '../platform/http/app.ts'
import { noteAudited } from '../platform/http/audit-trail.ts'
import { principalOf } from '../platform/http/authentication.ts'
import { errorToWire } from '../platform/http/error-response.ts'
import { bodyFailures, failures } from '../platform/http/failures.ts'
import { name } from '../platform/fields.ts'
import { pageQuery, pageSchema, pageToWire } from '../platform/lists.ts'
import {
  finishedSandboxDocument,
  finishedSandboxToWire,
  promoteInput,
  promotionDocument,
  sandboxDocument,
  sandboxId,
  sandboxInput,
  sandboxRowsDocument,
  sandboxRowsToWire,
  sandboxSummaryDocument,
  sandboxSummarySchema,
  sandboxToWire,
  standardLimitRows,
} from './schema.ts'
import { withoutRows } from './without-rows.ts'
import type { Moved } from './promotion-binding.ts'
import type { Promotion, SandboxService } from './contract.ts'
import { connectionSchema, withDocsUrls } from '../connections/schema.ts'
import { runSchema, runWithDocsUrls } from '../runs/schema.ts'
import { withDocsUrl } from '../platform/docs-url.ts'
import { toWire } from '../platform/wire.ts'

const tags = ['sandboxes']
const ofConnection = z.object({ name })
const oneSandbox = z.object({ name, id: sandboxId })

/** Errors that may keep source and destination from being read, as for a run. */
const readFailures = [
  'stream_not_found',
  'destination_not_available',
  'destination_unreachable',
  'destination_permission_denied',
  'source_timed_out',
  'credentials_missing',
  'reauthorization_required',
] as const

/** `mayShowRows`: whether the caller may see the rows that a sandbox of this connection found. */
export function sandboxRoutes(api: App, sandboxes: SandboxService, mayShowRows: MayShowRows): void {
  runSandbox(api, sandboxes, mayShowRows)
  lookAtSandboxes(api, sandboxes)
  sandboxRows(api, sandboxes)
  deleteSandbox(api, sandboxes)
  promote(api, sandboxes)
}

type MayShowRows = (request: FastifyRequest, connection: string) => Promise<boolean>

function runSandbox(api: App, sandboxes: SandboxService, mayShowRows: MayShowRows): void {
  api.post(
    '/connections/:name/sandbox',
    {
      config: { action: 'connections:sandbox' },
      schema: {
        tags,
        operationId: 'runSandbox',
        summary: 'Read some rows into a temporary schema, and report what a run would change',
        description:
          'Responds when it has ended, after two minutes at most. The tables and checkpoints of the connection do not change. It does not accept an `Idempotency-Key`: its response contains a token, and rows if you may see them (`connections:sandbox-rows`), and is not stored.',
        params: ofConnection,
        body: sandboxInput,
        response: {
          201: finishedSandboxDocument,
          ...failures(
            ...bodyFailures,
            'connection_not_found',
            'sandbox_active',
            'sandbox_limit_reached',
            'sandbox_timed_out',
            'sandbox_stopped',
            ...readFailures,
          ),
        },
      },
    },
    async (request, reply) => {
      const { limit_rows: limitRows = standardLimitRows, streams } = request.body ?? {}
      const connection = request.params.name
      const sandbox = await sandboxes.run(connection, {
        limitRows,
        principal: principalOf(request).id,
        ...(streams !== undefined && { streams }),
      })
      noteAudited(request, { details: { sandbox: sandbox.id } })
      const shown = (await mayShowRows(request, connection))
        ? sandbox
        : { ...sandbox, report: withoutRows(sandbox.report) }
      return reply
        .code(201)
        .header('location', `/connect/v1/connections/${connection}/sandboxes/${sandbox.id}`)
        .send(finishedSandboxToWire(shown, request.docsBase))
    },
  )
}

function lookAtSandboxes(api: App, sandboxes: SandboxService): void {
  api.get(
    '/connections/:name/sandboxes',
    {
      config: { action: 'connections:read' },
      schema: {
        tags,
        operationId: 'listSandboxes',
        summary: 'Sandboxes of a connection, newest first',
        params: ofConnection,
        querystring: z.strictObject(pageQuery),
        response: {
          200: pageSchema(sandboxSummaryDocument).meta({ id: 'SandboxPage' }),
          ...failures('connection_not_found', 'cursor_invalid'),
        },
      },
    },
    async ({ params, query }, reply) => {
      const page = await sandboxes.list(params.name, query)
      return reply.send(pageToWire(sandboxSummarySchema, page))
    },
  )
  api.get(
    '/connections/:name/sandboxes/:id',
    {
      config: { action: 'connections:read' },
      schema: {
        tags,
        operationId: 'getSandbox',
        summary: 'Get the report of a sandbox, without its token and without rows',
        params: oneSandbox,
        response: { 200: sandboxDocument, ...failures('sandbox_not_found') },
      },
    },
    async ({ params, docsBase }, reply) =>
      reply.send(sandboxToWire(await sandboxes.get(params.name, params.id), docsBase)),
  )
}

function sandboxRows(api: App, sandboxes: SandboxService): void {
  api.get(
    '/connections/:name/sandboxes/:id/rows',
    {
      config: { action: 'connections:sandbox-rows' },
      schema: {
        tags,
        operationId: 'getSandboxRows',
        summary: 'Get the rows of its report, by stream; they are deleted with its schema',
        params: oneSandbox,
        response: {
          200: sandboxRowsDocument,
          ...failures(
            'sandbox_not_found',
            'sandbox_rows_gone',
            'destination_not_available',
            'destination_unreachable',
          ),
        },
      },
    },
    async ({ params }, reply) =>
      reply.send(sandboxRowsToWire(await sandboxes.rows(params.name, params.id))),
  )
}

function deleteSandbox(api: App, sandboxes: SandboxService): void {
  api.delete(
    '/connections/:name/sandboxes/:id',
    {
      config: { action: 'connections:sandbox-delete' },
      schema: {
        tags,
        operationId: 'deleteSandbox',
        summary: 'Drop its rows and revoke its token; a running sandbox is stopped',
        description: 'An agent can delete only sandboxes that it ran.',
        params: oneSandbox,
        response: {
          204: z.null().meta({ description: 'It is deleted.' }),
          ...failures('sandbox_not_found', 'sandbox_of_another'),
        },
      },
    },
    async (request, reply) => {
      const { params } = request
      const { id, kind } = principalOf(request)
      await sandboxes.delete(params.name, params.id, kind === 'agent' ? { onlyOf: id } : {})
      return reply.code(204).send(null)
    },
  )
}

function promote(api: App, sandboxes: SandboxService): void {
  api.post(
    '/connections/:name/promote',
    {
      // An outdated promotion runs a sandbox, which has its own limit, after the source was queried.
      config: { action: 'connections:promote', lasting: true },
      schema: {
        tags,
        operationId: 'promoteSandbox',
        summary:
          'Apply the changes that a sandbox previewed: activate the connection and start its first run',
        description:
          'If something has changed since the sandbox: 409 `promote_outdated` with `details.moved`, and in `details.sandbox` a new sandbox (a FinishedSandbox) with a new token, or in `details.sandbox_error` why there is none.',
        params: ofConnection,
        body: promoteInput,
        response: {
          200: promotionDocument,
          ...failures(
            ...bodyFailures,
            'connection_not_found',
            'promote_token_invalid',
            'promote_token_used',
            'promote_token_expired',
            'promote_token_replaced',
            'promote_outdated',
            'run_active',
            ...readFailures,
          ),
        },
      },
    },
    async (request, reply) => {
      const connectionName = request.params.name
      const promotion = await sandboxes.promote(connectionName, {
        token: request.body.token,
        principal: principalOf(request).id,
      })
      const { sandbox } = promotion
      noteAudited(request, { details: { sandbox } })
      if (promotion.state === 'outdated')
        return sendOutdated({ request, reply }, connectionName, promotion)
      const { connection, run } = promotion
      noteAudited(request, { details: { sandbox, run: run.id } })
      return reply.send({
        connection: toWire(connectionSchema, withDocsUrls(connection, request.docsBase)),
        run: toWire(runSchema, runWithDocsUrls(run, request.docsBase)),
      })
    },
  )
}

const movedThings: Readonly<Record<Moved, string>> = {
  connection: 'the connection',
  instance: 'the configuration of the instance',
  source_schema: 'the schema of the source',
  destination: 'the destination',
  run: 'the last run',
  program: 'the version of Reactor Connect',
}

function sendOutdated(
  { request, reply }: { readonly request: FastifyRequest; readonly reply: FastifyReply },
  connection: string,
  { moved, again }: Extract<Promotion, { state: 'outdated' }>,
): FastifyReply {
  const what = moved.map((thing) => movedThings[thing]).join(', ')
  const details = { connection, moved, what }
  const { error } = errorToWire(new ConnectError('promote_outdated', { details }), request)
  const { docsBase } = request
  const outcome =
    'sandbox' in again
      ? { sandbox: finishedSandboxToWire(again.sandbox, docsBase) }
      : { sandbox_error: withDocsUrl(again.error, docsBase) }
  return reply.code(409).send({ error: { ...error, details: { ...details, ...outcome } } })
}
