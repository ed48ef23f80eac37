import type { LaneOptions } from '../destination-kind.ts'
import { openFilesDestination } from '../row-files/files-destination.ts'
import { openFilesLane } from '../row-files/files-lane.ts'
import type { Destination, SinkLane } from '../sink.ts'
import { BucketStore } from './bucket-store.ts'
import type { S3Config } from './s3-place.ts'

/** `givenUp`: from its abort on, requests fail. */
export function openBucket(config: S3Config, givenUp?: AbortSignal): Destination {
  return openFilesDestination(new BucketStore(config, { signal: givenUp }), config)
}

/** Throws `fenced` if a newer `begin` took over. */
export function openBucketLane(config: S3Config, lane: LaneOptions): Promise<SinkLane> {
  return openFilesLane(new BucketStore(config), config, lane)
}
