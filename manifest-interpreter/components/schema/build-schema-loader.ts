import { field, parametersOf } from '../../definition.ts'
import { get, isDict, merged } from '../../value/dict.ts'
import { PythonError } from '../../value/python-error.ts'
import { truth } from '../../value/truth.ts'
import { defaultSchemaLoader } from './default-schema-loader.ts'
import type { BuildContext, Builder } from '../../component.ts'
import type { SchemaLoader } from '../../contracts.ts'
import type { Dict, PlainDict, Value } from '../../value/value.ts'

/**
 * The schema loader of a stream's definition: one, or several of which the first one to name a property
 * decides, or the default location. The schema is loaded once, when it is first asked for; a load that failed
 * is tried again.
 */
export function buildSchemaLoader(stream: PlainDict, builder: Builder): SchemaLoader {
  return loadedOnce(loaderOf(stream, builder))
}

function loaderOf(stream: PlainDict, builder: Builder): SchemaLoader {
  const definition = field(stream, 'schema_loader') ?? null
  const streamName = typeof stream.name === 'string' ? stream.name : ''
  const context: BuildContext = { streamName }
  if (Array.isArray(definition))
    return combined(builder.buildAll('schemaLoader', definition, context))
  if (truth(definition)) return builder.build('schemaLoader', definition, context)
  const parameters = parametersOf(stream)
  return defaultSchemaLoader(
    get(parameters, 'name') === undefined ? merged(parameters, { name: streamName }) : parameters,
    builder,
  )
}

function combined(loaders: readonly SchemaLoader[]): SchemaLoader {
  return {
    async schema() {
      let properties: Dict = {}
      for (const loader of loaders)
        properties = merged(propertiesOf(await loader.schema()), properties)
      return {
        $schema: 'http://json-schema.org/draft-07/schema#',
        type: ['null', 'object'],
        properties,
      }
    },
  }
}

function propertiesOf(schema: Dict): Dict {
  const properties: Value | undefined = get(schema, 'properties')
  if (properties !== undefined && isDict(properties)) return properties
  throw new PythonError(
    'KeyError',
    'A schema of the list of schema loaders has no "properties". Add them, or name one schema loader only.',
  )
}

function loadedOnce(loader: SchemaLoader): SchemaLoader {
  let loading: Promise<Dict> | undefined
  return {
    schema() {
      loading ??= loader.schema().catch((error: unknown) => {
        loading = undefined
        throw error
      })
      return loading
    },
  }
}
