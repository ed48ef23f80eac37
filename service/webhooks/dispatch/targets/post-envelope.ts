import { requestFailure } from '../../../../protocol/index.ts'
import type { DispatchOutcome } from './contract.ts'
import { httpOutcome, maxResponseBytes, requestTimeoutMs } from './http-outcome.ts'

export interface EnvelopePost {
  /** Set by the operator. */
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  /** JSON. */
  readonly text: string
  readonly now: () => number
  readonly timeoutMs: number | undefined
}

/** The response is only its status: at most a few kB of its body are read. */
export async function postEnvelope(
  { url, headers, text, now, timeoutMs = requestTimeoutMs }: EnvelopePost,
  signal: AbortSignal,
): Promise<DispatchOutcome> {
  const timeout = AbortSignal.timeout(timeoutMs)
  try {
    const response = await fetch(url, {
      method: 'POST',
      redirect: 'manual',
      headers: {
        'user-agent': 'reactor-connect',
        'content-type': 'application/json',
        ...headers,
      },
      body: text,
      signal: AbortSignal.any([signal, timeout]),
    })
    await readSome(response.body)
    const retryAfter = response.headers.get('retry-after') ?? undefined
    return httpOutcome(response.status, retryAfter, now())
  } catch (error) {
    signal.throwIfAborted()
    return { outcome: 'failed', reason: requestFailure(error), isTargetDown: true }
  }
}

/** A short body is read to its end, so that its connection can be used again. What happens to it changes nothing: the status has come. */
async function readSome(body: ReadableStream<Uint8Array> | null): Promise<void> {
  let bytes = 0
  try {
    for await (const chunk of body ?? []) {
      bytes += chunk.byteLength
      if (bytes > maxResponseBytes) return // ends the connection
    }
  } catch {
    return
  }
}
