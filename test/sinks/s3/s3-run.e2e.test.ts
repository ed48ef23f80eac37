import { setTimeout } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { ObjectStorage } from '../../../storage/object-storage.ts'
import { eventsOf, startRun } from '../../cli/reactor-command.ts'
import { runHere } from '../../cli/run-here.ts'
import { S3Server } from '../../fakes/s3/s3-server.ts'
import { startVersityGateway } from '../../fakes/s3/versity-gateway.ts'
import { runFile } from '../../support/run-file.ts'
import { keysOf } from './s3-objects.ts'
import { allOnce, hasDuckDb, type Seen, seenRows } from './seen-rows.ts'

/** The long form has all formats and more kills. */
const rows = hasDuckDb ? 100_000 : 30_000
const kills = hasDuckDb ? 6 : 1

interface Format {
  readonly config: Readonly<Record<string, unknown>>
  /** Below the folder of the stream, as docs/destinations.md says. */
  readonly glob: string
  readonly read: string
}
const gzipped = { config: {}, glob: '*.jsonl.gz', read: 'read_json' }
const formats: readonly Format[] = [
  {
    config: { format: 'parquet', partition_by: 'load_date' },
    glob: 'load_date=*/*.parquet',
    read: 'read_parquet',
  },
  ...(hasDuckDb
    ? [gzipped, { config: { compression: 'zstd' }, glob: '*.jsonl.zst', read: 'read_json' }]
    : []),
]

test.each(formats)(
  'a run into a bucket that is killed with -9 goes on, and a reader of $glob meets each row once',
  async ({ config, glob, read }) => {
    await using s3 = await (hasDuckDb ? startVersityGateway() : S3Server.start())
    await new ObjectStorage(s3.config).put('other', Buffer.from('x'))
    const env = {
      AWS_ACCESS_KEY_ID: s3.config.accessKeyId,
      AWS_SECRET_ACCESS_KEY: s3.config.secretAccessKey,
      AWS_ENDPOINT_URL_S3: s3.config.url,
    }
    await using file = await runFile({
      connection: 'shop',
      source: {
        type: 'faker',
        config: { seed: 7, streams: [{ name: 'n', rows, columns: 'narrow', state_every: 500 }] },
      },
      destination: { type: 's3', url: `s3:${s3.config.bucket}/exports`, config },
      metadata: 'none',
      limits: { commit_bytes: 65_536, commit_ms: 10 },
      streams: [{ name: 'n', destination_sync_mode: 'append' }],
    })
    const see = (): Promise<Seen> => seenRows(s3.config, { prefix: 'exports/n/', glob, read })
    const countFiles = async (): Promise<number> => {
      const keys = await keysOf(s3.config, 'exports/n/')
      return keys.filter((key) => !key.startsWith('.')).length
    }
    for (let kill = 1; kill <= kills; kill++) {
      const before = await countFiles()
      const killed = startRun(file.path, { env })
      while ((await countFiles()) <= before + kill) {
        expect(killed.process.exitCode).toBeNull()
        await setTimeout(5)
      }
      killed.process.kill('SIGKILL')
      await killed.end
      const now = await see()
      expect(now.ids).toBe(now.rows)
      expect(now.rows).toBeLessThan(rows)
      expect(now.rows).toBeGreaterThan(0)
    }
    const end = await runHere(file.path, { args: ['--json'], env })
    expect(end.stdout + end.stderr).not.toContain(s3.config.secretAccessKey)
    expect(end.code).toBe(0)
    expect(await see()).toEqual(allOnce(rows))
    const [stream] = eventsOf(end).at(-1)?.streams ?? []
    expect(stream).toMatchObject({ before: { loaded: rows - Number(stream?.loaded) } })
  },
  300_000,
)
