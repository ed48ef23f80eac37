import { optionalText, parametersOf } from '../../definition.ts'
import { str } from '../../value/text.ts'
import { readSchemaFile } from './schema-file.ts'
import type { Builder } from '../../component.ts'
import type { SchemaLoader } from '../../contracts.ts'
import type { Dict, PlainDict } from '../../value/value.ts'

/** JsonFileSchemaLoader: the schema stands in a file beside the manifest. */
export function jsonFileSchemaLoader(definition: PlainDict, builder: Builder): SchemaLoader {
  const path = optionalText(definition, 'file_path')
  return jsonFileLoader({ path, parameters: parametersOf(definition) }, builder)
}

export function jsonFileLoader(
  location: { readonly path: string | undefined; readonly parameters: Dict },
  { templates, config, environment }: Builder,
): SchemaLoader {
  const { path, parameters } = location
  const template =
    path === undefined || path === '' ? "./schemas/{{ parameters['name'] }}.json" : path
  const evaluate = templates.string(template, { parameters })
  return {
    schema: async () => readSchemaFile(environment.manifestDirectory, str(evaluate({ config }))),
  }
}
