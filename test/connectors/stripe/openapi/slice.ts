import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { loadManifestFile } from '../../../../connectors/manifest/load-manifest-file.ts'
import { toRecordValue } from '../../../../manifest-interpreter/value/record-value.ts'
import {
  isJsonList,
  isJsonObject,
  type JsonObject,
  type JsonValue,
} from '../../../../protocol/index.ts'
import { alternatives, samples } from '../samples.ts'
import type { ActionRequest } from '../../../../connectors/action.ts'
import { stripeActions } from '../../../../connectors/stripe/actions/actions.ts'
import { expandableFieldsOf, expansionProblem, schemaOf } from './expandable.ts'
import { operationOf, type Operation } from './operation.ts'

/**
 * Cuts the operations that the actions use, and the queries of the lists that the streams read, out of
 * Stripe's OpenAPI document:
 *
 *   node test/connectors/stripe/openapi/slice.ts $(go env
 *   GOMODCACHE)/github.com/stripe/stripe-mock@v0.203.0/embedded/openapi/spec3.json
 *
 * A parameter that no action sends stays as a name, which is enough to find out what does not exist.
 * Descriptions are left out.
 */
const [, , from] = process.argv
if (from === undefined) throw new Error('Give the path of spec3.json.')
const document = readFileSync(from, 'utf8')
const spec = JSON.parse(document) as {
  readonly info: { readonly version: string }
  readonly paths: Readonly<Record<string, Readonly<Record<string, JsonObject>>>>
  readonly components: { readonly schemas: Readonly<Record<string, JsonObject>> }
}
const used = new Map<string, Operation>()
for (const action of stripeActions) {
  const sample = samples[action.descriptor.name]
  if (sample === undefined) throw new Error(`samples.ts has no ${action.descriptor.name}`)
  const inputs = [sample, ...(alternatives[action.descriptor.name] ?? [])]
  const requests = inputs.map((input) => action.call(input).plan({}))
  const [request] = requests
  if (request === undefined) continue
  const path = Object.keys(spec.paths).find((template) => matches(template, request.url))
  const definition =
    path === undefined ? undefined : spec.paths[path]?.[request.method.toLowerCase()]
  if (path === undefined || definition === undefined) throw new Error(`${request.url} is not there`)
  const schema = isJsonObject(definition) ? operationOf(definition) : undefined
  const sent = requests.map(sentFields).reduce(merge, {})
  const key = `${request.method} ${path}`
  used.set(key, {
    path,
    body: prune(schema ?? {}, sent),
  })
}

function sentFields({ body, query }: ActionRequest): JsonValue {
  const fields = body?.kind === 'form' ? body.fields : query
  return JSON.parse(JSON.stringify(fields ?? {})) as JsonValue
}

/** One value with the fields of both. */
function merge(left: JsonValue, right: JsonValue): JsonValue {
  if (isJsonList(left) && isJsonList(right)) return [...left, ...right]
  if (!isJsonObject(left) || !isJsonObject(right)) return right
  const names = new Set([...Object.keys(left), ...Object.keys(right)])
  const merged = [...names].map((name) => {
    const [first, second] = [left[name], right[name]]
    const value =
      first === undefined || second === undefined ? (first ?? second) : merge(first, second)
    return [name, value ?? null] as const
  })
  return Object.fromEntries(merged)
}

/**
 * A path of the document without names of its own takes precedence: `/v1/invoices/create_preview` is no
 * invoice.
 */
function matches(template: string, url: string): boolean {
  const pattern = template.replaceAll(/\{[^}]+\}/g, '[^/]+')
  return new RegExp(`^https://api\\.stripe\\.com${pattern}$`).test(url)
}

/** A schema down to what a value has; below that `true`. */
function prune(schema: JsonValue, value: JsonValue): JsonValue {
  if (!isJsonObject(schema)) return schema
  const { anyOf, properties, items, additionalProperties } = schema
  const kept = Object.fromEntries(
    ['type', 'enum', 'format', 'maxLength', 'required', 'additionalProperties'].flatMap((name) =>
      schema[name] === undefined ? [] : [[name, schema[name]]],
    ),
  )
  if (isJsonList(anyOf)) return { ...kept, anyOf: anyOf.map((option) => prune(option, value)) }
  if (isJsonList(value) && items !== undefined)
    return {
      ...kept,
      items: prune(items, value.reduce(merge, {})),
    }
  if (isJsonObject(properties)) {
    const sent = isJsonObject(value) ? value : {}
    const pruned = Object.entries(properties).map(([name, property]) => {
      const found = sent[name]
      return [name, found === undefined ? true : prune(property, found)]
    })
    return { ...kept, properties: Object.fromEntries(pruned) as JsonObject }
  }
  if (isJsonObject(additionalProperties)) return { ...kept, additionalProperties }
  return kept
}

