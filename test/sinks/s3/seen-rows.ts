import { execFile } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { gunzipSync } from 'node:zlib'
import { parquetReadObjects } from 'hyparquet'
import { pythonEnvironment } from '../../../bench/peers/python-environment.ts'
import { compressors } from '../../../rows/parquet/compressors.ts'
import type { StorageConfig } from '../../../storage/storage-config.ts'
import { newFolder } from '../../support/new-folder.ts'
import { linesOf } from '../contract/file-lines.ts'
import { objectsOf } from './s3-objects.ts'

/** `npm run test:long -- destinations`: a real S3 server, and DuckDB as the reader. */
export const hasDuckDb = process.env.DUCKDB !== undefined

/** The files of a stream, as docs/destinations.md says. */
export interface SeenFiles {
  /** Below the bucket: `exports/n/`. */
  readonly prefix: string
  readonly glob: string
  readonly read: string
}

export interface Seen {
  readonly rows: number
  readonly ids: number
  readonly sum: number
}

/** Rows 1 to `rows`, each once. */
export function allOnce(rows: number): Seen {
  return { rows, ids: rows, sum: (rows * (rows + 1)) / 2 }
}

/** The rows that a reader of the glob sees. A file that is half there would make it fail. */
export async function seenRows(storage: StorageConfig, files: SeenFiles): Promise<Seen> {
  const objects = await objectsOf(storage, files.prefix)
  return hasDuckDb ? seenByDuckDb(objects, files) : seenHere(objects, files)
}

async function seenHere(
  objects: ReadonlyMap<string, Buffer>,
  { glob }: Pick<SeenFiles, 'glob'>,
): Promise<Seen> {
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
  { glob, read }: Omit<SeenFiles, 'prefix'>,
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
