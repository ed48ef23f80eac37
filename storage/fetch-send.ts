import { timeLimit } from '../lib/async/time-limit.ts'
import type { SendRequest } from './bucket-client.ts'

/** For a request with its response: 64 MiB at 1 MB/s. */
const timeoutMs = 120_000

/** Sends requests with `fetch`, to any address. */
export const fetchSend: SendRequest = async ({ method, url, headers, body, signal }) => {
  const limit = timeLimit(signal, timeoutMs)
  const response = await fetch(url, {
    method,
    headers,
    // It could lead with the signature to another host.
    redirect: 'manual',
    signal: limit.signal,
    ...(body !== undefined && { body }),
  }).catch((error: unknown) => {
    limit[Symbol.dispose]()
    throw error
  })
  return {
    status: response.status,
    header: (name) => response.headers.get(name) ?? undefined,
    body: untilEnd(response.body, limit),
  }
}

async function* untilEnd(
  body: AsyncIterable<Uint8Array> | null,
  limit: Disposable,
): AsyncGenerator<Uint8Array> {
  try {
    if (body !== null) yield* body
  } finally {
    limit[Symbol.dispose]()
  }
}