const lists = Object.fromEntries(
  Object.entries(spec.paths).flatMap(([path, { get }]) => {
    const names = queryNames(get ?? {})
    return names.includes('starting_after') ? [[path, names]] : []
  }),
)

/** Returns the texts of the manifest in the fields with these names, at any depth. */
function textsIn(value: JsonValue, names: readonly string[], isNamed = false): readonly string[] {
  if (typeof value === 'string') return isNamed ? [value] : []
  if (isJsonList(value)) return value.flatMap((item) => textsIn(item, names, isNamed))
  if (!isJsonObject(value)) return []
  return Object.entries(value).flatMap(([name, item]) => textsIn(item, names, names.includes(name)))
}

/**
 * The lists and objects that the streams request, with their parameters, and what can be expanded in them.
 */
function streamRequests(): JsonObject {
  const file = new URL('../../../../connectors/stripe/streams/manifest.yaml', import.meta.url)
  const manifest = toRecordValue(
    loadManifestFile(fileURLToPath(file)).manifest.definition,
  ) as JsonValue
  const paths = textsIn(manifest, ['path', 'items_path'])
    .map((path) => path.replace(/\?.*/, '').replace(':id', 'id'))
    .filter((path) => !path.includes('{'))
  const expansions = textsIn(manifest, ['expand', 'expand[]', 'list_expand', 'items_expand'])
  const visited = new Set<string>()
  const fieldsOf = (name: string) => {
    visited.add(name)
    return expandableFieldsOf(spec.components.schemas, name)
  }
  const gets = paths
    .flatMap((path) => [path, `${path}/id`])
    .flatMap((path) => {
      const template = Object.keys(spec.paths).find((each) =>
        matches(each, `https://api.stripe.com/v1/${path}`),
      )
      const get = template === undefined ? undefined : spec.paths[template]?.get
      if (template === undefined || get === undefined) return []
      const schema = schemaOf(responseSchema(get))
      for (const expansion of expansions)
        for (const asked of [expansion, `data.${expansion}`])
          expansionProblem(schema, asked, fieldsOf)
      return [[template, { parameters: queryNames(get), schema }] as const]
    })
  const expandable = [...visited].toSorted().map((name) => [name, fieldsOf(name)] as const)
  return { gets: Object.fromEntries(gets), expandable: Object.fromEntries(expandable) }
}

function responseSchema({ responses }: JsonObject): JsonValue | undefined {
  const success = isJsonObject(responses) ? responses['200'] : undefined
  const content = isJsonObject(success) ? success.content : undefined
  const json = isJsonObject(content) ? content['application/json'] : undefined
  return isJsonObject(json) ? json.schema : undefined
}

function queryNames({ parameters }: JsonObject): readonly JsonValue[] {
  if (!isJsonList(parameters)) return []
  return parameters.flatMap((parameter) =>
    isJsonObject(parameter) && parameter.in === 'query' ? [parameter.name ?? ''] : [],
  )
}

function eventTypes(): JsonValue {
  const endpoint = spec.paths['/v1/webhook_endpoints']?.post
  const { properties } = operationOf(endpoint ?? {})
  const types = isJsonObject(properties) ? properties.enabled_events : undefined
  return isJsonObject(types) && isJsonObject(types.items) ? (types.items.enum ?? []) : []
}

const slice = {
  source: 'github.com/stripe/stripe-mock v0.203.0, embedded/openapi/spec3.json',
  licence: 'MIT, Copyright (c) 2014- Stripe, Inc.',
  command: 'node test/connectors/stripe/openapi/slice.ts <spec3.json>',
  sha256: createHash('sha256').update(document).digest('hex'),
  version: spec.info.version,
  operations: Object.fromEntries(used),
  lists,
  ...streamRequests(),
  events: eventTypes(),
}
writeFileSync(new URL('slice.json', import.meta.url), `${JSON.stringify(slice, null, 1)}\n`)
