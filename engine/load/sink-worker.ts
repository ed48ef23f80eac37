import { kindOf } from '../../sinks/registry.ts'
import type { SinkLane, StreamSync } from '../../sinks/sink.ts'
import { openLaneReader, preloadLane } from '../log/lane.ts'
import type { ObjectStorage } from '../../storage/object-storage.ts'
import type { JobResult, LoadEvent, LoadLaneJob } from '../threads/protocol.ts'
import { expectedJobs, runJob, type JobContext } from '../threads/worker-side.ts'
import { LaneLoader } from './lane-loader.ts'
import { LanePlaces } from './lane-places.ts'
import { RestingLane } from './resting-lane.ts'

/** How often a worker reports where its time goes, in milliseconds. */
const reportEveryMs = 500

const expected = expectedJobs()
if (expected !== undefined) {
  kindOf({ type: expected.destination }).preloadLane()
  preloadLane('reader', expected.log)
}

export async function loadLane(job: LoadLaneJob): Promise<JobResult<'closed' | 'stopped'>> {
  return runJob(job, (context) => load(job, context))
}

/** Imported on first use: most runs have none. */
async function storageOf({ reader }: LoadLaneJob): Promise<ObjectStorage | undefined> {
  if (reader.storage === undefined) return undefined
  const { ObjectStorage } = await import('../../storage/object-storage.ts')
  return new ObjectStorage(reader.storage.config)
}

/** For the feed that this thread serves: as many as idle sessions are kept. */
const places = new LanePlaces({ limit: 8, patienceMs: 500 })

async function openLane(job: LoadLaneJob, { logger }: JobContext): Promise<SinkLane> {
  const kind = kindOf(job.destination)
  const open = (sync: StreamSync): Promise<SinkLane> =>
    kind.openLane(job.destination, { ...job, sync, logger })
  if (!job.isFeed || !kind.capabilities.lanesReopen) return open(job.sync)
  return new RestingLane({ sync: job.sync, places, open })
}

async function load(job: LoadLaneJob, context: JobContext): Promise<'closed' | 'stopped'> {
  await using lane = await openLane(job, context)
  const loader = new LaneLoader({
    ...job,
    lane,
    storage: await storageOf(job),
    ...(job.reader.kind === 'embedded' && { queueBytes: job.reader.maxQueueBytes }),
    openReader: (options) => openLaneReader(job.reader, options, context.logger),
    onCommit: ({ slices, ...commit }) => {
      const moved = job.isFeed && { slices }
      job.events.postMessage({ type: 'committed', ...commit, ...moved } satisfies LoadEvent)
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
