import { optionalComponent, optionalDict } from '../definition.ts'
import { dictOf, entries, has, isDict, isPlainDict } from '../value/dict.ts'
import type { Dict, PlainDict, Value } from '../value/value.ts'
import { loadYaml } from '../yaml/load-yaml.ts'
import { YamlError } from '../yaml/yaml-error.ts'
import { manifestError } from './manifest-error.ts'
import { propagateParameters } from './propagate-parameters.ts'
import { resolveReferences } from './resolve-references.ts'
import { validateManifest } from './validate-manifest.ts'

/** A manifest that can be compiled. It holds for any configuration and is never changed. */
export interface Manifest {
  /** The whole of it: references resolved, types and `$parameters` passed down, valid. */
  readonly definition: PlainDict
  readonly check: PlainDict
  readonly spec: PlainDict | undefined
  /** The JSON schema of the configuration; empty if the manifest has none. */
  readonly connectionSpecification: Dict
}

/**
 * Reads a manifest, as YAML or as the value that it is read as.
 * @throws {ManifestError} if it is no YAML, a reference names nothing, or a component is not as it should be
 */
export function loadManifest(source: string | Dict): Manifest {
  const read = typeof source === 'string' ? readYaml(source) : source
  if (!isDict(read)) {
    throw manifestError('', 'It must be an object with "version", "check" and "streams".')
  }
  const typed = has(read, 'type') ? read : withType(read)
  const definition = propagateParameters(resolveReferences(typed))
  validateManifest(definition)
  if (!isPlainDict(definition)) throw manifestError('', 'Its keys must be names of fields.')
  const check = optionalComponent(definition, 'check')
  if (check === undefined) throw manifestError('check', 'Its keys must be names of fields.')
  const spec = optionalComponent(definition, 'spec')
  const connectionSpecification = spec && optionalDict(spec, 'connection_specification')
  return { definition, check, spec, connectionSpecification: connectionSpecification ?? {} }
}

function readYaml(text: string): Value {
  try {
    return loadYaml(text)
  } catch (error) {
    if (!(error instanceof YamlError)) throw error
    const place = `line ${error.line}, column ${error.column}`
    throw manifestError('', `It is not valid YAML: ${error.reason} (${place}).`, error)
  }
}

function withType(manifest: Dict): Dict {
  return dictOf([...entries(manifest), ['type', 'DeclarativeSource']])
}
