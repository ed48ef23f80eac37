import type { FastifyReply } from 'fastify'
import { z } from 'zod'
import { ConnectError } from '../../protocol/index.ts'
import type { App } from '../platform/http/app.ts'
import { maxNameLength, noteAudited } from '../platform/http/audit-trail.ts'
import { principalOf } from '../platform/http/authentication.ts'
import type { InvokedCalls } from '../platform/http/authorization.ts'
import { bodyFailures, failures } from '../platform/http/failures.ts'
import { requestedInvocation } from '../platform/http/requested-resource.ts'
import { requestInvalid } from '../platform/http/error-response.ts'
import { name } from '../platform/fields.ts'
import { toWire } from '../platform/wire.ts'
import { actionDescriptorSchema } from '../../connectors/descriptor-schema.ts'
import type { ActionService, PreparedCall } from './contract.ts'
import {
  actionDocument,
  actionListDocument,
  actionListSchema,
  actionName,
  dryRunSchema,
  invocationSchema,
  invokeDocument,
  invokeHeaders,
  invokeInput,
} from './schema.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** The call of an action, as the policy saw it. */
    preparedCall: PreparedCall | null
  }
}

/**
 * Looks up the call of a request for the policy; the route then carries out what the policy saw, and the
 * audit log has the same.
 */
export function invokedCalls(actions: Pick<ActionService, 'prepare'>): InvokedCalls {
  return {
    contextOf: async (request) => {
      const principal = principalOf(request)
      const requested = requestedInvocation(request)
      const call = await actions.prepare({ ...requested, principal })
      request.preparedCall = call
      request.invocationFacts = {
        invoked: requested.action.slice(0, maxNameLength),
        ...(requested.dryRun !== undefined && { dryRun: true }),
        ...call.facts,
      }
      return call.context
    },
  }
}

const tags = ['actions']
const ofInstance = z.object({ name })
const oneAction = z.object({ name, action: actionName })

export function actionRoutes(api: App, actions: ActionService): void {
  listActions(api, actions)
  getAction(api, actions)
  invokeAction(api)
}

function listActions(api: App, actions: ActionService): void {
  api.get(
    '/instances/:name/actions',
    {
      config: { action: 'instances:read' },
      schema: {
        tags,
        operationId: 'listActions',
        summary: 'The actions of an instance',
        params: ofInstance,
        querystring: z.strictObject({}),
        response: { 200: actionListDocument, ...failures('instance_not_found') },
      },
    },
    async ({ params }, reply) => {
      const items = await actions.list(params.name)
      return reply.send(toWire(actionListSchema, { items, nextCursor: null }))
    },
  )
}

function getAction(api: App, actions: ActionService): void {
  api.get(
    '/instances/:name/actions/:action',
    {
      config: { action: 'instances:read' },
      schema: {
        tags,
        operationId: 'getAction',
        summary: 'An action: the schemas of its input and output, its effect, its dry-run',
        params: oneAction,
        response: {
          200: actionDocument,
          ...failures('instance_not_found', 'action_not_found'),
        },
      },
    },
    async ({ params }, reply) =>
      reply.send(toWire(actionDescriptorSchema, await actions.get(params.name, params.action))),
  )
}

const invokeFailures = [
  'instance_not_found',
  'action_not_found',
  'action_input_invalid',
  'action_account_changed',
  'credentials_missing',
  'reauthorization_required',
  'action_address_refused',
  'action_refused',
  'action_declined',
  'action_credentials_refused',
  'action_permission_denied',
  'action_rate_limited',
  'action_unavailable',
  'action_outcome_unknown',
  'action_response_unreadable',
  'dry_run_unsupported',
  'dry_run_token_invalid',
  'dry_run_token_expired',
  'dry_run_token_used',
  'idempotency_key_in_use',
  'idempotency_key_reused',
] as const

function invokeAction(api: App): void {
  api.post(
    '/instances/:name/actions/:action/invoke',
    {
      // It has a time of its own, for each request that it sends.
      config: { action: 'actions:invoke', lasting: true },
      schema: {
        tags,
        operationId: 'invokeAction',
        summary: 'Carry out an action, or show what it would do (`dry_run`)',
        description:
          'With an `Idempotency-Key` it is carried out once: for 24 hours the same input under the same key gets the same result. `Idempotency-Scope` says whose the key is. A dry-run has none.',
        params: oneAction,
        headers: invokeHeaders,
        body: invokeInput,
        response: { 200: invokeDocument, ...failures(...bodyFailures, ...invokeFailures) },
      },
    },
    async (request, reply) => {
      const { body, headers, preparedCall: call } = request
      if (call === null) throw new TypeError('the call was not prepared')
      const { timeout_seconds: seconds } = body
      const abandoned = closedEarly(reply)
      const options = { abandoned, ...(seconds !== undefined && { timeoutMs: seconds * 1000 }) }
      const { 'idempotency-key': key, 'idempotency-scope': idempotencyScope } = headers
      if (key === undefined && idempotencyScope === 'instance')
        throw requestInvalid(['headers/idempotency-scope: it needs an Idempotency-Key'])
      const noteRequest = (vendorRequestId: unknown): void => {
        if (typeof vendorRequestId === 'string')
          noteAudited(request, { details: { ...request.audited?.details, vendorRequestId } })
      }
      try {
        if (call.context.dryRun) {
          const shown = await call.dryRun(options)
          noteRequest(shown.vendorRequestId)
          return await reply.send(toWire(dryRunSchema, shown))
        }
        const { invocation, isReplayed } = await call.invoke({
          ...options,
          ...(key !== undefined && { idempotencyKey: key }),
          ...(idempotencyScope !== undefined && { idempotencyScope }),
        })
        noteRequest(invocation.vendorRequestId)
        if (isReplayed) void reply.header('idempotent-replayed', 'true')
        return await reply.send(toWire(invocationSchema, invocation))
      } catch (error) {
        if (error instanceof ConnectError) noteRequest(error.details.vendor_request_id)
        throw error
      }
    },
  )
}

/** Aborted when the caller closes the connection before it has the response. */
function closedEarly({ raw }: FastifyReply): AbortSignal {
  const closed = new AbortController()
  raw.once('close', () => {
    if (!raw.writableFinished) closed.abort()
  })
  return closed.signal
}
