import { describe, expect, test, vi } from 'vitest'
import { HttpJobs, type DeliveryTiming } from '../../../../service/platform/jobs/http-jobs.ts'
import type { DueTarget } from '../../../../service/platform/jobs/jobs.ts'
import { openPgBossQueue } from '../../../../service/platform/jobs/pg-boss-queue.ts'
import { ConnectError } from '../../../../protocol/index.ts'
import { startJobsService, type JobsService } from '../../../fakes/jobs-service.ts'
import { metadataDatabase } from '../../../support/metadata-database.ts'
import { jobsContract, type JobsPlace } from './jobs-contract.ts'
import { silent } from '../../../support/logger.ts'

const quick: DeliveryTiming = { waitMs: 500, hiddenMs: 2_000, retryMs: 50 }

async function place(): Promise<JobsPlace> {
  await using resources = new AsyncDisposableStack()
  const database = resources.use(await metadataDatabase())
  const service = resources.use(await startJobsService())
  const open = resources.move()
  return {
    process: async ({ delivers = true } = {}) => {
      const queue = await openPgBossQueue({ url: database.url, logger: silent, pollMs: 50 })
      const jobs = jobsAt(service)
      const stop = new AbortController()
      const nothing = (): Promise<void> => Promise.resolve()
      const target = { queue, startScheduled: nothing, onReturn: nothing }
      const delivering = delivers ? jobs.deliver(target, stop.signal) : Promise.resolve()
      return {
        queue,
        jobs,
        [Symbol.asyncDispose]: async () => {
          stop.abort()
          await delivering
          await queue[Symbol.asyncDispose]()
        },
      }
    },
    [Symbol.asyncDispose]: async () => open.disposeAsync(),
  }
}

function jobsAt({ url, apiKey }: Pick<JobsService, 'url' | 'apiKey'>, timeoutMs = 5_000): HttpJobs {
  return new HttpJobs({ url, apiKey, timeoutMs, logger: silent, timing: quick })
}

jobsContract('jobs at an external service', place)

interface Delivering extends AsyncDisposable {
  readonly sent: readonly string[]
  /** `CONNECTION JOB` */
  readonly started: readonly string[]
  readonly returns: () => number
}

/** Delivers into lists; `fail` throws for the first deliveries. */
function delivering(jobs: HttpJobs, fail: (calls: number) => void = () => undefined): Delivering {
  const [sent, started]: [string[], string[]] = [[], []]
  const stop = new AbortController()
  let calls = 0
  let returns = 0
  const note = (list: string[], name: string): Promise<void> => {
    calls += 1
    fail(calls)
    list.push(name)
    return Promise.resolve()
  }
  const target: DueTarget = {
    queue: { send: (run) => note(sent, run) },
    startScheduled: ({ connectionId, job }) => note(started, `${connectionId} ${job}`),
    onReturn: () => {
      returns += 1
      return Promise.resolve()
    },
  }
  const ended = jobs.deliver(target, stop.signal)
  return {
    sent,
    started,
    returns: () => returns,
    [Symbol.asyncDispose]: async () => {
      stop.abort()
      await ended
    },
  }
}

const connection = 'con_1/ü'

describe('schedules at an external service', () => {
  test('a schedule is replaced and taken away', async () => {
    await using service = await startJobsService()
    const jobs = jobsAt(service)
    await jobs.setSchedule(connection, { cron: '*/15 * * * *' })
    await jobs.setSchedule(connection, {
      cron: '0 6 * * *',
      timezone: 'Europe/Berlin',
      catchUp: 'once',
    })
    expect([...service.schedules]).toEqual([
      [
        connection,
        {
          cron: '0 6 * * *',
          timezone: 'Europe/Berlin',
          catch_up: 'once',
          payload: { connection },
        },
      ],
    ])
    await jobs.setSchedule(connection, null)
    await jobs.setSchedule(connection, null)
    expect([...service.schedules]).toEqual([])
  })

  test('a time that has come starts a run', async () => {
    await using service = await startJobsService()
    const jobs = jobsAt(service)
    await using delivery = delivering(jobs)
    await jobs.setSchedule(connection, { cron: '* * * * *' })
    const fired = [service.fire(connection), service.fire(connection)]
    await vi.waitFor(() => {
      expect(delivery.started.toSorted()).toEqual(fired.map((job) => `${connection} ${job}`))
      expect(service.jobIds()).toEqual([])
    }, 10_000)
  })

  test('a run that cannot be started is not tried for ever, unless it is the database that is away', async () => {
    await using service = await startJobsService()
    const jobs = jobsAt(service)
    await jobs.setSchedule(connection, { cron: '* * * * *' })
    await using delivery = delivering(jobs, (calls) => {
      if (calls === 1)
        throw new ConnectError('run_active', { details: { connection: 'c', run: 'r' } })
      if (calls === 2) throw new ConnectError('store_unavailable', { details: { reason: 'x' } })
    })
    service.fire(connection)
    await vi.waitFor(() => {
      expect(service.jobIds()).toEqual([])
    }, 10_000)
    const fired = service.fire(connection)
    await vi.waitFor(
      () => {
        expect(delivery.started).toEqual([`${connection} ${fired}`])
        expect(service.jobIds()).toEqual([])
      },
      { timeout: 10_000 },
    )
  })
})

