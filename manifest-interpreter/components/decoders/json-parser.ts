import { SourceError } from '../../contracts.ts'
import { responseJson } from './response-json.ts'
import { collect } from './collect.ts'
import type { Value } from '../../value/value.ts'

/** JSON inside of an archive: the elements of a list, or the one value. What is no JSON, or null, is an error there. */
export async function* jsonParser(
  bytes: AsyncIterable<Uint8Array>,
): AsyncIterable<readonly Value[]> {
  const value = responseJson(await collect(bytes))
  if (value === undefined || value === null)
    throw new SourceError(
      'Response JSON data failed to be parsed. See logs for more information.',
      {
        failureType: 'system_error',
      },
    )
  const values = Array.isArray(value) ? value : [value]
  if (values.length > 0) yield values
}
