import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test, vi } from 'vitest'
import type { Jobs, RunQueue } from '../../../../service/platform/jobs/jobs.ts'
import { receiving, type Receiving } from './receiving.ts'

/** One process of the service. */
export interface JobsProcess extends AsyncDisposable {
  readonly jobs: Jobs
  readonly queue: RunQueue
}
/** The state that several processes share. */
export interface JobsPlace extends AsyncDisposable {
  /** @param delivers whether it asks an external service for what is due; default: it does */
  process(options?: { readonly delivers?: boolean }): Promise<JobsProcess>
}

const soon = { timeout: 10_000, interval: 20 }
const job = (run: string, delayMs = 0, attempt = 0): Parameters<Jobs['submit']>[0] => ({
  run,
  connection: 'c',
  attempt,
  delayMs,
})

/** The guarantees of Jobs and their queue together, as in jobs.ts. */
export function jobsContract(name: string, openPlace: () => Promise<JobsPlace>): void {
  describe(name, () => {
    test('a run that is submitted is delivered once', async () => {
      await using place = await openPlace()
      await using process = await place.process()
      await using worker = receiving(process.queue)
      await process.jobs.submit(job('run_1'))
      await vi.waitFor(() => {
        expect(worker.runs).toEqual(['run_1'])
      }, soon)
      await sleep(300)
      expect(worker.runs).toEqual(['run_1'])
    })

    test('a run is not delivered before its time', async () => {
      await using place = await openPlace()
      await using process = await place.process()
      await using worker = receiving(process.queue)
      const startedMs = Date.now()
      await process.jobs.submit(job('run_late', 1_000))
      await process.jobs.submit(job('run_soon'))
      await vi.waitFor(() => {
        expect(worker.runs).toEqual(['run_soon', 'run_late'])
      }, soon)
      // Not before its time is the promise; a busy machine only makes it later.
      expect(Date.now() - startedMs).toBeGreaterThanOrEqual(990)
    })

    test('a run that waits already is not put in twice', async () => {
      await using place = await openPlace()
      await using waiting = await place.process({ delivers: false })
      for (let count = 0; count < 3; count++) await waiting.jobs.submit(job('run_1'))
      await waiting.queue.send('run_2', 0)
      await waiting.queue.send('run_2', 60_000)
      await using process = await place.process()
      await using worker = receiving(process.queue)
      await vi.waitFor(() => {
        expect(worker.runs.toSorted()).toEqual(['run_1', 'run_2'])
      }, soon)
      await sleep(300)
      expect(worker.runs).toHaveLength(2)
    })

    test('the next attempt is delivered while the one before is still worked on', async () => {
      await using place = await openPlace()
      await using process = await place.process()
      await using worker = receiving(process.queue, { hold: true })
      await process.jobs.submit(job('run_1'))
      await vi.waitFor(() => {
        expect(worker.runs).toEqual(['run_1'])
      }, soon)
      await process.jobs.submit(job('run_1', 0, 1))
      await vi.waitFor(() => {
        expect(worker.runs).toEqual(['run_1', 'run_1'])
      }, soon)
    })

    test('a run that is withdrawn is not delivered', async () => {
      await using place = await openPlace()
      await using process = await place.process()
      await process.jobs.submit(job('run_1', 300))
      await process.jobs.submit(job('run_2', 300))
      await process.jobs.withdraw('run_1')
      await process.jobs.withdraw('run_unknown')
      await using worker = receiving(process.queue)
      await vi.waitFor(() => {
        expect(worker.runs).toEqual(['run_2'])
      }, soon)
    })

    test('each run is delivered to one of several processes, and what was submitted outlives a process', async () => {
      await using place = await openPlace()
      const runs = Array.from({ length: 40 }, (_, index) => `run_${index}`)
      {
        await using first = await place.process()
        for (const run of runs) await first.jobs.submit(job(run))
      }
      await using processes = new AsyncDisposableStack()
      const workers: Receiving[] = []
      for (let count = 0; count < 3; count++) {
        const { queue } = processes.use(await place.process())
        workers.push(processes.use(receiving(queue, { parallel: 2 })))
      }
      const delivered = (): string[] => workers.flatMap((worker) => worker.runs)
      await vi.waitFor(() => {
        expect(delivered()).toHaveLength(40)
      }, soon)
      await sleep(300)
      expect(delivered().toSorted()).toEqual(runs.toSorted())
      for (const worker of workers) expect(worker.most()).toBeLessThanOrEqual(2)
    })

    test('a worker gets no more than it has room for', async () => {
      await using place = await openPlace()
      await using process = await place.process()
      for (let count = 0; count < 5; count++) await process.jobs.submit(job(`run_${count}`))
      await using worker = receiving(process.queue, { parallel: 2, hold: true })
      await vi.waitFor(() => {
        expect(worker.runs).toHaveLength(2)
      }, soon)
      await sleep(300)
      expect(worker.runs).toHaveLength(2)
      worker.release()
      await vi.waitFor(() => {
        expect(worker.runs).toHaveLength(5)
      }, soon)
    })

    test('a worker that is stopped finishes what it has and takes nothing more', async () => {
      await using place = await openPlace()
      await using process = await place.process()
      const stop = new AbortController()
      let finished = false
      const ended = process.queue.receive({
        parallel: 3,
        signal: stop.signal,
        work: async () => {
          stop.abort()
          await sleep(200)
          finished = true
          throw new Error('the worker does not end with its work')
        },
      })
      await process.jobs.submit(job('run_1'))
      await ended
      expect(finished).toBe(true)
      await process.jobs.submit(job('run_2'))
      await using worker = receiving(process.queue)
      await vi.waitFor(() => {
        expect(worker.runs).toEqual(['run_2'])
      }, soon)
    })
  })
}
