import { requireNewest, requireOwn } from '../bookkeeping/runs.ts'
import { commitLane } from '../bookkeeping/syncs.ts'
import type { LaneOptions } from '../destination-kind.ts'
import type { SinkLane } from '../sink.ts'
import { runsOf, streamOf } from './documents.ts'
import { InstanceLane } from './instance-lane.ts'
import type { InstanceConfig } from './instance-place.ts'
import { openWriter } from './open-writer.ts'
import { WriteStore } from './store/write-store.ts'

/** Throws `fenced` if a newer `begin` took over. */
export async function openInstanceLane(
  config: InstanceConfig,
  lane: LaneOptions,
): Promise<SinkLane> {
  const { sync, logger } = lane
  const { sink, start } = sync
  const ended = new AbortController()
  await using open = new AsyncDisposableStack()
  const store = open.use(await WriteStore.open(config.store))
  const document = streamOf(store, sink)
  const requireFirst = async (): Promise<void> => {
    requireNewest(await runsOf(store, sink.connection).read(), sink, start)
  }
  const requireMine = async (): Promise<void> => {
    await requireFirst()
    requireOwn(await document.read(), sync)
  }
  await requireMine()
  const writer = open.use(await openWriter(config, { logger, signal: ended.signal }))
  const stillOpen = open.move()
  return new InstanceLane(config, lane, {
    store,
    writer,
    requireOwn: requireMine,
    commit: async (commit) => {
      await requireFirst()
      await document.change((now) => ({
        result: undefined,
        content: commitLane(now, sync, commit),
      }))
    },
    dispose: async () => {
      ended.abort()
      await stillOpen.disposeAsync()
    },
  })
}
