import { SourceError } from '../../contracts.ts'
import { responseJson } from './response-json.ts'
import type { Value } from '../../value/value.ts'

/**
 * JSON inside of an archive: the elements of a list, or the one value. Null, and a text that is not JSON, are
 * errors there.
 */
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

/** All of a body. */
async function collect(bytes: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  for await (const chunk of bytes) chunks.push(chunk)
  return chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks)
}
