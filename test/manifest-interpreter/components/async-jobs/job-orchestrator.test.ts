import { describe, expect, it } from 'vitest'
import {
  HttpJobRepository,
  type HttpJobRepositoryOptions,
} from '../../../../manifest-interpreter/components/async-jobs/http-job-repository.ts'
import { JobOrchestrator } from '../../../../manifest-interpreter/components/async-jobs/job-orchestrator.ts'
import { JobTracker } from '../../../../manifest-interpreter/components/async-jobs/job-tracker.ts'
import { SourceError } from '../../../../manifest-interpreter/contracts.ts'
import { get, isDict } from '../../../../manifest-interpreter/value/dict.ts'
import { StreamSlice } from '../../../../manifest-interpreter/value/stream-slice.ts'
import { jsonResponse, simulatedEnvironment } from '../../support/simulated-environment.ts'
import type { AsyncJobStatus } from '../../../../manifest-interpreter/components/async-jobs/async-job.ts'
import type { Requester, RequesterCall } from '../../../../manifest-interpreter/contracts.ts'
import type { Dict, Value } from '../../../../manifest-interpreter/value/value.ts'

const statuses = new Map<string, AsyncJobStatus>([
  ['running', 'RUNNING'],
  ['done', 'COMPLETED'],
  ['failed', 'FAILED'],
  ['expired', 'TIMED_OUT'],
  ['empty', 'SKIPPED'],
])

interface Scenario {
  readonly slices: readonly string[]
  /** Returns the status that the API reports for the job of a slice: by its attempt, then by the poll. */
  readonly polls: (slice: string, attempt: number, poll: number) => string
  readonly creationError?: (slice: string, attempt: number) => Error | undefined
  readonly limit?: number
  readonly timeoutSeconds?: number
  readonly retryWaitSeconds?: number
}

/** An API with jobs, and the orchestrator that uses it. */
function simulate(scenario: Scenario) {
  const environment = simulatedEnvironment()
  const calls: string[] = []
  const attempts = new Map<string, number>()
  const polls = new Map<string, number>()
  const active = { now: 0, most: 0 }
  const nameOf = ({ scope }: RequesterCall) => text(get(scope.slice.partition, 'name'))
  const requester = (verb: string, answer: (call: RequesterCall) => unknown): Requester => ({
    send: (call) => {
      calls.push(`${verb} ${nameOf(call)}`)
      const body = answer(call)
      return body instanceof Error ? Promise.reject(body) : Promise.resolve(jsonResponse(body))
    },
  })
  const parts: HttpJobRepositoryOptions = {
    environment,
    timeoutSeconds: scenario.timeoutSeconds ?? 3600,
    statuses,
    creation: requester('create', (call) => {
      const name = nameOf(call)
      const attempt = (attempts.get(name) ?? 0) + 1
      attempts.set(name, attempt)
      const error = scenario.creationError?.(name, attempt)
      if (error !== undefined) return error
      active.now += 1
      active.most = Math.max(active.most, active.now)
      return { id: `${name}-${attempt}` }
    }),
    polling: requester('poll', (call) => {
      const creation = get(call.scope.slice.extraFields, 'creation_response')
      const id = text(isDict(creation) ? get(creation, 'id') : undefined)
      const poll = (polls.get(id) ?? 0) + 1
      polls.set(id, poll)
      const status = scenario.polls(nameOf(call), Number(id.split('-')[1]), poll)
      if (status !== 'running') active.now -= 1
      return { status, id }
    }),
    abort: requester('abort', () => ({})),
    delete: requester('delete', () => ({})),
    download: { read: emptyRead },
    statusExtractor: { extract: extractStatus },
    downloadTarget: null,
    downloadTargetExtractor: null,
  }
  const orchestrator = new JobOrchestrator({
    slices: slicesOf(scenario.slices),
    repository: new HttpJobRepository(parts),
    tracker: new JobTracker(scenario.limit ?? 10),
    environment,
    retryWaitSeconds: scenario.retryWaitSeconds ?? null,
  })
  return { environment, calls, active, orchestrator }
}

async function* slicesOf(names: readonly string[]): AsyncIterable<StreamSlice> {
  for (const name of names) yield await Promise.resolve(new StreamSlice({ partition: { name } }))
}

async function* emptyRead(): AsyncIterable<readonly Dict[]> {
  yield* await Promise.resolve([])
}

async function* extractStatus(response: { json(): Promise<Value> }): AsyncIterable<Value[]> {
  const body = await response.json()
  yield [isDict(body) ? (get(body, 'status') ?? null) : null]
}

function text(value: Value | undefined): string {
  return typeof value === 'string' ? value : ''
}

async function run({ orchestrator }: ReturnType<typeof simulate>) {
  const completed: string[] = []
  try {
    for await (const { slice } of orchestrator.completedPartitions())
      completed.push(text(get(slice.partition, 'name')))
    return { completed, error: undefined }
  } catch (error) {
    return { completed, error }
  }
}

