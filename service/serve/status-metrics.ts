import { Counter, Gauge, type Registry } from 'prom-client'
import type { ConnectionStore } from '../connections/contract.ts'
import { attemptsName } from '../run-worker/service-metrics.ts'
import type { Jobs } from '../platform/jobs/jobs.ts'
import type { HealthService } from '../service.ts'
import type { Store } from '../store/store.ts'

export interface StatusSources {
  readonly store: Pick<Store, 'status' | 'schedulesAtJobs' | 'connections'>
  readonly jobs: Pick<Jobs, 'place'>
  readonly health: Pick<HealthService, 'report'>
}

/**
 * Metrics of the service as a whole, from its store: every process has the same ones, and they survive a
 * restart. The returned function updates them: call it before they are served. Throws `store_unavailable`.
 */
export function statusMetrics(registry: Registry, sources: StatusSources): () => Promise<void> {
  const gauges = createStatusGauges(registry)
  return async () => {
    const { store, jobs, health } = sources
    const [{ parts }, status, unsent] = await Promise.all([
      health.report(),
      store.status(),
      jobs.place === null ? 0 : store.schedulesAtJobs.countUnsent(jobs.place),
    ])
    for (const { part, problem } of parts)
      gauges.partUp.set({ part }, problem === undefined ? 1 : 0)
    gauges.queued.set(status.queuedRuns)
    gauges.oldestQueued.set(status.oldestQueuedSeconds)
    gauges.overdue.set(status.overdueSchedules)
    gauges.unsent.set(unsent)
    // The database counts: a restart does not set it back, and no increase falls between two scrapes.
    gauges.skipped.reset()
    gauges.skipped.inc(status.skippedTimes)
    gauges.eventsWaiting.set(status.webhooks.waiting)
    gauges.oldestEvent.set(status.webhooks.oldestWaitingSeconds)
    gauges.eventsDead.set(status.webhooks.dead)
    gauges.interrupted.set(status.webhooks.interruptedTargets)
    // Without those that were deleted or paused in the meantime.
    gauges.lastSuccess.reset()
    gauges.failing.reset()
    for (const { connection, lastSuccessSeconds, isFailing } of status.connections) {
      gauges.lastSuccess.set({ connection }, lastSuccessSeconds)
      gauges.failing.set({ connection }, isFailing ? 1 : 0)
    }
    await forgetDeleted(registry, store.connections)
  }
}

/**
 * Ends the series of deleted connections, whichever process deleted them. Every connection that had an
 * attempt in this process has a series of attempts (`beginAttempts`).
 */
async function forgetDeleted(
  registry: Registry,
  connections: Pick<ConnectionStore, 'missing'>,
): Promise<void> {
  const attempts = await registry.getSingleMetric<'connection'>(attemptsName)?.get()
  const names = new Set(attempts?.values.flatMap(({ labels }) => labels.connection ?? []))
  if (names.size === 0) return
  const missing = new Set(await connections.missing([...names].map(String)))
  if (missing.size === 0) return
  for (const { name } of registry.getMetricsAsArray()) {
    const metric = registry.getSingleMetric<string>(name)
    const { values = [] } = (await metric?.get()) ?? {}
    for (const { labels } of values) {
      if (!missing.has(String(labels.connection))) continue
      // A histogram has no series for a bucket alone, so the label of the bucket is left out.
      const own = Object.entries(labels).filter(([name]) => name !== 'le')
      metric?.remove(Object.fromEntries(own))
    }
  }
}

interface StatusGauges {
  readonly partUp: Gauge<'part'>
  readonly queued: Gauge
  readonly oldestQueued: Gauge
  readonly overdue: Gauge
  readonly unsent: Gauge
  readonly skipped: Counter
  readonly eventsWaiting: Gauge
  readonly oldestEvent: Gauge
  readonly eventsDead: Gauge
  readonly interrupted: Gauge
  readonly lastSuccess: Gauge<'connection'>
  readonly failing: Gauge<'connection'>
}

export function createStatusGauges(registry: Registry): StatusGauges {
  const registers = [registry]
  const service = (name: string, help: string): Gauge =>
    new Gauge({ name: `reactor_connect_service_${name}`, help, registers })
  const ofConnection = (name: string, help: string): Gauge<'connection'> =>
    new Gauge({
      name: `reactor_connect_connection_${name}`,
      help,
      labelNames: ['connection'],
      registers,
    })
  const webhooks = (name: string, help: string): Gauge =>
    new Gauge({ name: `reactor_connect_webhooks_${name}`, help, registers })
  return {
    partUp: new Gauge({
      name: 'reactor_connect_service_part_up',
      help: '1 while a part that the service needs can be used, else 0',
      labelNames: ['part'],
      registers,
    }),
    queued: service('runs_queued', 'Runs that are due and wait for a process with a free slot'),
    oldestQueued: service(
      'runs_queued_oldest_seconds',
      'How long the oldest queued run has waited',
    ),
    overdue: service(
      'schedules_overdue',
      'Schedules that have been due for a minute or more, and that no scheduler acted on',
    ),
    unsent: service(
      'schedules_unsent',
      'Schedules that have not been sent to the external Jobs service yet',
    ),
    skipped: new Counter({
      name: 'reactor_connect_service_schedules_skipped_total',
      help: 'Times of schedules that were skipped, since they passed while no scheduler was working',
      registers,
    }),
    eventsWaiting: webhooks(
      'dispatches_waiting',
      'Events of webhooks that have not reached a target yet, once for each target',
    ),
    oldestEvent: webhooks(
      'dispatches_oldest_seconds',
      'How long ago the oldest of the events that wait was received',
    ),
    eventsDead: webhooks(
      'dispatches_dead',
      'Events that were given up, and neither replayed nor discarded',
    ),
    interrupted: webhooks(
      'targets_interrupted',
      'Targets to which nothing is sent for a time, because they do not work',
    ),
    lastSuccess: ofConnection(
      'last_success_timestamp_seconds',
      'When the last complete run of an active connection ended; 0: no run is complete',
    ),
    failing: ofConnection(
      'failing',
      '1 when the last run of an active connection failed, is partial or makes no progress, else 0',
    ),
  }
}
