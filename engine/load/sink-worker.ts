import { openSinkLane, preloadSinkLane } from '../open-destination.ts'
import { openLaneReader, preloadLane } from '../log/lane.ts'
import type { ObjectStorage } from '../log/stored/object-storage.ts'
import type { JobResult, LoadEvent, LoadLaneJob } from '../threads/protocol.ts'
import { expectedJobs, runJob, type JobContext } from '../threads/worker-side.ts'
import { LaneLoader } from './lane-loader.ts'

/** How often a worker reports where its time goes, in milliseconds. */
const reportEveryMs = 500

const expected = expectedJobs()
if (expected !== undefined) {
  preloadSinkLane(expected.destination)
  preloadLane('reader', expected.log)
}

export async function loadLane(job: LoadLaneJob): Promise<JobResult<'closed' | 'stopped'>> {
  return runJob(job, (context) => load(job, context))
}

/** Imported on first use: most runs have none. */
async function storageOf({ reader }: LoadLaneJob): Promise<ObjectStorage | undefined> {
  if (reader.storage === undefined) return undefined
  const { ObjectStorage } = await import('../log/stored/object-storage.ts')
  return new ObjectStorage(reader.storage.config)
}

async function load(job: LoadLaneJob, context: JobContext): Promise<'closed' | 'stopped'> {
  await using lane = await openSinkLane(job.destination, job, context.logger)
  const loader = new LaneLoader({
    ...job,
    lane,
    storage: await storageOf(job),
    openReader: (options) => openLaneReader(job.reader, options, context.logger),
    onCommit: (commit) => {
      job.events.postMessage({ type: 'committed', ...commit } satisfies LoadEvent)
    },
  })
  const report = setInterval(() => {
    job.events.postMessage({ type: 'loading', ...loader.seconds } satisfies LoadEvent)
  }, reportEveryMs)
  try {
    // Awaited here: the lane is closed when this function returns.
    return await loader.run(context.signal)
  } finally {
    clearInterval(report)
  }
}
