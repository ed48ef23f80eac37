import { enableCompileCache } from 'node:module'
import { pino } from 'pino'
import { Registry } from 'prom-client'
import { z } from 'zod'
import type { RunPlan } from '../../engine/run-types.ts'
import { peakRssMb } from '../peak-rss.ts'

/**
 * One run of the engine in a process of its own, so that its peak memory and CPU are its own: the plan comes
 * as JSON on standard input, the figures go as one JSON line to standard output.
 */
async function main(): Promise<void> {
  // As the command line does.
  enableCompileCache()
  const { createRunMetrics } = await import('../../engine/metrics/registered-metrics.ts')
  const { runConnection } = await import('../../engine/run/run-connection.ts')
  const { openWorkerThreads } = await import('../../engine/threads/worker-threads.ts')
  const chunks: Buffer[] = []
  for await (const chunk of process.stdin) chunks.push(z.instanceof(Buffer).parse(chunk))
  const plan = z.custom<RunPlan>().parse(JSON.parse(Buffer.concat(chunks).toString('utf8')))
  const registry = new Registry()
  const logger = pino({ level: 'warn' }, pino.destination(2))
  const started = performance.now()
  await using threads = openWorkerThreads({ lanes: plan.limits.parallelLanes, logger })
  const ports = {
    logger,
    threads,
    metrics: createRunMetrics(registry),
    now: Date.now,
    onProgress: () => undefined,
  }
  await using ended = await runConnection(plan, ports, new AbortController().signal)
  await ended.confirmReported()
  const { result } = ended
  const seconds = (performance.now() - started) / 1000
  const { userCPUTime, systemCPUTime } = process.resourceUsage()
  const figures = {
    result,
    seconds,
    peakRssMb: peakRssMb(),
    cpuSeconds: (userCPUTime + systemCPUTime) / 1e6,
    stages: await stages(registry),
  }
  process.stdout.write(`${JSON.stringify(figures)}\n`)
}

/** Seconds by stage, summed over the lanes' threads. */
async function stages(registry: Registry): Promise<Record<string, number>> {
  const seconds: Record<string, number> = {}
  for (const metric of await registry.getMetricsAsJSON()) {
    const name = /^reactor_connect_(.*)_seconds_total$/.exec(metric.name)?.[1]
    if (name !== undefined) seconds[name] = metric.values.reduce((sum, { value }) => sum + value, 0)
  }
  return seconds
}

await main()
