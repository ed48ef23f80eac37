import type { LaneOptions } from '../../destination-kind.ts'
import type { SinkLane } from '../../sink.ts'
import { InstanceLane } from '../instance-lane.ts'
import type { InstanceConfig } from '../instance-place.ts'
import { openWriter } from '../open-writer.ts'
import { WriteStore } from '../store/write-store.ts'
import { PreviewStore } from './preview-store.ts'
import { PreviewWriter } from './preview-writer.ts'

/** The lane of a run, with a writer that sends nothing and a bookkeeping that forgets. */
export async function openPreviewLane(
  config: InstanceConfig,
  lane: LaneOptions,
): Promise<SinkLane> {
  const ended = new AbortController()
  await using open = new AsyncDisposableStack()
  const store = open.use(await WriteStore.open(config.store))
  const options = { logger: lane.logger, signal: ended.signal }
  const writer = open.use(new PreviewWriter(await openWriter(config, options)))
  const stillOpen = open.move()
  // The sandbox shows deletes that a run would hold.
  return new InstanceLane({ ...config, releasesDeletes: true }, lane, {
    store: new PreviewStore(store),
    writer,
    requireOwn: () => Promise.resolve(),
    commit: () => Promise.resolve(),
    takeSamples: () => writer.takeSamples(),
    dispose: async () => {
      ended.abort()
      await stillOpen.disposeAsync()
    },
  })
}
