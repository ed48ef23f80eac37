import { allModes, type DestinationKind } from '../../destination-kind.ts'
import type { TopicSnapshot } from './topic-snapshot.ts'

/** For a sandbox: the messages that would be sent to topics are shown, and not sent. */
export interface PreviewConfig extends TopicSnapshot {
  readonly type: 'topic-preview'
}

const importDestination = () => import('./preview-destination.ts')
const importLane = () => import('./preview-lane.ts')

export const previewKind: DestinationKind<PreviewConfig> = {
  type: 'topic-preview',
  schemes: [],
  options: [],
  capabilities: {
    modes: allModes,
    copyRows: false,
    lanesReopen: false,
    stages: false,
    tables: false,
    mergesByCursor: false,
  },
  words: { places: 'topics', readRows: '', stays: '' },
  preload: () => {
    importDestination().catch(() => undefined) // the caller that opens it gets the error
  },
  open: async (config) => {
    const { PreviewDestination } = await importDestination()
    return new PreviewDestination(config)
  },
  preloadLane: () => {
    importLane().catch(() => undefined) // the caller that opens the lane gets the error
  },
  openLane: async (config, { sync }) => {
    const { PreviewLane } = await importLane()
    return new PreviewLane(config, sync)
  },
  laneConfig: async (config, stream) => {
    const { snapshotFor } = await import('./topic-snapshot.ts')
    return { ...config, ...snapshotFor(config, stream) }
  },
  rejections: () => undefined,
  texts: () => ({ secrets: [], names: [] }),
}
