import { join } from 'node:path'
import { readdir } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { ObjectStorage } from '../../../storage/object-storage.ts'
import { S3Server } from '../../fakes/s3/s3-server.ts'
import { startVersityGateway } from '../../fakes/s3/versity-gateway.ts'
import { metadataTemplate, testDatabase } from '../../support/postgres.ts'
import {
  hasEnded,
  runWhen,
  serviceFolder,
  type ServiceProcess,
} from '../../support/service-process.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'
import { allOnce, hasDuckDb, seenRows } from './seen-rows.ts'

const rows = 5_000
const started = z.looseObject({ id: z.string() })

test('a service loads a bucket and a folder that its settings name, goes on after kill -9, and shows no secret', async () => {
  await using s3 = await (hasDuckDb ? startVersityGateway() : S3Server.start())
  await new ObjectStorage(s3.config).put('other', Buffer.from('x')) // it makes the bucket
  await using metadata = await testDatabase(metadataTemplate)
  await using out = await temporaryFolder('service-files')
  const { accessKeyId, secretAccessKey, bucket, url } = s3.config
  const login = `${accessKeyId}:${encodeURIComponent(secretAccessKey)}`
  const places = [
    `s3://${login}@${bucket}/exports?format=parquet&endpoint=${encodeURIComponent(url)}`,
    `file://${out.path}`,
  ]
  const environment = {
    REACTOR_CONNECT_DATABASE_URL: metadata.url,
    REACTOR_CONNECT_DESTINATIONS: places.join(','),
  }
  await using folder = await serviceFolder()
  const first = await folder.start({ environment })
  await createSource(first)
  await connect(first, 'bucket', `s3:${bucket}/exports/shop`)
  await connect(first, 'folder', `file:${join(out.path, 'shop')}`)
  const foreign = connect(first, 'foreign', `s3:${bucket}/private`)
  await expect(foreign).rejects.toThrow('destination_not_available')

  const files = { prefix: 'exports/shop/n/', glob: '*.parquet', read: 'read_parquet' }
  const { id } = await first.ask(started, '/connections/bucket/runs', { body: {} })
  await runWhen(first, id, ({ read }) => read > 500)
  await first.kill9()
  const second = await folder.start({ environment, key: first.key })
  const ended = await runWhen(second, id, hasEnded)
  expect(ended).toMatchObject({ status: 'complete', attempts: 2, loaded: rows })
  expect(await seenRows(s3.config, files)).toEqual(allOnce(rows))
  const next = await second.ask(started, '/connections/folder/runs', { body: {} })
  expect(await runWhen(second, next.id, hasEnded)).toMatchObject({ status: 'complete' })
  expect(await readdir(join(out.path, 'shop/n'))).toContainEqual(
    expect.stringMatching(/^000001-0000-\d+\.jsonl$/),
  )
  const shown = JSON.stringify(await second.ask(z.unknown(), '/connections/bucket'))
  expect(shown + first.output() + second.output()).not.toContain(secretAccessKey)
  expect(await second.stop()).toBe(0)
}, 300_000)

async function createSource(service: ServiceProcess): Promise<void> {
  const stream = { name: 'n', rows, columns: 'narrow', state_every: 100, rows_per_second: 2_000 }
  const config = { seed: 7, streams: [stream] }
  await service.ask(z.unknown(), '/instances', { body: { name: 'source', type: 'faker', config } })
}

async function connect(
  service: ServiceProcess,
  name: string,
  destination: string,
): Promise<unknown> {
  const streams = [{ name: 'n', destination_sync_mode: 'append' }]
  const options = { metadata: 'none' }
  const body = { name, from: 'source', destination, streams, options, activate: true }
  return service.ask(z.unknown(), '/connections', { body })
}
