import { setTimeout as sleep } from 'node:timers/promises'
import { Registry } from 'prom-client'
import { describe, expect, test, vi } from 'vitest'
import type { DispatchStore } from '../../../../service/webhooks/deliveries/contract.ts'
import { createDispatchMetrics } from '../../../../service/webhooks/dispatch/dispatch-metrics.ts'
import { DispatchTargets } from '../../../../service/webhooks/dispatch/dispatch-targets.ts'
import {
  Dispatcher,
  type DispatchLimits,
} from '../../../../service/webhooks/dispatch/dispatcher.ts'
import type {
  DispatchOutcome,
  DispatchTarget,
  DispatchedEvent,
} from '../../../../service/webhooks/dispatch/targets/contract.ts'
import { ConnectError } from '../../../../protocol/index.ts'
import { silent } from '../../../support/logger.ts'
import { TestQueue } from './queue.ts'

type Handler = (
  event: DispatchedEvent<'job'>,
  signal: AbortSignal,
) => DispatchOutcome | Promise<DispatchOutcome>

/** A dispatcher whose jobs are handled by a function. */
function start(
  queue: TestQueue,
  handle: Handler,
  { store = queue.store, ...limits }: Partial<DispatchLimits> & { store?: DispatchStore } = {},
): AsyncDisposable & { readonly registry: Registry } {
  const registry = new Registry()
  const job: DispatchTarget<'job'> = {
    problem: ({ name }) =>
      name === 'unset' ? { reason: 'no handler is set', fix: 'Set it.' } : undefined,
    dispatch: (event, signal) => Promise.resolve(handle(event, signal)),
  }
  const dispatcher = new Dispatcher({
    store,
    targets: new DispatchTargets({ job }),
    owner: `owner ${String(Math.random())}`,
    logger: silent,
    metrics: createDispatchMetrics(registry),
    random: () => 0,
    limits: { longestWaitMs: 100, idleMs: 20, retryMs: 50, ...limits },
  })
  const stop = new AbortController()
  const running = dispatcher.run(stop.signal)
  return queue.dispatchers.use({
    registry,
    [Symbol.asyncDispose]: async () => {
      stop.abort()
      await running
    },
  })
}

const done = { outcome: 'done' } as const

