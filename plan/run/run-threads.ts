import type { Logger } from 'pino'
import { openWorkerThreads, type WorkerThreads } from '../../engine/threads/worker-threads.ts'
import type { LoadedRunFile } from '../run-file/load-run-file.ts'
import { logConfig, runLimitsOf } from '../run-file/run-plan.ts'

/**
 * The threads of one run. They load what they will need while this thread does, and while the source is
 * asked.
 */
export function openRunThreads(
  { source, destination, content }: LoadedRunFile,
  { log, logger }: { readonly log: 'embedded' | 'kafka' | undefined; readonly logger: Logger },
): WorkerThreads {
  return openWorkerThreads({
    lanes: runLimitsOf({ content }, log).parallelLanes,
    heapMb: content.limits.worker_heap_mb,
    expectedJobs: {
      source: source.type,
      destination: destination.type,
      log: logConfig(content.log, log).kind,
    },
    logger,
  })
}
