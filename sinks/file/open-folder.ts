import type { LaneOptions } from '../destination-kind.ts'
import { openFilesDestination } from '../row-files/files-destination.ts'
import { openFilesLane } from '../row-files/files-lane.ts'
import type { Destination, SinkLane } from '../sink.ts'
import type { FileConfig } from './file-place.ts'
import { LocalStore } from './local-store.ts'

export function openFolder(config: FileConfig): Destination {
  return openFilesDestination(new LocalStore(config.folder), config)
}

/** Throws `fenced` if a newer `begin` took over. */
export function openFolderLane(config: FileConfig, lane: LaneOptions): Promise<SinkLane> {
  return openFilesLane(new LocalStore(config.folder), config, lane)
}
