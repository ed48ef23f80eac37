import { PythonError } from '../../value/python-error.ts'
import { jsonFileLoader } from './json-file-schema-loader.ts'
import { SchemaFileError } from './schema-file.ts'
import type { Builder } from '../../component.ts'
import type { SchemaLoader } from '../../contracts.ts'
import type { Dict } from '../../value/value.ts'

/**
 * DefaultSchemaLoader: the file `schemas/<stream>.json` beside the manifest, or an empty schema if there is
 * none.
 */
export function defaultSchemaLoader(parameters: Dict, builder: Builder): SchemaLoader {
  const loader = jsonFileLoader({ path: undefined, parameters }, builder)
  return {
    async schema() {
      try {
        return await loader.schema()
      } catch (error) {
        if (!isMissing(error)) throw error
        builder.environment.logger.info('The stream has no schema: any record fits.')
        return {}
      }
    },
  }
}

function isMissing(error: unknown): boolean {
  if (error instanceof SchemaFileError) return error.reason === 'missing'
  return error instanceof PythonError && error.kind === 'ValueError'
}
