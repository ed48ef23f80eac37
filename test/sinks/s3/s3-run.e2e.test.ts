import { execFile } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { promisify } from 'node:util'
import { gunzipSync } from 'node:zlib'
import { parquetReadObjects } from 'hyparquet'
import { expect, test } from 'vitest'
import { pythonEnvironment } from '../../../bench/peers/python-environment.ts'
import { compressors } from '../../../rows/parquet/compressors.ts'
import type { StorageConfig } from '../../../storage/storage-config.ts'
import { ObjectStorage } from '../../../storage/object-storage.ts'
import { eventsOf, startRun } from '../../cli/reactor-command.ts'
import { runHere } from '../../cli/run-here.ts'
import { S3Server } from '../../fakes/s3/s3-server.ts'
import { startVersityGateway } from '../../fakes/s3/versity-gateway.ts'
import { newFolder } from '../../support/new-folder.ts'
import { runFile } from '../../support/run-file.ts'
import { linesOf } from '../contract/file-lines.ts'
import { keysOf, objectsOf } from './s3-objects.ts'

/** `npm run test:long -- duckdb`: a real S3 server, DuckDB as the reader, all formats, more kills. */
const isLong = process.env.DUCKDB !== undefined
const rows = isLong ? 100_000 : 30_000
const kills = isLong ? 6 : 1

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
  ...(isLong
    ? [gzipped, { config: { compression: 'zstd' }, glob: '*.jsonl.zst', read: 'read_json' }]
    : []),
]

interface Seen {
  readonly rows: number
  readonly ids: number
  readonly sum: number
}

test.each(formats)(
  'a run into a bucket that is killed with -9 goes on, and a reader of $glob meets each row once',
  async ({ config, glob, read }) => {
    await using s3 = await (isLong ? startVersityGateway() : S3Server.start())
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
    const see = (): Promise<Seen> => seen(s3.config, { glob, read })
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
    expect(await see()).toEqual({ rows, ids: rows, sum: (rows * (rows + 1)) / 2 })
    const [stream] = eventsOf(end).at(-1)?.streams ?? []
    expect(stream).toMatchObject({ before: { loaded: rows - Number(stream?.loaded) } })
  },
  300_000,
)

/** The rows that a reader of the glob sees. */
async function seen(storage: StorageConfig, { glob, read }: Omit<Format, 'config'>): Promise<Seen> {
  const objects = await objectsOf(storage, 'exports/n/')
  if (isLong) return seenByDuckDb(objects, { glob, read })
  const pattern = new RegExp(`^${glob.replaceAll('.', '\\.').replaceAll('*', '[^/]*')}$`)
  const files = [...objects].filter(([key]) => pattern.test(key)).map(([, bytes]) => bytes)
  const found = glob.endsWith('.parquet')
    ? await Promise.all(
        files.map((bytes) =>
          parquetReadObjects({ file: Uint8Array.from(bytes).buffer, compressors }),
        ),
      )
    : [linesOf(files.map((bytes) => gunzipSync(bytes)))]
  const ids = found.flat().map((row) => Number((row as { readonly id: unknown }).id))
  return { rows: ids.length, ids: new Set(ids).size, sum: ids.reduce((sum, id) => sum + id, 0) }
}

async function seenByDuckDb(
  objects: ReadonlyMap<string, Buffer>,
  { glob, read }: Omit<Format, 'config'>,
): Promise<Seen> {
  const folder = await newFolder('duckdb')
  for (const [key, bytes] of objects) {
    await mkdir(dirname(join(folder, key)), { recursive: true })
    await writeFile(join(folder, key), bytes)
  }
  const cacheDir = join(homedir(), '.cache', 'reactor-connect-test')
  const { python } = await pythonEnvironment(cacheDir, 'duckdb', ['duckdb==2.0.1'])
  const program = `
import duckdb, glob, json, sys
files = sys.argv[1]
if not glob.glob(files): print(json.dumps([0, 0, 0])); sys.exit()
sql = f"SELECT count(*), count(DISTINCT id), coalesce(sum(id), 0)::BIGINT FROM {sys.argv[2]}('{files}')"
print(json.dumps(duckdb.sql(sql).fetchall()[0]))`
  const args = ['-c', program, join(folder, glob), read]
  const { stdout } = await promisify(execFile)(python, args)
  const [count = 0, ids = 0, sum = 0] = JSON.parse(stdout) as readonly number[]
  return { rows: count, ids, sum }
}
