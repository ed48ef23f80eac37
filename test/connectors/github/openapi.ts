import { readFileSync } from 'node:fs'
import { Ajv, type AnySchema } from 'ajv'
import { z } from 'zod'
import type { ActionRequest } from '../../../connectors/action.ts'

const operationSchema = z.object({
  parameters: z.array(
    z.object({
      name: z.string(),
      in: z.string(),
      required: z.boolean().default(false),
      schema: z.record(z.string(), z.unknown()),
    }),
  ),
  body: z.record(z.string(), z.unknown()).optional(),
  isBodyRequired: z.boolean().default(false),
})
type Operation = z.infer<typeof operationSchema>

const slice = z
  .object({ paths: z.record(z.string(), z.record(z.string(), operationSchema)) })
  .parse(JSON.parse(readFileSync(new URL('openapi-slice.json', import.meta.url), 'utf8')))

// Paths and queries are texts. Formats of GitHub's own are of no interest.
const texts = new Ajv({ strict: false, coerceTypes: true, validateFormats: false })
const bodies = new Ajv({ strict: false, validateFormats: false })

export interface CheckedRequest {
  readonly method: string
  /** As it is sent, without the query. */
  readonly path: string
  readonly query: URLSearchParams
  /** Undefined or empty if there is none. */
  readonly body?: string
}

/** Returns the problems that GitHub's own description of its API finds in a request. */
export function problemsOf(request: CheckedRequest): readonly string[] {
  const found = operationOf(request)
  const call = `${request.method} ${request.path}`
  if (found === undefined) return [`${call}: GitHub has no such operation`]
  const { operation, values } = found
  return [
    ...valueProblems(operation, 'path', values),
    ...valueProblems(operation, 'query', [...request.query]),
    ...bodyProblems(operation, request.body ?? ''),
  ].map((problem) => `${call}: ${problem}`)
}

/** The same of the request of an action, before it is sent. */
export function planProblems({ method, url, query, body }: ActionRequest): readonly string[] {
  const values = Object.entries(query ?? {}).map(([name, value]): [string, string] => [
    name,
    typeof value === 'string' ? value : JSON.stringify(value),
  ])
  const text = body?.kind === 'json' ? JSON.stringify(body.value) : ''
  const path = new URL(url).pathname
  return problemsOf({ method, path, query: new URLSearchParams(values), body: text })
}

type Values = readonly (readonly [name: string, value: string])[]

function operationOf({ method, path }: CheckedRequest) {
  const matches = Object.entries(slice.paths).flatMap(([template, methods]) => {
    const operation = methods[method.toLowerCase()]
    const values = operation === undefined ? undefined : valuesIn(template, path)
    return operation === undefined || values === undefined ? [] : [{ operation, values }]
  })
  // `issues/comments` is no issue.
  return matches.toSorted((left, right) => left.values.length - right.values.length)[0]
}

function valuesIn(template: string, path: string): Values | undefined {
  const names = [...template.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name)
  // The path of a file is empty for the root.
  const pattern = template.replaceAll(/\/\{(\w+)\}/g, (_part, name: string) => {
    if (name === 'path') return '(?:/(.+))?'
    return name === 'ref' ? '/(.+)' : '/([^/]+)'
  })
  const match = new RegExp(`^${pattern}$`).exec(path)
  return match === null
    ? undefined
    : names.map((name, index) => [name, decodeURIComponent(match[index + 1] ?? '')])
}

function valueProblems(
  { parameters }: Operation,
  place: 'path' | 'query',
  values: Values,
): readonly string[] {
  const known = parameters.filter((parameter) => parameter.in === place)
  const missing = known
    .filter(({ name, required }) => required && !values.some(([given]) => given === name))
    .map(({ name }) => `${name} is missing`)
  const wrong = values.flatMap(([name, value]) => {
    const parameter = known.find((each) => each.name === name)
    if (parameter === undefined) return [`${name} is unknown`]
    const { oneOf, ...schema } = parameter.schema
    // As a text, a number is one of both.
    const either = oneOf === undefined ? schema : { ...schema, anyOf: oneOf }
    return schemaProblems(texts, either, value).map((problem) => `${name} ${problem}`)
  })
  return [...missing, ...wrong]
}

function bodyProblems(
  { body: schema, isBodyRequired }: Operation,
  text: string,
): readonly string[] {
  if (text === '') return isBodyRequired ? ['the body is missing'] : []
  if (schema === undefined) return ['it takes no body']
  const body: unknown = JSON.parse(text)
  const known = namesIn(schema)
  const names = Object.keys(z.record(z.string(), z.unknown()).parse(body))
  const unknown = names.filter((name) => !known.has(name)).map((name) => `${name} is unknown`)
  return [...unknown, ...schemaProblems(bodies, schema, body)]
}

/** GitHub allows other fields, and ignores them. */
function namesIn(schema: Readonly<Record<string, unknown>>): ReadonlySet<string> {
  const { properties, oneOf, anyOf } = schema
  const own = typeof properties === 'object' && properties !== null ? Object.keys(properties) : []
  const parts = z.array(z.record(z.string(), z.unknown())).catch([])
  const nested = [...parts.parse(oneOf), ...parts.parse(anyOf)]
  return new Set([...own, ...nested.flatMap((part) => [...namesIn(part)])])
}

function schemaProblems(ajv: Ajv, schema: AnySchema, value: unknown): readonly string[] {
  const validate = ajv.compile({ type: 'object', properties: { value: schema } })
  if (validate({ value })) return []
  return (validate.errors ?? []).map(
    ({ instancePath, message = '' }) => `${instancePath} ${message}`,
  )
}
