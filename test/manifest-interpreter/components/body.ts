import { HttpResponse } from '../../../manifest-interpreter/http/http-response.ts'
import { ResponseHeaders } from '../../../manifest-interpreter/http/response-headers.ts'

/** A body in chunks of a size. */
export async function* chunked(body: string | Uint8Array, size = 7): AsyncIterable<Uint8Array> {
  const bytes = Buffer.from(body)
  for (let position = 0; position < bytes.length; position += size)
    yield await Promise.resolve(bytes.subarray(position, position + size))
}

export function response(
  body: string | Uint8Array | AsyncIterable<Uint8Array>,
  headers: readonly (readonly [string, string])[] = [],
): HttpResponse {
  return new HttpResponse({
    status: 200,
    headers: new ResponseHeaders(headers),
    url: 'https://api.test/items',
    body: typeof body === 'string' || body instanceof Uint8Array ? chunked(body) : body,
  })
}

export async function all<T>(batches: AsyncIterable<readonly T[]>): Promise<T[]> {
  const values: T[] = []
  for await (const batch of batches) values.push(...batch)
  return values
}

/** Returns the items before an error, and the name of the error. */
export async function untilError<T>(
  batches: AsyncIterable<readonly T[]>,
): Promise<{ readonly values: T[]; readonly error: string | null }> {
  const values: T[] = []
  try {
    for await (const batch of batches) values.push(...batch)
    return { values, error: null }
  } catch (error) {
    return { values, error: error instanceof Error ? error.name : typeof error }
  }
}
