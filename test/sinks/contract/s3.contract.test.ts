import { randomUUID } from 'node:crypto'
import { gunzipSync } from 'node:zlib'
import { afterAll, beforeAll } from 'vitest'
import { standardOptions } from '../../../sinks/row-files/file-options.ts'
import { openBucket, openBucketLane } from '../../../sinks/s3/open-bucket.ts'
import { ObjectStorage } from '../../../storage/object-storage.ts'
import { S3Server } from '../../fakes/s3/s3-server.ts'
import { startVersityGateway } from '../../fakes/s3/versity-gateway.ts'
import { silent } from '../../support/logger.ts'
import { objectsOf, s3PlaceOf } from '../s3/s3-objects.ts'
import { destinationContract } from './destination-contract.ts'
import { linesOf, withoutOurs } from './file-lines.ts'
import type { Place, Rejection } from './subject.ts'

const servers = [
  ['s3', () => S3Server.start()],
  // `npm run test:long -- destinations` needs Go.
  ...(process.env.REAL_S3 === undefined
    ? []
    : [['s3 (Versity Gateway)', startVersityGateway] as const]),
] as const

for (const [name, start] of servers) {
  let server: Awaited<ReturnType<typeof start>>
  beforeAll(async () => {
    server = await start()
    // It makes the bucket.
    await new ObjectStorage(server.config).put('other', Buffer.from('x'))
  }, 300_000)
  afterAll(() => server[Symbol.asyncDispose]())
  destinationContract(
    {
      name,
      modes: ['append', 'overwrite'],
      overwriteShows: 'at its end',
      makePlace: () => Promise.resolve(makePlace(server)),
    },
    'all',
  )
}

function makePlace({ config: storage }: Pick<S3Server, 'config'>): Place {
  const prefix = `${randomUUID().slice(0, 8)}/rows/`
  const config = { ...s3PlaceOf(storage), prefix, ...standardOptions('gzip') }
  const lines = async (folder: string, ending: string): Promise<readonly unknown[]> => {
    const objects = await objectsOf(storage, prefix + folder)
    const files = [...objects].filter(([key]) => key.endsWith(ending) && !key.includes('/'))
    return linesOf(files.map(([, bytes]) => (ending.endsWith('.gz') ? gunzipSync(bytes) : bytes)))
  }
  return {
    connection: `c_${randomUUID().slice(0, 8)}`,
    stream: 'things',
    config,
    open: () => Promise.resolve(openBucket(config)),
    openLane: async (sync, partition = 0) => {
      const lane = await openBucketLane(config, { sync, partition, logger: silent })
      await lane.setColumns(sync.sink.columns)
      return lane
    },
    rows: async () => withoutOurs(await lines('things/', '.jsonl.gz')),
    rejections: async () => {
      const found = (await lines('things/_rejected/', '.ndjson')) as Rejection[]
      return found.map(({ slice, seq, reason }) => ({ slice, seq, reason }))
    },
  }
}