describe('a Jobs service', () => {
  test.each([
    [
      'answering with an error',
      (service: JobsService) => {
        service.answerNext(500, 'boom SECRET')
      },
      'it responded with status 500',
    ],
    [
      'redirecting',
      (service: JobsService) => {
        service.answerNext(302, '')
      },
      'it responded with status 302',
    ],
    [
      'silent',
      (service: JobsService) => {
        service.setSilent(true)
      },
      'it did not respond in time',
    ],
  ])('%s is unreachable', async (_, spoil, reason) => {
    await using service = await startJobsService()
    spoil(service)
    // The others respond, however busy the machine is.
    const timeoutMs = reason === 'it did not respond in time' ? 300 : 5_000
    const submitted = jobsAt(service, timeoutMs).submit({
      run: 'r',
      connection: 'c',
      attempt: 0,
      delayMs: 0,
    })
    const error = await submitted.catch((thrown: unknown) => ConnectError.from(thrown).toJSON())
    expect(error).toMatchObject({ code: 'jobs_unreachable', details: { url: service.url, reason } })
    expect(JSON.stringify(error)).not.toContain('SECRET')
  })

  test('that is gone, or refuses the key, is unreachable', async () => {
    await using service = await startJobsService()
    const refused = jobsAt({ url: service.url, apiKey: 'other-SECRET' }).withdraw('r')
    await expect(refused).rejects.toMatchObject({
      details: { reason: 'it responded with status 401' },
    })
    const gone = jobsAt({ url: 'http://127.0.0.1:1', apiKey: 'k' }).withdraw('r')
    await expect(gone).rejects.toMatchObject({ code: 'jobs_unreachable' })
  })

  test('that gives out what is no job is asked again, and what is none of ours is cleared away', async () => {
    await using service = await startJobsService()
    service.put('foreign', { something: 'else' })
    service.answerNext(200, '{"jobs":[{"id":7}]}')
    await using delivery = delivering(jobsAt(service))
    await vi.waitFor(() => {
      expect(service.jobIds()).toEqual([])
    }, 10_000)
    service.answerNext(200, 'x'.repeat(2_000_000))
    service.put('ours', { run: 'run_1' })
    await vi.waitFor(
      () => {
        expect(delivery.sent).toEqual(['run_1'])
      },
      { timeout: 5_000 },
    )
  })

  test('that refuses to delete a job, or gives out one without an id, holds up none of the others', async () => {
    await using service = await startJobsService()
    for (const id of ['a', 'b', 'c']) service.put(id, { run: id })
    // Until the end of the test nothing that waits for `a` can go on.
    service.refuse(/DELETE .*\/jobs\/a$/)
    await using delivery = delivering(jobsAt(service))
    await vi.waitFor(() => {
      expect(delivery.sent.toSorted()).toEqual(['a', 'b', 'c'])
      expect(service.jobIds()).toEqual(['a'])
    }, 10_000)
    service.answerNext(200, '{"jobs":[{"id":""},{"id":"d","payload":{"run":"d"}},7]}')
    await vi.waitFor(
      () => {
        expect(delivery.sent).toContain('d')
      },
      { timeout: 5_000 },
    )
    expect(service.jobIds()).toEqual(['a'])
    service.refuse(null)
    await vi.waitFor(
      () => {
        expect(service.jobIds()).toEqual([])
      },
      { timeout: 10_000 },
    )
  })

  test('that is slow is asked for many jobs side by side', async () => {
    await using service = await startJobsService()
    const ids = Array.from({ length: 100 }, (_, index) => `run_${index}`)
    for (const id of ids) service.put(id, { run: id })
    service.setLatency(200)
    await using delivery = delivering(jobsAt(service))
    await vi.waitFor(
      () => {
        expect(service.jobIds()).toEqual([])
      },
      { timeout: 30_000 },
    )
    expect(service.mostAtOnce()).toBeGreaterThan(5)
    expect(delivery.sent.toSorted()).toEqual(ids.toSorted())
  })

  test('that is back after a failure is reported, and checked by a request that changes nothing', async () => {
    await using service = await startJobsService()
    const jobs = jobsAt(service)
    await jobs.check()
    service.put('a', { run: 'a' })
    service.refuse(/./, 503)
    await expect(jobs.check()).rejects.toMatchObject({
      details: { reason: 'it responded with status 503' },
    })
    await using delivery = delivering(jobs)
    await vi.waitFor(() => {
      expect(service.requests.filter((request) => request.endsWith('/take'))).toHaveLength(2)
    }, 10_000)
    expect(delivery.returns()).toBe(0)
    service.refuse(null)
    await vi.waitFor(() => {
      expect(delivery.sent).toEqual(['a'])
    }, 10_000)
    expect(delivery.returns()).toBe(1)
  })

  test('gives out a job again whose delivery failed', async () => {
    await using service = await startJobsService()
    service.put('a', { run: 'run_1' })
    await using delivery = delivering(jobsAt(service), (calls) => {
      if (calls === 1) throw new ConnectError('store_unavailable', { details: { reason: 'x' } })
    })
    await vi.waitFor(
      () => {
        expect(delivery.sent).toEqual(['run_1'])
        expect(service.jobIds()).toEqual([])
      },
      { timeout: 10_000 },
    )
  })
})
