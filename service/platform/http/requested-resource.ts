import type { FastifyRequest } from 'fastify'
import { z } from 'zod'
import { formatPointer } from '../../../lib/text/json-pointer.ts'
import { isJsonObject, type JsonObject } from '../../../protocol/index.ts'
import { jsonObjectSchema } from '../../../protocol/json-object.ts'
import type { AccessResource, RunById } from '../access/access-request.ts'
import { actionFacts, type ActionName } from '../access/actions.ts'
import { requestInvalid } from './error-response.ts'

/**
 * The resource of a request, from its path. `list`: all instances or connections. `body`: only known once
 * `resourceInBody` has read the body.
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
/** The `dry_run` of an invocation. `true`: the kind that suits the caller and the action. */
export const dryRunField = z.union([z.boolean(), z.enum(['native', 'synthesized'])], {
  error: 'must be true, false, "native" or "synthesized"',
})

/**
 * The fields by which the policy decides: a wrong one is refused before, or the refusal would be for a call
 * that nobody meant.
 */
const decidingFields = z.looseObject({
  dry_run: dryRunField.optional(),
  token: z.string({ error: 'must be the text of a token that a dry-run returned' }).optional(),
})
const inputField = z.looseObject({ input: jsonObjectSchema })

export type RequestedDryRun = Exclude<z.output<typeof dryRunField>, false>

export interface RequestedInvocation {
  readonly instance: string
  readonly action: string
  readonly input: JsonObject
  /** Absent: it is no dry-run. */
  readonly dryRun?: RequestedDryRun
  readonly token?: string
}

/** As the request says: only what decides about it has been checked. Throws `request_invalid`. */
export function requestedInvocation({
  params,
  body,
}: Pick<FastifyRequest, 'params' | 'body'>): RequestedInvocation {
  const { name, action } = invokeParts.parse(params)
  const { dry_run: dryRun = false, token } = decidingFieldsOf(body)
  const { input = {} } = inputField.safeParse(body).data ?? {}
  return {
    instance: name,
    action,
    input,
    ...(dryRun !== false && { dryRun }),
    ...(token !== undefined && { token }),
  }
}

/** A body that is no object is refused by the schema of the route. */
function decidingFieldsOf(body: unknown): z.output<typeof decidingFields> {
  const { data, error } = decidingFields.safeParse(isJsonObject(body) ? body : {})
  if (error === undefined) return data
  throw requestInvalid(
    error.issues.map(({ path, message }) => `body${formatPointer(path)}: ${message}`),
  )
}
