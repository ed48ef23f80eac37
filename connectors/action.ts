import { z } from 'zod'
import { formatPointer } from '../lib/text/json-pointer.ts'
import { nearestName } from '../lib/text/near-names.ts'
import {
  expand,
  itemOf,
  propertyOf,
  startWalk,
} from '../manifest-interpreter/config/secret-schema.ts'
import { ConnectError, isJsonObject, type JsonObject, type JsonValue } from '../protocol/index.ts'
import { jsonObjectSchema } from '../protocol/json-object.ts'
import type { ActionDescriptor, ActionEffect, DryRunLevel } from './descriptor-schema.ts'

/**
 * The contract of an action: a typed call of a third-party system. Read `connector.ts` first.
 *
 * An action is declared once, with `defineAction`. Validation, OpenAPI, the help of the command line, typed
 * clients, dry-runs, policies and the audit log are made from that declaration.
 */
export interface Action {
  readonly descriptor: ActionDescriptor
  /** Checks the input. Throws `action_input_invalid`, whose details have the path of each problem. */
  call(input: unknown): ActionCall
}

/**
 * An action with an input that was checked. All of its functions are pure: no I/O, no clock, no randomness.
 */
export interface ActionCall {
  readonly descriptor: ActionDescriptor
  /**
   * The request that is sent. `config` may lack its secrets: the request must not need them, the client adds
   * the authorization.
   */
  plan(config: JsonObject): ActionRequest
  /**
   * The request after those that got `responses`, for an action of several steps; undefined after the last
   * step.
   */
  next(config: JsonObject, responses: readonly ActionResponse[]): ActionRequest | undefined
  /** The type of the body of the last response. */
  readonly response: ResponseForm
  /** The result for the caller, from the response of the last step. */
  result(response: ActionResponse): JsonValue
}

/** A request without its authorization. */
export interface ActionRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** Absolute, without a query. Parts from the input are encoded: see `urlPath`. */
  readonly url: string
  readonly query?: RequestFields
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: RequestBody
  /** True if the URL is not the vendor's API, and must not get the authorization: a place for an upload. */
  readonly isUnauthorized?: boolean
}

/** Null and undefined fields are left out. Nested ones become `a[b]` and `a[0]`. */
export type RequestFields = Readonly<Record<string, JsonValue | undefined>>

export type RequestBody =
  | { readonly kind: 'json'; readonly value: JsonValue }
  | { readonly kind: 'form'; readonly fields: RequestFields }
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array; readonly contentType: string }

/** A response below 400 in which the vendor reports no failure. */
export interface ActionResponse {
  readonly status: number
  /** Names in lower case. */
  readonly headers: ReadonlyMap<string, string>
  /**
   * Null if there is none. Text if it is not JSON, which only what takes an upload may send. Numbers that a
   * double would change are `RawJson`.
   */
  readonly body: JsonValue
}

/** `list`: a bare list; the output has its records in a field. `output`: the body is the output. */
export type ResponseForm = 'list' | 'output'

/** An action as the author of a connector writes it. */
export interface ActionDefinition<Input extends z.ZodObject, Output extends z.ZodType> {
  readonly name: string
  readonly title: string
  readonly effect: ActionEffect
  readonly idempotency: ActionDescriptor['idempotency']
  /** Default: `synthesized`. */
  readonly dryRun?: DryRunLevel
  /** Default: true if its effect is `delete`. */
  readonly requiresConfirmation?: boolean
  /** Unknown fields of the input are refused. */
  readonly input: Input
  readonly output: Output
  plan(input: z.output<Input>, config: JsonObject): ActionRequest
  /** For an action of several steps. */
  next?(
    input: z.output<Input>,
    config: JsonObject,
    responses: readonly ActionResponse[],
  ): ActionRequest | undefined
  /** Default: `output`. */
  readonly response?: ResponseForm
  /** Default: the body. The client compares its type, its marks of success and its fields with `output`. */
  result?(response: ActionResponse, input: z.output<Input>): JsonValue
}

export function defineAction<Input extends z.ZodObject, Output extends z.ZodType>(
  definition: ActionDefinition<Input, Output>,
): Action {
  const {
    name,
    title,
    effect,
    idempotency,
    dryRun = 'synthesized',
    response = 'output',
  } = definition
  const schema = definition.input.strict()
  const descriptor: ActionDescriptor = {
    name,
    title,
    effect,
    idempotency,
    dryRun,
    requiresConfirmation: definition.requiresConfirmation ?? effect === 'delete',
    input: jsonSchema(schema, 'input'),
    output: jsonSchema(definition.output, 'output'),
  }
  return {
    descriptor,
    call: (raw) => {
      const checked = schema.safeParse(raw)
      if (!checked.success) throw invalidInput(descriptor, checked.error)
      const input = checked.data as z.output<Input>
      return {
        descriptor,
        response,
        plan: (config) => definition.plan(input, config),
        next: (config, responses) => definition.next?.(input, config, responses),
        result: (response) => definition.result?.(response, input) ?? response.body,
      }
    },
  }
}

