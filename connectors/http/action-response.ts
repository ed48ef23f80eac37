import {
  isJsonList,
  isJsonObject,
  own,
  parseExactJson,
  type JsonObject,
  type JsonValue,
} from '../../protocol/index.ts'
import type { HttpResponse } from '../../manifest-interpreter/http/http-response.ts'
import type { ActionCall } from '../action.ts'
import { str } from '../../manifest-interpreter/value/text.ts'

/**
 * The limit of a response, decompressed. The thread that serves all requests parses, masks and writes a
 * response in one piece: 80 MB held that thread up for 6.5 s and took 2.9 GB (2026-11-28). The largest
 * response that the vendors of our actions send is a file of GitHub: 1 MB, in Base64.
 */
export const maxResponseBytes = 8 * 1024 * 1024

/**
 * No vendor nests deeper; functions that call themselves for each level would fail after the vendor has
 * carried out the call.
 */
const maxDepth = 200

/** Names in lower case. */
export function headersOf({ headers }: HttpResponse): ReadonlyMap<string, string> {
  return new Map([...headers].map(([name, value]) => [str(name).toLowerCase(), str(value)]))
}

/** Null if there is nothing, text if it is not JSON. Numbers have all their digits. */
export function bodyOf(bytes: Uint8Array): JsonValue {
  if (bytes.length === 0) return null
  const text = Buffer.from(bytes).toString('utf8')
  try {
    return parseExactJson(text)
  } catch (error) {
    if (error instanceof SyntaxError) return text
    throw error
  }
}

/**
 * Vendors respond with an object, a list or nothing. Throws if it is anything else: a proxy's page may have
 * any status.
 */
export function requireJson(body: JsonValue): void {
  if (typeof body === 'object') return
  throw new TypeError(
    'it is no JSON of an API, such as the page of a proxy or of a login on the way to the vendor',
  )
}

/**
 * Throws if the last response cannot be one of the vendor's, by the schema of the action's output. Types and
 * marks of success are compared, and whether there is any field that the output always has: a vendor that
 * leaves one out has carried out the call all the same.
 */
export function requireResult(
  { body, output }: { readonly body: JsonValue; readonly output: JsonValue },
  { descriptor, response }: Pick<ActionCall, 'descriptor' | 'response'>,
): JsonValue {
  const { output: schema } = descriptor
  const forms = isJsonList(schema.anyOf) ? schema.anyOf.filter(isJsonObject) : [schema]
  // The output of an action without a result says nothing of the response.
  const bodyForms = response === 'list' ? [{ type: 'array' }] : forms
  const isEmpty = body === null && response === 'output'
  const problem = isEmpty ? undefined : problemIn(typesProblem, body, bodyForms)
  const found = problem ?? problemIn(formProblem, output, forms)
  if (found !== undefined) throw new TypeError(found)
  requireShallow(output)
  return output
}

type Problem = (value: JsonValue, form: JsonObject) => string | undefined

/** Undefined if one of the forms fits. */
function problemIn(
  problemOf: Problem,
  value: JsonValue,
  forms: readonly JsonObject[],
): string | undefined {
  const problems = forms.map((form) => problemOf(value, form))
  return problems.includes(undefined) ? undefined : problems[0]
}

function typesProblem(value: JsonValue, { type }: JsonObject): string | undefined {
  if (type === 'object' && !isJsonObject(value)) return `it is ${named(value)}, not an object`
  if (type === 'array' && !isJsonList(value)) return `it is ${named(value)}, not a list`
  return undefined
}

function formProblem(value: JsonValue, form: JsonObject): string | undefined {
  const { properties, required } = form
  const problem = typesProblem(value, form)
  if (problem !== undefined || !isJsonObject(value) || !isJsonObject(properties)) return problem
  const names = isJsonList(required) ? required.filter((name) => typeof name === 'string') : []
  const proofs = provingNames(names)
  const isOwn = proofs.length === 0 || proofs.some((name) => Object.hasOwn(value, name))
  if (!isOwn) return `it has none of the fields that it should have (${proofs.join(', ')})`
  const unmarked = names.find((name) => isMark(own(properties, name)) && own(value, name) !== true)
  return unmarked === undefined ? undefined : `its \`${unmarked}\` is not true`
}

/**
 * Fields by which an object of a vendor is known. A `status`, a `name` or a `url` may be in the JSON of any
 * program between here and there.
 */
const identifying = new Set(['id', 'number', 'object', 'ref'])

function provingNames(required: readonly string[]): readonly string[] {
  const ids = required.filter((name) => identifying.has(name))
  return ids.length > 0 ? ids : required
}

/** As Slack's `ok` and Linear's `success`. */
function isMark(property: JsonValue | undefined): boolean {
  return isJsonObject(property) && property.const === true
}

function named(value: JsonValue): string {
  if (value === null) return 'empty'
  if (isJsonList(value)) return 'a list'
  return isJsonObject(value) ? 'an object' : `a ${typeof value}`
}

function requireShallow(output: JsonValue): void {
  let level: readonly JsonValue[] = [output]
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > maxDepth) throw new TypeError(`it is nested deeper than ${maxDepth} levels`)
    level = level.flatMap((value) =>
      typeof value === 'object' && value !== null ? Object.values(value) : [],
    )
  }
}
