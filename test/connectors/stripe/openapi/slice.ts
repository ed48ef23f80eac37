import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import {
  isJsonList,
  isJsonObject,
  type JsonObject,
  type JsonValue,
} from '../../../../protocol/index.ts'
import { samples } from '../samples.ts'
import { stripeActions } from '../../../../connectors/stripe/actions/actions.ts'
import { operationOf, type Operation } from './operation.ts'

/**
 * Cuts the operations that the actions use, and the queries of the lists that the streams read, out of Stripe's OpenAPI document:
 *
 *   node test/connectors/stripe/openapi/slice.ts $(go env GOMODCACHE)/github.com/stripe/stripe-mock@v0.203.0/embedded/openapi/spec3.json
 *
 * A parameter that no action sends stays as a name, which is enough to find out what does not exist. Descriptions are left out.
 */
const [, , from] = process.argv
if (from === undefined) throw new Error('Give the path of spec3.json.')
const document = readFileSync(from, 'utf8')
const spec = JSON.parse(document) as {
  readonly info: { readonly version: string }
  readonly paths: Readonly<Record<string, Readonly<Record<string, JsonObject>>>>
}
const used = new Map<string, Operation>()
for (const action of stripeActions) {
  const sample = samples[action.descriptor.name]
  if (sample === undefined) throw new Error(`samples.ts has no ${action.descriptor.name}`)
  const request = action.call(sample).plan({})
  const path = Object.keys(spec.paths).find((template) => matches(template, request.url))
  const definition =
    path === undefined ? undefined : spec.paths[path]?.[request.method.toLowerCase()]
  if (path === undefined || definition === undefined) throw new Error(`${request.url} is not there`)
  const schema = isJsonObject(definition) ? operationOf(definition) : undefined
  const sent = request.body?.kind === 'form' ? request.body.fields : request.query
  const key = `${request.method} ${path}`
  used.set(key, {
    path,
    body: prune(schema ?? {}, JSON.parse(JSON.stringify(sent ?? {})) as JsonValue),
  })
}

/** A path of the document without names of its own takes precedence: `/v1/invoices/create_preview` is no invoice. */
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
      items: prune(items, Object.assign({}, ...value.filter(isJsonObject)) as JsonValue),
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
    if (get === undefined || !Array.isArray(get.parameters)) return []
    const names = get.parameters.flatMap((parameter) =>
      isJsonObject(parameter) && parameter.in === 'query' ? [parameter.name] : [],
    )
    return names.includes('starting_after') ? [[path, names]] : []
  }),
)

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
  events: eventTypes(),
}
writeFileSync(new URL('slice.json', import.meta.url), `${JSON.stringify(slice, null, 1)}\n`)
