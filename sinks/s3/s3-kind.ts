import type { DestinationKind } from '../destination-kind.ts'
import { fileCommits, fileModes } from '../row-files/file-options.ts'
import { bucketForm } from './connection-form.ts'
import type { S3Config } from './s3-place.ts'

const importParts = () => import('./open-bucket.ts')

export const s3Kind: DestinationKind<S3Config> = {
  type: 's3',
  schemes: ['s3'],
  options: [],
  capabilities: {
    modes: fileModes,
    copyRows: false,
    lanesReopen: false,
    stages: true,
    tables: false,
    mergesByCursor: false,
  },
  words: {
    places: 'prefixes of a bucket',
    readRows: 'Read the objects of its bucket: docs/destinations.md.',
    stays: 'its objects stay in the bucket',
  },
  preload: () => {
    importParts().catch(() => undefined) // the caller that opens it gets the error
  },
  open: async (config, { givenUp }) => {
    const { openBucket } = await importParts()
    return openBucket(config, givenUp)
  },
  preloadLane: () => {
    importParts().catch(() => undefined) // the caller that opens the lane gets the error
  },
  openLane: async (config, lane) => {
    const { openBucketLane } = await importParts()
    return openBucketLane(config, lane)
  },
  commits: fileCommits,
  rejections: () => 'the folder `_rejected` of the stream',
  texts: ({ bucket, prefix, endpoint, accessKeyId, secretAccessKey, sessionToken }) => ({
    secrets: [secretAccessKey, sessionToken],
    names: [bucket, prefix, endpoint, accessKeyId],
  }),
  connection: bucketForm,
  runFile: async () => {
    const { s3Form } = await import('./run-file-form.ts')
    return s3Form
  },
}
