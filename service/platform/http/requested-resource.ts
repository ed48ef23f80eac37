import type { FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { JsonObject } from '../../../protocol/index.ts'
import { jsonObjectSchema } from '../../../protocol/json-object.ts'
import type { AccessResource, RunById } from '../access/access-request.ts'
import { actionFacts, type ActionName } from '../access/actions.ts'

/**
 * The resource of a request, from its path. `list`: all instances or connections. `body`: only known once `resourceInBody` has read the
 * body.
 */
export type Requested = AccessResource | RunById | 'list' | 'body'

const pathParts = z.object({ name: z.string().optional(), run: z.string().optional() })

export function requestedResource(
  { method, params }: Pick<FastifyRequest, 'method' | 'params'>,
  action: ActionName,
): Requested {
  const { name, run } = pathParts.parse(params)
  const { on } = actionFacts(action)
  if (on === 'service') return { kind: on, name: '' }
  if (action === 'actions:invoke') return 'body'
  if (name !== undefined) return { kind: on, name }
  if (run !== undefined) return { run }
  return method === 'GET' || method === 'HEAD' ? 'list' : 'body'
}

const namedBody = z.looseObject({ name: z.string() })

/** The body has been parsed as JSON, but not validated. If it has no name: the empty one. */
export function resourceInBody(
  { params, body }: Pick<FastifyRequest, 'params' | 'body'>,
  action: ActionName,
): AccessResource {
  const { name } = pathParts.parse(params)
  return { kind: actionFacts(action).on, name: name ?? namedBody.safeParse(body).data?.name ?? '' }
}

const bindingBody = z.looseObject({ from: z.string() })

/** The instance that a new connection would read. */
export function instanceInBody({ body }: Pick<FastifyRequest, 'body'>): AccessResource | null {
  const { data } = bindingBody.safeParse(body)
  return data === undefined ? null : { kind: 'instance', name: data.from }
}

const activatingBody = z.looseObject({ activate: z.literal(true) })

/** Whether a new connection should run at once. */
export function activatesInBody({ body }: Pick<FastifyRequest, 'body'>): boolean {
  return activatingBody.safeParse(body).success
}

const invokeParts = z.object({ name: z.string(), action: z.string() })
const invokeBody = z.looseObject({
  dry_run: z.boolean().optional(),
  token: z.string().optional(),
  input: jsonObjectSchema.optional(),
})

export interface RequestedInvocation {
  readonly instance: string
  readonly action: string
  readonly input: JsonObject
  /** Nothing but `"dry_run": true` is a dry-run. */
  readonly isDryRun: boolean
  readonly token?: string
}

/** As the request says, which has not been checked. */
export function requestedInvocation({
  params,
  body,
}: Pick<FastifyRequest, 'params' | 'body'>): RequestedInvocation {
  const { name, action } = invokeParts.parse(params)
  const { dry_run: dryRun, token, input = {} } = invokeBody.safeParse(body).data ?? {}
  return {
    instance: name,
    action,
    input,
    isDryRun: dryRun === true,
    ...(token !== undefined && { token }),
  }
}