describe('the dispatcher', () => {
  test('sends each event to each of its targets, and counts', async () => {
    await using queue = await TestQueue.open()
    await queue.receiver('shop')
    for (let count = 0; count < 100; count++) await queue.event({ targets: ['job:a', 'job:b'] })
    const sent: string[] = []
    const dispatcher = start(queue, ({ target, claimed }) => {
      sent.push(`${target.name} ${claimed.delivery.id}`)
      return done
    })
    await vi.waitFor(async () => {
      expect(new Set(await queue.statuses())).toEqual(new Set(['done']))
    }, 20_000)
    expect(new Set(sent).size).toBe(200)
    expect(sent).toHaveLength(200)
    // It counts after the outcomes are written.
    await vi.waitFor(async () => {
      const metrics = await dispatcher.registry.metrics()
      expect(metrics).toContain('attempts_total{kind="job",outcome="done"} 200')
      expect(metrics).toContain('dispatches_running 0')
    }, 10_000)
  })

  test('tries again what failed, with longer and longer pauses, and gives it up in the end', async () => {
    await using queue = await TestQueue.open()
    await queue.receiver('shop')
    await queue.event()
    const pauses: number[] = []
    start(queue, () => ({
      ...{ outcome: 'failed', reason: 'it responded with status 400', isRefused: true },
    }))
    for (let attempt = 1; attempt < 24; attempt++) {
      await vi.waitFor(async () => {
        const [row] = await queue.rows()
        expect(row).toMatchObject({ status: 'pending', attempts: attempt })
        pauses.push(Number(row?.due_in))
      }, 5_000)
      await queue.pass(4_000)
    }
    await vi.waitFor(async () => {
      expect(await queue.statuses()).toEqual(['dead'])
    }, 5_000)
    expect(pauses.map(Math.round).slice(0, 4)).toEqual([5, 10, 20, 40])
    expect(Math.max(...pauses)).toBeLessThanOrEqual(3_600)
    expect(await queue.rows()).toMatchObject([
      {
        attempts: 24,
        error: {
          code: 'dispatch_failed',
          message: 'The target job:work did not take the event: it responded with status 400',
        },
      },
    ])
  })

  test('obeys a longer pause that the target asks for, and gives up at once what is final', async () => {
    await using queue = await TestQueue.open()
    await queue.receiver('shop')
    await queue.event({ targets: ['job:busy', 'job:gone'] })
    start(queue, ({ target }) => ({
      ...{ outcome: 'failed', reason: 'no' },
      ...(target.name === 'gone' ? { isFinal: true } : { retryAfterMs: 600_000 }),
    }))
    await vi.waitFor(async () => {
      expect(await queue.statuses()).toEqual(['pending', 'dead'])
      const [busy] = await queue.rows()
      expect(Number(busy?.due_in)).toBeGreaterThan(590)
    }, 5_000)
  })

  test('events of a job without a handler wait without attempts, and the others go on', async () => {
    await using queue = await TestQueue.open()
    await queue.receiver('shop')
    await queue.event({ targets: ['job:unset', 'job:set', 'topic:unknown'] })
    start(queue, () => done)
    await vi.waitFor(async () => {
      expect(await queue.rows()).toMatchObject([
        { status: 'pending', attempts: 0, error: { code: 'target_not_available' } },
        { status: 'done' },
        { status: 'pending', attempts: 0, error: { code: 'target_not_available' } },
      ])
    }, 5_000)
  })

  test('slow targets do not hold up the others', async () => {
    await using queue = await TestQueue.open()
    await queue.receiver('shop')
    const slow = Array.from({ length: 6 }, (_, place) => `job:slow-${String(place)}`)
    for (let count = 0; count < 20; count++) await queue.event({ targets: slow })
    const free = Promise.withResolvers<undefined>()
    let fast = 0
    start(
      queue,
      async ({ target }) => {
        if (target.name === 'fast') fast += 1
        else await free.promise
        return done
      },
      { parallel: 16, perTarget: 8, reserved: 4 },
    )
    await vi.waitFor(async () => {
      const running = (await queue.statuses()).filter((status) => status === 'running')
      expect(running.length).toBe(12)
    }, 5_000)
    // Claims that find nothing else to do leave the reserve alone.
    await sleep(600)
    for (let count = 0; count < 10; count++) await queue.event({ targets: ['job:fast'] })
    await vi.waitFor(() => {
      expect(fast).toBe(10)
    }, 5_000)
    free.resolve(undefined)
  })

  test('many new targets that do not respond do not hold up one that works', async () => {
    await using queue = await TestQueue.open()
    await queue.receiver('shop')
    let taken = 0
    const end = new AbortController()
    const ended = new Promise<DispatchOutcome>((resolve) => {
      end.signal.addEventListener('abort', () => {
        resolve(done)
      })
    })
    const dispatcher = start(queue, ({ target: { name } }) => {
      if (name !== 'healthy') return ended
      taken++
      return done
    })
    queue.dispatchers.defer(() => {
      end.abort()
    })
    await queue.event({ targets: ['job:healthy'] })
    await vi.waitFor(() => {
      expect(taken).toBe(1)
    }, 5_000)
    const dead = Array.from({ length: 200 }, (_, place) => `job:dead-${String(place)}`)
    for (let count = 0; count < 3; count++) await queue.event({ targets: dead })
    await vi.waitFor(async () => {
      expect(await dispatcher.registry.metrics()).toMatch(/dispatches_running (?:80|160)\n/)
    }, 10_000)
    const startedMs = performance.now()
    for (let count = 0; count < 50; count++) await queue.event({ targets: ['job:healthy'] })
    await vi.waitFor(() => {
      expect(taken).toBe(51)
    }, 5_000)
    process.stdout.write(
      `50 events of a target that works, beside 200 that do not respond: ${(performance.now() - startedMs).toFixed(0)} ms\n`,
    )
  })

  test('what is on its way when it is stopped is finished', async () => {
    await using queue = await TestQueue.open()
    await queue.receiver('shop')
    await queue.event()
    const begun = Promise.withResolvers<undefined>()
    const free = Promise.withResolvers<undefined>()
    const dispatcher = start(queue, async () => {
      begun.resolve(undefined)
      await free.promise
      return done
    })
    await begun.promise
    const stopped = dispatcher[Symbol.asyncDispose]()
    free.resolve(undefined)
    await stopped
    expect(await queue.statuses()).toEqual(['done'])
  })

  test('or is given back, so that another process takes it at once', async () => {
    await using queue = await TestQueue.open()
    await queue.receiver('shop')
    await queue.event()
    const begun = Promise.withResolvers<undefined>()
    const stopping = start(
      queue,
      (_, signal) => {
        begun.resolve(undefined)
        return new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => {
            reject(signal.reason as Error)
          })
        })
      },
      { drainMs: 100 },
    )
    await begun.promise
    await stopping[Symbol.asyncDispose]()
    expect(await queue.rows()).toMatchObject([{ status: 'pending', attempts: 0 }])
    start(queue, () => done)
    await vi.waitFor(async () => {
      expect(await queue.statuses()).toEqual(['done'])
    }, 5_000)
  })

  test('what a target throws is a failed attempt', async () => {
    await using queue = await TestQueue.open()
    await queue.receiver('shop')
    await queue.event({ targets: ['job:vault', 'job:bug'] })
    start(queue, ({ target }) => {
      const details = { url: 'u', reason: 'r' }
      throw target.name === 'bug'
        ? new TypeError('SECRET')
        : new ConnectError('vault_unreachable', { details })
    })
    await vi.waitFor(async () => {
      const rows = await queue.rows()
      expect(rows).toMatchObject([{ attempts: 1 }, { attempts: 1 }])
      expect(JSON.stringify(rows)).not.toContain('SECRET')
      expect(JSON.stringify(rows[0])).toContain('vault')
    }, 5_000)
  })

  test('an outcome is written when the database is back', async () => {
    await using queue = await TestQueue.open()
    await queue.receiver('shop')
    await queue.event()
    let isAway = true
    const { store } = queue
    const flaky: DispatchStore = {
      claim: (...given) => store.claim(...given),
      takeOver: () => store.takeOver(),
      interruptions: (...given) => store.interruptions(...given),
      nextDueMs: () => store.nextDueMs(),
      onDue: (due) => store.onDue(due),
      settle: (...given) =>
        isAway
          ? Promise.reject(new ConnectError('store_unavailable', { details: { reason: 'away' } }))
          : store.settle(...given),
    }
    let sent = 0
    start(
      queue,
      () => {
        sent += 1
        setTimeout(() => {
          isAway = false
        }, 300)
        return done
      },
      { store: flaky },
    )
    await vi.waitFor(async () => {
      expect(await queue.statuses()).toEqual(['done'])
    }, 5_000)
    expect(sent).toBe(1)
  })
})
