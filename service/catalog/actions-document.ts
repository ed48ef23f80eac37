import { z } from 'zod'
import type { ActionDescriptor } from '../../connectors/descriptor-schema.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '../../protocol/index.ts'

const anyObject = z.custom<JsonObject>(isJsonObject)
const operationSchema = z
  .object({
    description: z.string(),
    parameters: z.array(anyObject),
    responses: z.record(z.string(), anyObject),
  })
  .catchall(z.custom<JsonObject>())
type Operation = z.output<typeof operationSchema>

/** The part of the service's document that is used here. */
const serviceDocument = z.object({
  openapi: z.string(),
  info: anyObject,
  servers: z.array(anyObject),
  security: z.array(anyObject),
  paths: z.record(z.string(), z.object({ post: anyObject.optional() })),
  components: z.object({
    securitySchemes: anyObject,
    schemas: z.object({
      InvokeInputInput: anyObject,
      DryRun: anyObject,
      Invocation: anyObject,
      Error: anyObject,
    }),
  }),
})
type ServiceSchemas = z.output<typeof serviceDocument>['components']['schemas']

/**
 * OpenAPI of the actions of one connector, for generators of clients: an operation for each action, with its
 * own input and output. It is not a part of the document of the service, because two connectors have actions
 * of the same name, which would be the same path.
 *
 * @param document that of the service: what an invocation takes besides its input, and how it fails
 */
export function actionsDocument(
  document: unknown,
  {
    type,
    title,
    actions,
  }: {
    readonly type: string
    readonly title: string
    readonly actions: readonly ActionDescriptor[]
  },
): JsonObject {
  const { openapi, info, servers, security, paths, components } = serviceDocument.parse(document)
  const { path, invocation } = invocationIn(paths)
  const failures = Object.entries(invocation.responses).filter(([status]) => status !== '200')
  const parameters = sharedParameters(invocation)
  const { schemas, securitySchemes } = components
  const parts: JsonObject = {
    schemas: {
      Error: schemas.Error,
      ...(actions.some(({ dryRun }) => dryRun === 'synthesized') && { DryRun: schemas.DryRun }),
      ...Object.fromEntries(actions.flatMap((action) => schemasOf(action, schemas))),
    },
    parameters: Object.fromEntries(parameters),
    responses: Object.fromEntries(
      failures.map(([status, response]) => [failureName(status), response]),
    ),
  }
  return {
    openapi,
    info: {
      ...info,
      title: `Reactor Connect: actions of ${title}`,
      description: `An operation for each action of the connector \`${type}\`. \`name\` is an instance of it. The document of the whole service is \`/connect/v1/openapi.json\`.`,
    },
    servers,
    security,
    paths: Object.fromEntries(
      actions.map((action) => [
        path.replace('{action}', action.name),
        { post: { ...operationOf(action, invocation), tags: [type] } },
      ]),
    ),
    components: { securitySchemes, ...(actions.length > 0 && parts) },
  }
}

function invocationIn(paths: z.output<typeof serviceDocument>['paths']): {
  readonly path: string
  readonly invocation: Operation
} {
  const found = Object.entries(paths).find(([, { post }]) => post?.operationId === 'invokeAction')
  if (found === undefined) throw new TypeError('the document has no operation `invokeAction`')
  const [path, { post }] = found
  return { path, invocation: operationSchema.parse(post) }
}

function operationOf(action: ActionDescriptor, invocation: Operation): JsonObject {
  const statuses = Object.keys(invocation.responses).filter((status) => status !== '200')
  const results = [
    reference(action, 'Invocation'),
    ...(action.dryRun === 'native' ? [reference(action, 'DryRun')] : []),
    ...(action.dryRun === 'synthesized' ? [{ $ref: '#/components/schemas/DryRun' }] : []),
  ]
  return {
    ...invocation,
    operationId: action.name,
    summary: action.title,
    description: `${aboutAction(action)}\n\n${invocation.description}`,
    parameters: sharedParameters(invocation).map(([name]) => ({
      $ref: `#/components/parameters/${name}`,
    })),
    requestBody: { required: true, content: json(reference(action, 'Request')) },
    responses: {
      200: { description: 'OK', content: json({ oneOf: results }) },
      ...Object.fromEntries(
        statuses.map((status) => [
          status,
          { $ref: `#/components/responses/${failureName(status)}` },
        ]),
      ),
    },
  }
}

/** The same for all actions. The name of the action is in the path already. */
function sharedParameters({
  parameters,
}: Operation): readonly (readonly [name: string, parameter: JsonObject])[] {
  return parameters.flatMap((parameter) =>
    typeof parameter.name !== 'string' || parameter.name === 'action'
      ? []
      : [[parameter.name, parameter] as const],
  )
}

function aboutAction({ effect, idempotency, dryRun, ...action }: ActionDescriptor): string {
  const confirmation = action.requiresConfirmation ? ' A person should be asked first.' : ''
  return `Effect: ${effect}. Idempotency: ${idempotency}. Dry-run: ${dryRun}.${confirmation}`
}

function schemasOf(
  action: ActionDescriptor,
  { InvokeInputInput, Invocation, DryRun }: ServiceSchemas,
): readonly (readonly [name: string, schema: JsonObject])[] {
  const output = { output: reference(action, 'Output') }
  return [
    ...componentsOf(schemaName(action, 'Input'), action.input),
    ...componentsOf(schemaName(action, 'Output'), action.output),
    [
      schemaName(action, 'Request'),
      withProperties(InvokeInputInput, { input: reference(action, 'Input') }),
    ],
    [schemaName(action, 'Invocation'), withProperties(Invocation, output)],
    ...(action.dryRun === 'native'
      ? [[schemaName(action, 'DryRun'), withProperties(DryRun, output)] as const]
      : []),
  ]
}

/** A schema and its `$defs`: a reference within a document begins at the root of the document. */
function componentsOf(
  name: string,
  { $defs, ...schema }: JsonObject,
): readonly (readonly [name: string, schema: JsonObject])[] {
  const placeOf = (ref: string): string =>
    `#/components/schemas/${ref === '#' ? name : partName(name, ref.replace('#/$defs/', ''))}`
  const moved = (part: JsonValue): JsonObject =>
    JSON.parse(JSON.stringify(part), (key, value: unknown) =>
      key === '$ref' && typeof value === 'string' ? placeOf(value) : value,
    ) as JsonObject
  const own = isJsonObject($defs) ? Object.entries($defs) : []
  return [
    [name, moved(schema)],
    ...own.map(([part, definition]) => [partName(name, part), moved(definition)] as const),
  ]
}

function partName(name: string, part: string): string {
  return `${name}_${part.replace(/^_+/, '')}`
}

function withProperties(schema: JsonObject, properties: JsonObject): JsonObject {
  const own = isJsonObject(schema.properties) ? schema.properties : {}
  return { ...schema, properties: { ...own, ...properties } }
}

type Part = 'Input' | 'Output' | 'Request' | 'Invocation' | 'DryRun'

function schemaName({ name }: ActionDescriptor, part: Part): string {
  return `${name.charAt(0).toUpperCase()}${name.slice(1)}${part}`
}

function reference(action: ActionDescriptor, part: Part): JsonObject {
  return { $ref: `#/components/schemas/${schemaName(action, part)}` }
}

function failureName(status: string): string {
  return `Failure-${status}`
}

function json(schema: JsonObject): JsonObject {
  return { 'application/json': { schema } }
}
