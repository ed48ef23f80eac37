import { SourceError } from '../../contracts.ts'
import { component, flag, list, optionalText } from '../../definition.ts'
import { dynamicStreamName } from '../../manifest/unsupported.ts'
import { propagateParameters } from '../../manifest/propagate-parameters.ts'
import { get, isPlainDict } from '../../value/dict.ts'
import { valueError } from '../../value/python-error.ts'
import { typeName } from '../../value/type-name.ts'
import { copyDict } from '../transformations/copy-value.ts'
import { configComponentsResolver } from './config-components-resolver.ts'
import { httpComponentsResolver } from './http-components-resolver.ts'
import { parametrizedComponentsResolver } from './parametrized-components-resolver.ts'
import type { Builder } from '../../component.ts'
import type { Manifest } from '../../manifest/load-manifest.ts'
import type { PlainDict } from '../../value/value.ts'
import type { ComponentsResolver } from './components-resolver.ts'

export interface DynamicStream {
  /** The name of the DynamicDeclarativeStream that it was made from. */
  readonly dynamicStream: string
  readonly definition: PlainDict
}

/**
 * The definitions of the streams that the manifest's dynamic streams make, in order. May read from the API.
 * Fails if two of them have the same name.
 * @param isSupported false for a dynamic stream that is left out
 */
export async function resolveDynamicStreams(
  manifest: Manifest,
  builder: Builder,
  isSupported: (dynamicStream: PlainDict) => boolean = () => true,
): Promise<readonly DynamicStream[]> {
  const streams: DynamicStream[] = []
  const names = new Set<string>()
  const dynamicStreams = list(manifest.definition, 'dynamic_streams').filter(isPlainDict)
  for (const [index, dynamicStream] of dynamicStreams.entries()) {
    if (!isSupported(dynamicStream)) continue
    const name = dynamicStreamName(dynamicStream, index)
    for await (const definition of definitionsOf(dynamicStream, builder)) {
      addName(names, definition, component(dynamicStream, 'components_resolver'))
      streams.push({ dynamicStream: name, definition })
    }
  }
  return streams
}

async function* definitionsOf(
  dynamicStream: PlainDict,
  builder: Builder,
): AsyncIterable<PlainDict> {
  const template = component(dynamicStream, 'stream_template')
  const resolver = buildResolver(dynamicStream, builder)
  const parentWins = flag(dynamicStream, 'use_parent_parameters', true)
  for await (const values of resolver.values()) {
    const scope = { ...values, config: builder.config, stream_template_config: template }
    const definition = copyDict(template)
    if (!isPlainDict(definition))
      throw valueError('The keys of stream_template must be names of fields.')
    for (const mapping of resolver.mappings) mapping(definition, scope)
    const complete = propagateParameters(definition, { parentWins })
    if (!isPlainDict(complete)) throw valueError('The keys of a stream must be names of fields.')
    yield get(complete, 'type') === undefined
      ? { ...complete, type: 'DeclarativeStream' }
      : complete
  }
}

const resolvers: ReadonlyMap<
  string | undefined,
  (definition: PlainDict, builder: Builder, name: string | undefined) => ComponentsResolver
> = new Map([
  ['ConfigComponentsResolver', configComponentsResolver],
  ['HttpComponentsResolver', httpComponentsResolver],
  ['ParametrizedComponentsResolver', parametrizedComponentsResolver],
])

function buildResolver(dynamicStream: PlainDict, builder: Builder): ComponentsResolver {
  const definition = component(dynamicStream, 'components_resolver')
  const build = resolvers.get(optionalText(definition, 'type'))
  if (build !== undefined) return build(definition, builder, optionalText(dynamicStream, 'name'))
  throw valueError(
    'The type of a components_resolver must be ConfigComponentsResolver, HttpComponentsResolver or ParametrizedComponentsResolver.',
  )
}

function addName(names: Set<string>, definition: PlainDict, resolver: PlainDict): void {
  const name = get(definition, 'name') ?? null
  if (typeof name !== 'string')
    throw valueError(`The name of a dynamic stream must be text, not ${typeName(name)}.`)
  if (names.has(name)) throw duplicate(name, resolver)
  names.add(name)
}

function duplicate(name: string, resolver: PlainDict): SourceError {
  const isByConfig = get(resolver, 'type') === 'ConfigComponentsResolver'
  const advice = isByConfig ? 'check your configuration' : 'contact Airbyte Support'
  const message = `Dynamic streams list contains a duplicate name: ${name}. Please ${advice}.`
  return new SourceError(message, {
    failureType: isByConfig ? 'config_error' : 'system_error',
    mayPass: false,
    internalMessage: message,
  })
}
