import type { z } from 'zod'
import {
  isJsonList,
  isJsonObject,
  type JsonObject,
  type JsonValue,
} from '../../../protocol/index.ts'
import {
  apiUrl,
  defineAction,
  urlPath,
  type Action,
  type ActionDefinition,
  type ActionRequest,
  type RequestFields,
} from '../../action.ts'

/** The version that Stripe's current clients speak: the manifest of the streams names the same one. */
export const apiVersion = '2026-10-28.endive'

const methods = { read: 'GET', create: 'POST', update: 'POST', delete: 'DELETE' } as const

export type StripeActionDefinition<Input extends z.ZodObject, Output extends z.ZodType> = Pick<
  ActionDefinition<Input, Output>,
  'name' | 'title' | 'effect' | 'requiresConfirmation' | 'input' | 'output'
> & {
  /** `{id}` is the field `id` of the input. */
  readonly path: `/v1/${string}`
}

/**
 * An action of Stripe: one request, whose method follows from the effect. Each POST takes an idempotency key.
 * Forms and queries have no empty objects: one would be left out, and the caller would take it for done.
 */
export function stripeAction<Input extends z.ZodObject, Output extends z.ZodType>({
  path,
  ...definition
}: StripeActionDefinition<Input, Output>): Action {
  const { effect, input } = definition
  const method = methods[effect]
  const checked = input.superRefine((fields, context) => {
    for (const place of emptyObjects(fields as JsonValue, [])) {
      if (place.length === 0) continue
      const isMetadata = effect === 'update' && place.length === 1 && place[0] === 'metadata'
      const fix = isMetadata ? 'give `""` to remove all metadata, or leave it out' : 'leave it out'
      context.addIssue({
        code: 'custom',
        path: [...place],
        message: `it is empty, and Stripe would not get it: ${fix}`,
      })
    }
  })
  return defineAction({
    ...definition,
    idempotency: method === 'POST' ? 'native_key' : 'natural',
    dryRun: 'native',
    input: checked,
    // As they are checked, the fields are JSON.
    plan: (fields, config) =>
      stripeRequest(config, { method, path, fields: fields as RequestFields }),
  })
}

/** Fields that are not in the path go into the body of a POST as a form, else into the query. */
function stripeRequest(
  config: JsonObject,
  {
    method,
    path,
    fields,
  }: Pick<ActionRequest, 'method'> & {
    readonly path: string
    readonly fields: RequestFields
  },
): ActionRequest {
  const { account_id: account } = config
  const rest = { ...fields }
  const filled = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
    const value = rest[name]
    if (typeof value !== 'string') throw new TypeError(`the input has no text ${name}`)
    Reflect.deleteProperty(rest, name)
    return urlPath`${value}`
  })
  return {
    method,
    url: `${apiUrl(config, 'https://api.stripe.com')}${filled}`,
    headers: {
      'Stripe-Version': apiVersion,
      'User-Agent': 'reactor-connect',
      ...(typeof account === 'string' && { 'Stripe-Account': account }),
    },
    ...(method === 'POST' ? { body: { kind: 'form', fields: rest } } : { query: rest }),
  }
}

type Path = readonly (string | number)[]

function emptyObjects(value: JsonValue, path: Path): readonly Path[] {
  if (isJsonList(value)) return value.flatMap((item, index) => emptyObjects(item, [...path, index]))
  if (!isJsonObject(value)) return []
  const entries = Object.entries(value)
  if (entries.length === 0) return [path]
  return entries.flatMap(([name, item]) => emptyObjects(item, [...path, name]))
}
