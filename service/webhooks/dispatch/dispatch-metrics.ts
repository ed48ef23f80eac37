import { Counter, Gauge, type Registry } from 'prom-client'

/**
 * The metrics of a process that dispatches events; those of all of them are among the metrics of the service
 * as a whole.
 */
export interface DispatchMetrics {
  readonly running: Gauge
  readonly attempts: Counter<'kind' | 'outcome'>
}

export function createDispatchMetrics(registry: Registry): DispatchMetrics {
  const registers = [registry]
  return {
    running: new Gauge({
      name: 'reactor_connect_webhooks_dispatches_running',
      help: 'Events of webhooks that this process is sending to their targets',
      registers,
    }),
    attempts: new Counter({
      name: 'reactor_connect_webhooks_dispatch_attempts_total',
      help: 'Attempts to send an event to a target that have ended in this process, by kind of target and outcome: done, retry, dead, released, unavailable',
      labelNames: ['kind', 'outcome'],
      registers,
    }),
  }
}