describe('the jobs of a stream', () => {
  it('are polled until they are complete, and given in the order in which they are', async () => {
    const api = simulate({
      slices: ['slow', 'fast'],
      polls: (name, _, poll) => (poll >= (name === 'slow' ? 3 : 1) ? 'done' : 'running'),
    })
    expect(await run(api)).toEqual({ completed: ['fast', 'slow'], error: undefined })
    expect(api.calls).toEqual([
      'create slow',
      'create fast',
      'poll slow',
      'poll fast',
      'poll slow',
      'poll slow',
    ])
    expect(api.environment.waits).toEqual([5, 5, 5])
  })

  it('are never more at a time than the budget allows', async () => {
    const api = simulate({
      slices: ['a', 'b', 'c', 'd', 'e'],
      polls: (_, __, poll) => (poll === 2 ? 'done' : 'running'),
      limit: 2,
    })
    expect((await run(api)).completed).toEqual(['a', 'b', 'c', 'd', 'e'])
    expect(api.active.most).toBe(2)
  })

  it('are created again where they fail, three times in all', async () => {
    const api = simulate({
      slices: ['a', 'b'],
      polls: (name) => (name === 'a' ? 'failed' : 'done'),
    })
    const { completed, error } = await run(api)
    expect(completed).toEqual(['b'])
    expect(error).toBeInstanceOf(SourceError)
    expect(error).toMatchObject({
      message: 'One or more async jobs failed after exhausting all retry attempts.',
      failureType: 'system_error',
    })
    expect(api.calls.filter((call) => call === 'create a')).toHaveLength(3)
  })

  it('give their slot to others when they have failed for good', async () => {
    const api = simulate({
      slices: ['a', 'b'],
      polls: (name) => (name === 'a' ? 'failed' : 'done'),
      limit: 1,
    })
    expect((await run(api)).completed).toEqual(['b'])
  })

  it('wait before the next attempt where the manifest says so', async () => {
    const api = simulate({
      slices: ['a'],
      polls: (_, attempt) => (attempt === 1 ? 'failed' : 'done'),
      retryWaitSeconds: 12,
    })
    expect((await run(api)).completed).toEqual(['a'])
    // Failed at 0 s, was asked to wait at 5 s, tried again at 20 s.
    expect(api.environment.waits).toHaveLength(5)
  })

  it('are aborted when the API says that they have timed out', async () => {
    const api = simulate({ slices: ['a'], polls: () => 'expired' })
    const { completed } = await run(api)
    expect(completed).toEqual([])
    expect(api.calls.filter((call) => call === 'abort a')).toHaveLength(3)
  })

  it('end after three attempts that take too long, in which case the slice has no jobs', async () => {
    const api = simulate({
      slices: ['a', 'b'],
      polls: () => 'running',
      timeoutSeconds: 60,
      limit: 1,
    })
    const { completed, error } = await run(api)
    expect(completed).toEqual(['a', 'b'])
    expect(error).toMatchObject({ failureType: 'system_error' })
    expect(api.calls.filter((call) => call === 'create a')).toHaveLength(4)
    expect(api.calls.filter((call) => call === 'poll a')).toHaveLength(36)
  })

  it('that have nothing to give leave their slice out', async () => {
    const api = simulate({ slices: ['a', 'b'], polls: (name) => (name === 'a' ? 'empty' : 'done') })
    expect(await run(api)).toEqual({ completed: ['b'], error: undefined })
  })

  it('are tried again where they cannot be created, and each failure is told', async () => {
    const api = simulate({
      slices: ['a'],
      polls: () => 'done',
      creationError: (_, attempt) =>
        attempt === 1
          ? new SourceError('no', { failureType: 'transient_error', internalMessage: 'busy' })
          : undefined,
    })
    expect(await run(api)).toEqual({ completed: ['a'], error: undefined })
    expect(api.environment.messages).toMatchObject([{ kind: 'error', error: { message: 'no' } }])
  })

  it('are all aborted where the user has to change the configuration', async () => {
    const wrong = new SourceError('wrong key', { failureType: 'config_error' })
    const api = simulate({
      slices: ['a', 'b'],
      polls: () => 'running',
      creationError: (name) => (name === 'b' ? wrong : undefined),
    })
    expect(await run(api)).toEqual({ completed: [], error: wrong })
    expect(api.calls).toEqual(['create a', 'create b', 'abort a'])
  })

  it('free their slots when nobody wants the rest', async () => {
    const api = simulate({ slices: ['a', 'b', 'c'], polls: () => 'done', limit: 2 })
    for await (const partition of api.orchestrator.completedPartitions()) {
      expect(partition.jobs).toHaveLength(1)
      break
    }
    expect(api.calls).toEqual(['create a', 'create b', 'poll a', 'poll b'])
  })
})