/** Whether a call may be sent again although the vendor may have carried it out. */
export function isRepeatable({
  idempotency,
  effect,
}: Pick<ActionDescriptor, 'idempotency' | 'effect'>): boolean {
  return idempotency !== 'none' || effect === 'read'
}

/**
 * Where the vendor's API is, without a slash at its end: `api_url` of the configuration names a proxy or a
 * simulator.
 */
export function apiUrl({ api_url: given }: JsonObject, standard: string): string {
  return typeof given === 'string' ? given.replace(/\/+$/, '') : standard
}

/**
 * A path of a URL, such as urlPath`/v1/customers/${id}`: each value becomes one segment, whichever characters
 * it holds.
 */
export function urlPath(
  texts: TemplateStringsArray,
  ...values: readonly (string | number)[]
): string {
  const segments = values.map((value) => {
    const text = String(value)
    // Encoding leaves dots as they are, and URLs give them a meaning.
    if (text === '' || text === '.' || text === '..')
      throw new TypeError('a segment of a path must not be empty, `.` or `..`: check the input')
    return encodeURIComponent(text)
  })
  return texts.map((text, index) => `${text}${segments[index] ?? ''}`).join('')
}

/**
 * Any JSON, as the input came from JSON. Its schema is `{}`: that of `z.json()` refers to itself, which some
 * generators cannot read.
 */
export const anyJson = z.custom<JsonValue>()

/** Bytes in Base64, of which line breaks are taken out: vendors and tools put them in. */
export const base64Text = z
  .string()
  .overwrite((text) => text.replaceAll(/\s+/g, ''))
  .refine((text) => z.base64().safeParse(text).success, 'must be Base64')

/** The text of one segment of a path. */
export const pathSegment = z
  .string()
  .min(1)
  .max(500)
  .refine((text) => text !== '.' && text !== '..', 'must not be `.` or `..`')

function jsonSchema(schema: z.ZodType, io: 'input' | 'output'): JsonObject {
  const made = z.toJSONSchema(schema, { io, unrepresentable: 'any' })
  // Which draft it is says nothing to a reader of one schema.
  Reflect.deleteProperty(made, '$schema')
  return jsonObjectSchema.parse(made)
}

const maxProblems = 20

function invalidInput({ name, input }: ActionDescriptor, { issues }: z.ZodError): ConnectError {
  const problems = issues.flatMap((issue) => problemsOf(issue, input))
  const [first] = problems
  const place = first === undefined || first.path === '' ? 'The input' : `\`${first.path}\``
  const more = problems.length > 1 ? ` (and ${String(problems.length - 1)} more)` : ''
  return new ConnectError('action_input_invalid', {
    details: {
      action: name,
      instance: 'INSTANCE',
      problem: `${place}: ${first?.problem ?? ''}${more}`,
      problems: problems.slice(0, maxProblems),
    },
  })
}

interface Problem extends JsonObject {
  readonly path: string
  readonly problem: string
}

/** `schema`: the schema of the whole input. */
function problemsOf(issue: z.core.$ZodIssue, schema: JsonObject): readonly Problem[] {
  if (issue.code === 'unrecognized_keys') {
    const known = fieldNames(schema, issue.path)
    return issue.keys.map((key) => ({
      path: formatPointer([...issue.path, key]),
      problem: unknownField(nearestName(key, known)),
    }))
  }
  if (issue.code === 'invalid_union') return unionProblems(issue, schema)
  // The problem of a name says more than the fact that a name is wrong.
  const nameIssue = issue.code === 'invalid_key' ? issue.issues[0] : undefined
  return [{ path: formatPointer(issue.path), problem: nameIssue?.message ?? issue.message }]
}

function unknownField(meant: string | undefined): string {
  if (meant !== undefined) return `there is no such field; did you mean \`${meant}\`?`
  return 'there is no such field; remove it, or correct its spelling'
}

/** The fields that the schema has at a place of the input. */
function fieldNames(schema: JsonObject, path: readonly PropertyKey[]): readonly string[] {
  const walk = startWalk(schema)
  let places = expand(schema, schema)
  for (const part of path)
    places =
      typeof part === 'number'
        ? itemOf(places, part, schema)
        : propertyOf(places, String(part), walk)
  return places.flatMap(({ properties }) =>
    isJsonObject(properties) ? Object.keys(properties) : [],
  )
}

/**
 * The problems of the intended form, if the value fits a form by its type; otherwise the expectations of each
 * form.
 */
function unionProblems(
  { path, errors, message }: z.core.$ZodIssueInvalidUnion,
  schema: JsonObject,
): readonly Problem[] {
  const isOther = ({ code, path: below }: z.core.$ZodIssue): boolean =>
    below.length === 0 && (code === 'invalid_type' || code === 'invalid_value')
  const [meant, ...others] = errors.filter((issues) => !issues.some(isOther))
  if (meant !== undefined && others.length === 0)
    return meant.flatMap((issue) =>
      problemsOf({ ...issue, path: [...path, ...issue.path] }, schema),
    )
  const expected = new Set(errors.flatMap((issues) => issues.map((issue) => issue.message)))
  const problem = expected.size === 0 ? message : [...expected].join('; or: ')
  return [{ path: formatPointer(path), problem }]
}
