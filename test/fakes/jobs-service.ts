import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { z } from 'zod'

/** A Jobs service as docs/jobs.md asks for it, in memory on loopback. */
export interface JobsService extends AsyncDisposable {
  readonly url: string
  readonly apiKey: string
  /** By id. */
  readonly schedules: ReadonlyMap<string, KeptSchedule>
  /** `METHOD path` of each request so far. */
  readonly requests: readonly string[]
  /** The most requests that were open at one time; without `take`. */
  mostAtOnce(): number
  /** Ids of jobs that are not deleted. */
  jobIds(): readonly string[]
  /** The jobs of another queue than that of runs. */
  jobsIn(queue: string): readonly { readonly id: string; readonly payload: unknown }[]
  /** The body of each request so far. */
  readonly texts: readonly string[]
  /** A time of the schedule has come: puts in a job under an id of its own, which it gives. */
  fire(schedule: string): string
  /** Puts in a job of any form. */
  put(id: string, payload: unknown): void
  /** Responds to the next request with this. */
  answerNext(status: number, body: string): void
  /** Responds to requests whose `METHOD path` matches with this status, until it is called with null. */
  refuse(requests: RegExp | null, status?: number): void
  /** Sets the latency of every request except `take`. */
  setLatency(latencyMs: number): void
  /** Schedules and jobs are gone, as in a service that was restored from nothing. */
  lose(): void
  /** Open requests wait until this is called with false. */
  setSilent(silent: boolean): void
}

const jobBody = z.strictObject({
  delay_ms: z.int().min(0),
  group: z.string(),
  payload: z.json(),
})
const takeBody = z.strictObject({
  max: z.int().min(1),
  wait_ms: z.int().min(0),
  hidden_ms: z.int().min(0),
})
const scheduleBody = z.strictObject({
  cron: z.string(),
  timezone: z.string(),
  catch_up: z.enum(['once', 'skip']),
  payload: z.json(),
})
export type KeptSchedule = z.output<typeof scheduleBody>

interface KeptJob {
  readonly group: string
  readonly payload: unknown
  dueAtMs: number
}
type Answer = readonly [status: number, body?: unknown]

class StoredJobs {
  readonly jobs = new Map<string, KeptJob>()
  readonly schedules = new Map<string, KeptSchedule>()
  readonly requests: string[] = []
  readonly texts: string[] = []
  /** By queue, then by id. */
  readonly queues = new Map<string, Map<string, unknown>>()
  forced: Answer | undefined
  refused: { readonly requests: RegExp; readonly status: number } | undefined
  latencyMs = 0
  silent: PromiseWithResolvers<void> | undefined
  fired = 0
  open = 0
  mostOpen = 0

  /** Returns the response that a test has set instead of the normal one. */
  forcedFor(request: string): Answer | undefined {
    const { forced, refused } = this
    this.forced = undefined
    if (forced !== undefined) return forced
    return refused?.requests.test(request) === true ? [refused.status, 'refused'] : undefined
  }

  async answer(method: string, path: string, body: unknown): Promise<Answer> {
    const elsewhere = /^\/v1\/queues\/(?!connect\/)([^/]+)\/jobs\/([^/]+)$/.exec(path)
    if (elsewhere !== null) return this.#putElsewhere(method, elsewhere, body)
    return this.#answerRuns(method, path, body)
  }

  async #answerRuns(method: string, path: string, body: unknown): Promise<Answer> {
    const [, kind = '', id = ''] = /^\/v1\/queues\/connect\/(\w+)(?:\/([^/]+))?$/.exec(path) ?? []
    const name = decodeURIComponent(id)
    switch (`${method} ${kind}`) {
      case 'PUT jobs':
        return this.#keep(name, jobBody.parse(body))
      case 'DELETE jobs':
        return [this.jobs.delete(name) ? 204 : 404]
      case 'DELETE groups':
        return this.#deleteGroup(name)
      case 'PUT schedules':
        this.schedules.set(name, scheduleBody.parse(body))
        return [204]
      case 'DELETE schedules':
        return [this.schedules.delete(name) ? 204 : 404]
      case 'POST take':
        return [200, { jobs: await this.#take(takeBody.parse(body)) }]
      default:
        return [404, { error: `no ${method} ${path}` }]
    }
  }

  #keep(id: string, { delay_ms: delayMs, group, payload }: z.output<typeof jobBody>): Answer {
    this.jobs.set(id, { group, payload, dueAtMs: Date.now() + delayMs })
    return [204]
  }

