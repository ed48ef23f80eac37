import { Counter, Gauge, type Registry } from 'prom-client'
import type { Outcome } from './attempt-outcome.ts'

export const attemptsName = 'reactor_connect_service_attempts_total'

/** The metrics of a process that executes runs; the engine has those of the runs themselves. */
export interface ServiceMetrics {
  readonly runsActive: Gauge
  readonly attempts: Counter<'connection' | 'outcome'>
}

export function createServiceMetrics(registry: Registry): ServiceMetrics {
  const registers = [registry]
  return {
    runsActive: new Gauge({
      name: 'reactor_connect_service_runs_active',
      help: 'Runs that this process works on',
      registers,
    }),
    attempts: new Counter({
      name: attemptsName,
      help: 'Attempts of runs that have ended in this process, by outcome of the run',
      labelNames: ['connection', 'outcome'],
      registers,
    }),
  }
}

/**
 * Prometheus does not see an increase from a missing series to 1: the series that an alert uses start with 0.
 */
export function beginAttempts({ attempts }: ServiceMetrics, connection: string): void {
  for (const outcome of ['failed', 'partial', 'again']) attempts.inc({ connection, outcome }, 0)
}

/** `again`: the run went back to the queue. `lost`: another process has it. */
export function outcomeLabel(outcome: Outcome): string {
  return outcome.kind === 'end' ? outcome.status : outcome.kind
}
