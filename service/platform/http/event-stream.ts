import { PassThrough, Readable, pipeline } from 'node:stream'
import type { FastifyReply } from 'fastify'

/** One server-sent event. Without `id` the client keeps the last one: that is where it goes on after a break. */
export interface ServerSentEvent {
  readonly event: string
  readonly data: unknown
  readonly id?: number
}

export interface EventStreamOptions {
  /** The events, until they end or the signal is aborted: the client went away, or the server closes. */
  readonly events: (signal: AbortSignal) => AsyncIterable<ServerSentEvent>
  /** A broken source ends the stream with this as its last event. */
  readonly failed: (error: unknown) => ServerSentEvent
  /** Asked with each sign of life. Throws if the client may no longer read: then the stream ends with `failed`. */
  readonly stillAllowed: () => Promise<void>
  readonly heartbeatMs: number
  readonly closing: AbortSignal
}

/** A client that was cut off comes back after this many milliseconds. */
const retryMs = 2000

/** Responds with events as they come. No more is taken from `events` than the client reads. */
export function sendEvents(reply: FastifyReply, options: EventStreamOptions): FastifyReply {
  const gone = new AbortController()
  const refused = new AbortController()
  const out = new PassThrough()
  const heartbeat = setInterval(() => {
    // A client that does not read needs no sign of life, and its memory here stays bounded.
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
    // However it ended: by itself, because the client went away, or because the server closes.
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