  /** Puts a job into a queue other than that of runs. */
  #putElsewhere(
    method: string,
    [, queue = '', job = '']: readonly string[],
    body: unknown,
  ): Answer {
    if (method !== 'PUT') return [404]
    const jobs = this.queues.get(queue) ?? new Map<string, unknown>()
    this.queues.set(queue, jobs.set(decodeURIComponent(job), jobBody.parse(body).payload))
    return [204]
  }

  #deleteGroup(name: string): Answer {
    for (const [job, { group }] of this.jobs) if (group === name) this.jobs.delete(job)
    return [204]
  }

  async #take(ask: z.output<typeof takeBody>): Promise<readonly unknown[]> {
    const until = Date.now() + ask.wait_ms
    for (;;) {
      const nowMs = Date.now()
      const due = [...this.jobs].filter(([, { dueAtMs }]) => dueAtMs <= nowMs).slice(0, ask.max)
      for (const [, job] of due) job.dueAtMs = nowMs + ask.hidden_ms
      if (due.length > 0 || nowMs >= until) return due.map(([id, { payload }]) => ({ id, payload }))
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
  }
}

/** Default of the port: a free one. */
export async function startJobsService({
  apiKey = 'jobs-key-SECRET',
  port: wanted = 0,
}: { readonly apiKey?: string; readonly port?: number } = {}): Promise<JobsService> {
  const kept = new StoredJobs()
  const server = createServer((request, response) => {
    void answer(request, response)
  })
  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [method, path] = [request.method ?? '', request.url ?? '']
    const sent = await text(request)
    kept.requests.push(`${method} ${path}`)
    kept.texts.push(sent)
    await kept.silent?.promise
    if (!path.endsWith('/take')) {
      kept.open += 1
      kept.mostOpen = Math.max(kept.mostOpen, kept.open)
      if (kept.latencyMs > 0) await new Promise((resolve) => setTimeout(resolve, kept.latencyMs))
      kept.open -= 1
    }
    const forced = kept.forcedFor(`${method} ${path}`)
    if (forced !== undefined) {
      response.writeHead(forced[0]).end(forced[1])
      return
    }
    const [status, body] =
      request.headers.authorization === `Bearer ${apiKey}`
        ? await kept.answer(method, path, sent === '' ? undefined : JSON.parse(sent))
        : [401, { error: 'no' }]
    response.writeHead(status).end(body === undefined ? undefined : JSON.stringify(body))
  }
  server.listen(wanted, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const put = (id: string, payload: unknown): void => {
    kept.jobs.set(id, { group: id, payload, dueAtMs: 0 })
  }
  return {
    url: `http://127.0.0.1:${port}`,
    apiKey,
    schedules: kept.schedules,
    requests: kept.requests,
    mostAtOnce: () => kept.mostOpen,
    jobIds: () => [...kept.jobs.keys()],
    jobsIn: (queue) =>
      [...(kept.queues.get(queue) ?? [])].map(([id, payload]) => ({ id, payload })),
    texts: kept.texts,
    fire: (schedule) => {
      kept.fired += 1
      const id = `${schedule}@${kept.fired}`
      put(id, kept.schedules.get(schedule)?.payload)
      return id
    },
    put,
    answerNext: (status, body) => {
      kept.forced = [status, body]
    },
    refuse: (requests, status = 500) => {
      kept.refused = requests === null ? undefined : { requests, status }
    },
    setLatency: (latencyMs) => {
      kept.latencyMs = latencyMs
    },
    lose: () => {
      kept.schedules.clear()
      kept.jobs.clear()
    },
    setSilent: (silent) => {
      kept.silent?.resolve()
      kept.silent = silent ? Promise.withResolvers() : undefined
    },
    [Symbol.asyncDispose]: async () => {
      kept.silent?.resolve()
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
