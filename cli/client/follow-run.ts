import { setTimeout as sleep } from 'node:timers/promises'
import { EventSourceParserStream, type EventSourceMessage } from 'eventsource-parser/stream'
import type { z } from 'zod'
import { ConnectError } from '../../protocol/index.ts'
import { logLineDocument, runDocument } from '../../service/runs/schema.ts'
import type { ApiClient } from './api-client.ts'
import { serviceError, serviceErrorDocument } from './service-error.ts'

export type RunLine = z.output<typeof logLineDocument>
export type RunState = z.output<typeof runDocument>

export type RunNews =
  | { readonly type: 'log'; readonly line: RunLine; readonly json: unknown }
  | { readonly type: 'run'; readonly run: RunState; readonly json: unknown }

export interface Following {
  /** The path of the run's log. */
  readonly path: string
  /** Lines after this `seq`; 0: all. */
  readonly after: number
  readonly signal: AbortSignal
}

/** A line of a log and a document of a run are far smaller. */
const maxEventLength = 16 * 1024 * 1024
const retryMs = 1_000
/** As long as a service takes to start again. */
const patienceMs = 60_000

/**
 * The lines of a run's log and the changes of the run as they come, until the run has ended. A broken
 * connection is opened again, after the last line that was received. Throws what the service refuses, and
 * `service_unreachable` if it stays away.
 */
export async function* followRun(client: ApiClient, following: Following): AsyncGenerator<RunNews> {
  let { after } = following
  let aliveAtMs: number | undefined
  for (;;) {
    try {
      for await (const message of messages(client, { ...following, after })) {
        aliveAtMs = Date.now()
        if (message.event === 'end') return
        const news = newsOf(message, client)
        if (news?.type === 'log') after = news.line.seq
        if (news !== undefined) yield news
      }
    } catch (error) {
      const mayPass = error instanceof ConnectError && error.retryable
      if (!mayPass || aliveAtMs === undefined || Date.now() - aliveAtMs > patienceMs) throw error
    }
    await sleep(retryMs, undefined, { signal: following.signal })
  }
}

async function* messages(
  client: ApiClient,
  { path, after }: Following,
): AsyncGenerator<EventSourceMessage> {
  const response = await client.send({
    method: 'GET',
    path,
    headers: { accept: 'text/event-stream', 'last-event-id': String(after) },
  })
  if (response.body === null) return
  const stream = response.body
    .pipeThrough(new TextDecoderStream())
    .pipeThrough(new EventSourceParserStream({ maxBufferSize: maxEventLength }))
  try {
    yield* stream
  } catch (error) {
    throw client.unreachable(error, { method: 'GET' })
  }
}

/** Undefined for a kind of event that this version does not know. */
function newsOf({ event, data }: EventSourceMessage, client: ApiClient): RunNews | undefined {
  switch (event) {
    case 'log': {
      const { json, document } = client.parse(data, logLineDocument)
      return { type: 'log', line: document, json }
    }
    case 'run': {
      const { json, document } = client.parse(data, runDocument)
      return { type: 'run', run: document, json }
    }
    case 'error':
      throw serviceError(client.parse(data, serviceErrorDocument).document.error)
    case undefined:
    default:
      return undefined
  }
}
