import { parseLocalReference } from '../../lib/text/json-pointer.ts'
import { list, optionalComponent } from '../definition.ts'
import { entries, get, isDict, isPlainDict, textEntries, valueInside } from '../value/dict.ts'
import type { Dict, PlainDict, Value } from '../value/value.ts'
import type { Manifest } from '../manifest/load-manifest.ts'

/**
 * The fields that the configuration of a manifest has at its top: those that `spec` declares, those that its
 * rules add, and those that a login writes. Undefined if the manifest does not say: without a spec, or if
 * Python or a pattern decides.
 */
export function declaredConfigKeys(manifest: Manifest): ReadonlySet<string> | undefined {
  const { spec, connectionSpecification: schema, check } = manifest
  if (spec === undefined) return undefined
  const keys = new Set<string>()
  if (!addProperties(schema, schema, keys, new Set())) return undefined
  const rules = optionalComponent(spec, 'config_normalization_rules')
  if (rules !== undefined && !addRuleFields(rules, keys)) return undefined
  addWrittenFields(get(spec, 'advanced_auth') ?? null, keys)
  addWrittenFields(manifest.definition, keys)
  const overrides = get(check, 'config_overrides')
  if (overrides !== undefined && isDict(overrides))
    for (const [name] of textEntries(overrides)) keys.add(name)
  return keys.size === 0 ? undefined : keys
}

/** True if a template deals with a field that is not there. */
export function isReadWithDefault(text: string): boolean {
  return /\bdefault\s*\(|\bdefault\b|\bd\(|\bis\s+(?:not\s+)?(?:defined|none|undefined)|\bor\b|\bin\s+config\b|\bif\b/i.test(
    text,
  )
}

/** False if other names are possible. */
function addProperties(schema: Value, root: Dict, keys: Set<string>, seen: Set<Value>): boolean {
  if (!isDict(schema) || seen.has(schema)) return true
  seen.add(schema)
  if (get(schema, 'patternProperties') !== undefined) return false
  const additional = get(schema, 'additionalProperties')
  if (additional !== undefined && isDict(additional)) return false
  const properties = get(schema, 'properties')
  if (properties !== undefined && isDict(properties))
    for (const [name] of textEntries(properties)) keys.add(name)
  return branchesOf(schema, root).every((branch) => addProperties(branch, root, keys, seen))
}

function branchesOf(schema: Dict, root: Dict): readonly Value[] {
  const branches = ['oneOf', 'anyOf', 'allOf'].flatMap((name) => {
    const listed = get(schema, name)
    return Array.isArray(listed) ? listed : []
  })
  const conditions = ['if', 'then', 'else'].flatMap((name) => get(schema, name) ?? [])
  const dependent = ['dependencies', 'dependentSchemas'].flatMap((name) => {
    const listed = get(schema, name)
    return listed !== undefined && isDict(listed) ? entries(listed).map(([, value]) => value) : []
  })
  const reference = get(schema, '$ref')
  const path = typeof reference === 'string' ? parseLocalReference(reference) : undefined
  const referred = path === undefined ? undefined : valueInside(root, path)
  return [...branches, ...conditions, ...dependent, ...(referred === undefined ? [] : [referred])]
}

function addRuleFields(rules: PlainDict, keys: Set<string>): boolean {
  const transformations = [
    ...list(rules, 'transformations'),
    ...list(rules, 'config_migrations')
      .filter(isPlainDict)
      .flatMap((migration) => list(migration, 'transformations')),
  ].filter(isPlainDict)
  return transformations.every((transformation) => {
    const type = get(transformation, 'type')
    if (typeof type !== 'string' || type.startsWith('Custom')) return false
    if (type !== 'ConfigAddFields') return true
    return list(transformation, 'fields')
      .filter(isPlainDict)
      .every((field) => addFirst(list(field, 'path'), keys))
  })
}

/** False for a name that is a template. */
function addFirst(path: readonly Value[], keys: Set<string>): boolean {
  const [first] = path
  if (typeof first !== 'string' || first.includes('{{')) return false
  keys.add(first)
  return true
}

/**
 * Where a login stores what it got: `path_in_connector_config` of advanced_auth, `access_token_config_path`
 * of a refresh_token_updater.
 */
function addWrittenFields(value: Value, keys: Set<string>, seen = new Set<Value>()): void {
  if (typeof value !== 'object' || value === null || seen.has(value)) return
  seen.add(value)
  if (Array.isArray(value)) for (const item of value) addWrittenFields(item, keys, seen)
  else if (isDict(value))
    for (const [name, part] of entries(value)) {
      if (typeof name === 'string') addPath(name, part, keys)
      addWrittenFields(part, keys, seen)
    }
}

function addPath(name: string, part: Value, keys: Set<string>): void {
  // Without paths of its own it writes below this one.
  if (name === 'refresh_token_updater') keys.add('credentials')
  const isPath = /(?:_config_path|path_in_connector_config)$/.test(name)
  if (isPath && Array.isArray(part)) addFirst(part, keys)
}
