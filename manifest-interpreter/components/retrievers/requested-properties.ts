import { invalidComponent, optionalComponent } from '../../definition.ts'
import { dictOf, entries, get, isDict, isPlainDict, textEntries } from '../../value/dict.ts'
import { buildQueryProperties, type QueryProperties } from '../query-properties/query-properties.ts'
import type { BuildContext, Builder } from '../../component.ts'
import type { PlainDict, Value } from '../../value/value.ts'

export interface RequestedProperties {
  readonly properties: QueryProperties | null
  /** The request parameter that they fill. */
  readonly key?: string
  /** The requester's definition without them. */
  readonly requester: PlainDict
}

/**
 * QueryProperties are in a request parameter, in `query_properties`, or, formerly, in
 * `fetch_properties_from_endpoint`.
 */
export function queryPropertiesOf(
  requester: PlainDict,
  builder: Builder,
  context: BuildContext,
): RequestedProperties {
  const configuredSchema = builder.catalog?.get(context.streamName)?.jsonSchema ?? null
  const build = (found: PlainDict) =>
    buildQueryProperties(found, builder, { ...context, configuredSchema })
  const fromEndpoint = optionalComponent(requester, 'fetch_properties_from_endpoint')
  const inParameters = parameterProperties(requester)
  const [first] = inParameters
  if (inParameters.length > 1 || (first !== undefined && fromEndpoint !== undefined))
    throw invalidComponent(
      `the requester of stream ${context.streamName}`,
      'it may name its query properties once only: in one request parameter.',
    )
  if (first !== undefined)
    return { properties: build(first.definition), key: first.key, requester: first.requester }
  const own =
    fromEndpoint === undefined
      ? optionalComponent(requester, 'query_properties')
      : { type: 'QueryProperties', property_list: fromEndpoint }
  return { properties: own === undefined ? null : build(own), requester }
}

function parameterProperties(requester: PlainDict) {
  const parameters = get(requester, 'request_parameters') ?? null
  if (!isDict(parameters)) return []
  return textEntries(parameters).flatMap(([key, definition]) => {
    if (!isQueryProperties(definition)) return []
    const others = entries(parameters).filter(([, other]) => !isQueryProperties(other))
    return [{ key, definition, requester: { ...requester, request_parameters: dictOf(others) } }]
  })
}

function isQueryProperties(value: Value): value is PlainDict {
  return isPlainDict(value) && get(value, 'type') === 'QueryProperties'
}
