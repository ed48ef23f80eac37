import type { DestinationKind } from '../../destination-kind.ts'
import { instanceCommits, instanceModes } from '../instance-modes.ts'
import type { InstanceConfig } from '../instance-place.ts'

/** For a sandbox: the writes of records are shown, and not sent. */
export interface WritePreviewConfig {
  readonly type: 'write-preview'
  readonly place: InstanceConfig
}

const importDestination = () => import('./write-preview-destination.ts')
const importLane = () => import('./open-preview-lane.ts')

export const writePreviewKind: DestinationKind<WritePreviewConfig> = {
  type: 'write-preview',
  schemes: [],
  options: [],
  capabilities: {
    modes: instanceModes,
    copyRows: false,
    lanesReopen: false,
    stages: false,
    tables: false,
    mergesByCursor: false,
  },
  words: { places: 'objects of an instance', readRows: '', stays: '' },
  preload: () => {
    importDestination().catch(() => undefined) // the caller that opens it gets the error
  },
  open: async ({ place }, { logger, givenUp }) => {
    const { openWritePreview } = await importDestination()
    return openWritePreview(place, { logger, signal: givenUp })
  },
  preloadLane: () => {
    importLane().catch(() => undefined) // the caller that opens the lane gets the error
  },
  openLane: async ({ place }, lane) => {
    const { openPreviewLane } = await importLane()
    return openPreviewLane(place, lane)
  },
  commits: instanceCommits,
  rejections: () => undefined,
  texts: () => ({ secrets: [], names: [] }),
}
