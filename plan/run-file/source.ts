import { z } from 'zod'
import { resolve } from 'node:path'
import { connectorOf, manifestType } from '../../connectors/registry.ts'
import { isJsonList, type JsonObject, type JsonValue } from '../../protocol/index.ts'
import type { ConnectorDescriptor } from '../../connectors/connector.ts'
import { allowsProcesses, type Environment } from '../environment.ts'
import { allowedEntry, readCatalog } from '../../connectors/catalog.ts'
import type { FileProblem } from './file-problem.ts'
import { nameSuggestion, nameList, nearestName } from '../../lib/text/near-names.ts'
import type { RunFile } from './run-file-schema.ts'
import { schemaProblems } from './schema-problems.ts'
import type { FieldPath } from './source-position.ts'

export interface SourceContext {
  /** Where the path of a manifest counts from. */
  readonly folder: string
  /** Where imported manifests are. */
  readonly catalogFolder: string
  /** Fills fields that the configuration leaves out, if the connector says so. */
  readonly environment: Environment
  /** The place of the source in the file. Default: `source`. */
  readonly base?: FieldPath
}

interface CheckedSource {
  readonly type: string
  readonly config: JsonObject
}

/**
 * The source with its configuration, checked against the connector's spec. Adds to `problems` and gives
 * undefined if that fails. Throws `airbyte_disabled` for a program that may not be started.
 */
export async function resolveSource(
  source: RunFile['source'],
  problems: FileProblem[],
  { folder, catalogFolder, environment, base = ['source'] }: SourceContext,
): Promise<CheckedSource | undefined> {
  if (source.manifest !== undefined) {
    const type = manifestType(resolve(folder, source.manifest))
    return checkedConfig(type, source.config, { problems, environment, base })
  }
  if (source.type === undefined) return undefined
  const catalog = readCatalog(catalogFolder)
  const entry = catalog.get(source.type)
  if (entry !== undefined) {
    const { connectorType } = allowedEntry(entry, allowsProcesses(environment))
    return checkedConfig(connectorType, source.config, { problems, environment, base })
  }
  const types = [...catalog.keys()]
  const near = nearestName(source.type, types)
  const fix = `${nameSuggestion(near)}Use ${nameList(types)}. \`reactor connect catalog list\` shows all.`
  problems.push({
    code: 'run_file_invalid',
    path: [...base, 'type'],
    at: 'value',
    problem: `there is no connector "${source.type}"`,
    fix,
  })
  return undefined
}

async function checkedConfig(
  type: string,
  input: Readonly<Record<string, unknown>>,
  context: {
    readonly problems: FileProblem[]
    readonly environment: Environment
    readonly base: FieldPath
  },
): Promise<CheckedSource | undefined> {
  const { descriptor } = await connectorOf(type)
  const { spec } = descriptor
  const { problems, environment } = context
  const config = coerceConfig({ ...ambientFields(descriptor, input, environment), ...input }, spec)
  const checked = z.fromJSONSchema(jsonSchema.parse(spec)).safeParse(config)
  if (!checked.success) {
    const base = [...context.base, 'config']
    const knownFields = (path: FieldPath): readonly string[] =>
      Object.keys(propertiesOf(specAt(spec, path)))
    problems.push(
      ...schemaProblems(checked.error.issues, {
        document: config,
        base,
        knownFields,
        mayShow: () => false,
      }),
    )
    return undefined
  }
  return { type, config }
}

/** Keys belong together: the environment has none for a configuration that has some of them. */
function ambientFields(
  { environment: variables = {}, auth, spec }: ConnectorDescriptor,
  input: Readonly<Record<string, unknown>>,
  environment: Environment,
): Readonly<Record<string, string>> {
  const keys = auth.flatMap((scheme) =>
    scheme.kind === 'basic' ? [scheme.usernameField, scheme.passwordField] : [],
  )
  const hasKeys = keys.some((field) => field in input)
  const isSecret = (field: string): boolean =>
    objectAt(propertiesOf(spec)[field]).airbyte_secret === true
  const entries = Object.entries(variables).flatMap(([field, variable]) => {
    const value = environment[variable] ?? ''
    const isLeftOut = hasKeys && (keys.includes(field) || isSecret(field))
    return value === '' || isLeftOut ? [] : [[field, value] as const]
  })
  return Object.fromEntries(entries)
}

const jsonSchema = z.custom<z.core.JSONSchema.JSONSchema>(
  (value) => typeof value === 'object' && value !== null,
)

/** `port: ${PORT}` is text after the expansion: text becomes what the spec wants if it can. */
function coerceConfig(config: Readonly<Record<string, unknown>>, spec: JsonObject): JsonObject {
  const properties = propertiesOf(spec)
  return Object.fromEntries(
    Object.entries(config).map(([key, value]) => [
      key,
      coercedValue(value, objectAt(properties[key])),
    ]),
  )
}

function coercedValue(value: unknown, spec: JsonObject): JsonValue {
  if (typeof value === 'string') return coercedText(value, spec.type)
  if (value === null || typeof value === 'boolean' || typeof value === 'number') return value
  if (Array.isArray(value)) return value.map((item) => coercedValue(item, objectAt(spec.items)))
  // TOML has dates, JSON does not.
  if (value instanceof Date) return value.toISOString()
  return coerceConfig(Object.fromEntries(Object.entries(value ?? {})), spec)
}

function coercedText(text: string, type: JsonValue | undefined): JsonValue {
  if (type === 'boolean' && (text === 'true' || text === 'false')) return text === 'true'
  if (type === 'integer' && /^-?\d+$/.test(text)) return Number(text)
  if (type === 'number' && text.trim() !== '' && Number.isFinite(Number(text))) return Number(text)
  return text
}

/**
 * The texts of a configuration: those that the spec marks as secrets, wherever they stand, and the others.
 */
export function textsOfConfig(
  config: JsonObject,
  spec: JsonObject,
): { readonly secret: readonly string[]; readonly shown: readonly string[] } {
  const secret: string[] = []
  const shown: string[] = []
  const walk = (value: JsonValue | undefined, own: JsonObject, inSecret: boolean): void => {
    const isSecret = inSecret || own.airbyte_secret === true
    if (typeof value === 'string') (isSecret ? secret : shown).push(value)
    if (typeof value !== 'object' || value === null) return
    const properties = propertiesOf(own)
    for (const [key, item] of Object.entries(value))
      walk(item, objectAt(properties[key] ?? own.items), isSecret)
  }
  walk(config, spec, false)
  return { secret, shown }
}

function specAt(spec: JsonObject, path: FieldPath): JsonObject {
  return path.reduce<JsonObject>(
    (node, part) => objectAt(typeof part === 'number' ? node.items : propertiesOf(node)[part]),
    spec,
  )
}

function propertiesOf(spec: JsonObject): JsonObject {
  return objectAt(spec.properties)
}

function objectAt(value: JsonValue | undefined): JsonObject {
  return typeof value === 'object' && value !== null && !isJsonList(value) ? value : {}
}
