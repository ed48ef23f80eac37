import { PassThrough, Readable, pipeline } from 'node:stream'
import type { FastifyReply } from 'fastify'

/**
 * One server-sent event. Without `id`, the client keeps the previous one, from which it resumes after an
 * interruption.
 */
export interface ServerSentEvent {
  readonly event: string
  readonly data: unknown
  readonly id?: number
}

export interface EventStreamOptions {
  /**
   * The events, until they end or the signal is aborted: the client has disconnected, or the server closes.
   */
  readonly events: (signal: AbortSignal) => AsyncIterable<ServerSentEvent>
  /** If the source fails, the stream ends with this event. */
  readonly failed: (error: unknown) => ServerSentEvent
  /**
   * Checked with each heartbeat. Throws if the client may no longer read: the stream then ends with `failed`.
   */
  readonly stillAllowed: () => Promise<void>
  readonly heartbeatMs: number
  readonly closing: AbortSignal
}

/** A disconnected client reconnects after this many milliseconds. */
const retryMs = 2000

/** Sends events as they come. It does not take more from `events` than the client reads. */
export function sendEvents(reply: FastifyReply, options: EventStreamOptions): FastifyReply {
  const gone = new AbortController()
  const refused = new AbortController()
  const out = new PassThrough()
  const heartbeat = setInterval(() => {
    // A client that does not read needs no heartbeat, and its memory here stays bounded.
    if (!out.writableNeedDrain) out.write(': alive\n\n')
    options.stillAllowed().catch((error: unknown) => {
      refused.abort(error)
    })
  }, options.heartbeatMs)
  reply.raw.once('close', () => {
    gone.abort()
  })
  const signal = AbortSignal.any([gone.signal, options.closing, refused.signal])
  pipeline(Readable.from(frames(options, { signal, refused: refused.signal })), out, () => {
    // In all cases: the events ended, the client disconnected, or the server closes.
    clearInterval(heartbeat)
    gone.abort()
  })
  return reply
    .headers({ 'content-type': 'text/event-stream; charset=utf-8', 'x-accel-buffering': 'no' })
    .send(out)
}

async function* frames(
  { events, failed }: EventStreamOptions,
  { signal, refused }: { readonly signal: AbortSignal; readonly refused: AbortSignal },
): AsyncGenerator<string> {
  yield `retry: ${retryMs}\n\n`
  try {
    for await (const event of events(signal)) yield frame(event)
  } catch (error) {
    if (!signal.aborted) yield frame(failed(error))
  }
  if (refused.aborted) yield frame(failed(refused.reason))
}

function frame({ event, data, id }: ServerSentEvent): string {
  const head = id === undefined ? `event: ${event}` : `event: ${event}\nid: ${id}`
  return `${head}\ndata: ${JSON.stringify(data)}\n\n`
}
