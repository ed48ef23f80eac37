import { randomBytes } from 'node:crypto'
import type { RecordData } from '../../../protocol/index.ts'
import { standardOptions } from '../../../sinks/row-files/file-options.ts'
import { openBucket, openBucketLane } from '../../../sinks/s3/open-bucket.ts'
import type { S3Config } from '../../../sinks/s3/s3-place.ts'
import { S3Server } from '../../fakes/s3/s3-server.ts'
import { silent } from '../../support/logger.ts'
import { StepwiseRun, streamOf } from '../contract/contract-runs.ts'
import type { Place } from '../contract/subject.ts'
import { s3PlaceOf } from './s3-objects.ts'

const appended = { mode: 'append', syncMode: 'incremental' } as const
export const overwritten = { mode: 'overwrite', syncMode: 'full_refresh' } as const

export async function serverWithBucket(): Promise<S3Server> {
  const s3 = await S3Server.start()
  s3.buckets.set(s3.config.bucket, new Map())
  return s3
}

/** The place at a server, or at a proxy in front of it. */
export function configOf(s3: Pick<S3Server, 'config'>, more: Partial<S3Config> = {}): S3Config {
  return { ...s3PlaceOf(s3.config), prefix: 'rows/', ...standardOptions('gzip'), ...more }
}

function placeOf(config: S3Config): Omit<Place, 'rows' | 'rejections'> {
  return {
    connection: 'shop',
    stream: 'things',
    config,
    open: () => Promise.resolve(openBucket(config)),
    openLane: async (sync, partition = 0) => {
      const lane = await openBucketLane(config, { sync, partition, logger: silent })
      await lane.setColumns(sync.sink.columns)
      return lane
    },
  }
}

const unread = {
  rows: () => Promise.resolve([]),
  rejections: () => Promise.resolve([]),
}

export async function runOf(
  config: S3Config,
  modes: typeof appended | typeof overwritten = appended,
): Promise<StepwiseRun> {
  const place = { ...placeOf(config), ...unread }
  const columns = { id: 'integer', body: 'string', at: 'timestamptz' } as const
  return StepwiseRun.open(place, streamOf(place, modes, { columns, metadata: 'none' }))
}

const body = randomBytes(4_000).toString('base64')
export const rowsOf = (count: number): readonly RecordData[] =>
  Array.from({ length: count }, (_, index) => ({
    id: index + 1,
    body,
    at: `2026-01-0${String(1 + (index % 3))}T10:00:00Z`,
  }))
