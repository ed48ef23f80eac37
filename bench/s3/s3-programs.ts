import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { StorageConfig } from '../../storage/storage-config.ts'
import type { BenchServer } from '../bench-server.ts'
import { builtProgram } from '../built-program.ts'
import { slingArguments, slingEnvironment } from '../peers/sling.ts'
import { inWorkDir, measure, type Measured } from '../peers/program.ts'
import type { PythonEnvironment } from '../peers/python-environment.ts'
import { benchTable } from '../replicate/source-table.ts'

export const s3Formats = ['jsonl', 'parquet'] as const
export type S3Format = (typeof s3Formats)[number]

export interface S3Bench {
  readonly bench: BenchServer
  readonly storage: StorageConfig
  readonly sling: PythonEnvironment
  readonly duckdb: PythonEnvironment
  /** The table as CSV. */
  readonly csv: string
  /** Files that are read, by the format, in a folder; the bucket has them below `read/FORMAT/`. */
  readonly folderOf: (format: S3Format) => string
}

/** One way to write the table into files, or to read files. */
export interface S3Program {
  readonly name: 'Reactor Connect' | 'Sling' | 'DuckDB'
  readonly direction: 'write' | 'read'
  readonly format: S3Format
  readonly note: string
  /** `round`: each has a place of its own. */
  once(round: string): Promise<Measured>
}

type Described = Pick<S3Program, 'direction' | 'format'>

const schemaOf = (round: string): string => `r_${round}`
export const globOf = (format: S3Format): string =>
  format === 'jsonl' ? '*.jsonl.gz' : '*.parquet'

/** As a user runs it, in a process of its own. */
export function connectProgram(context: S3Bench, described: Described): S3Program {
  const { bench, storage } = context
  const { address } = bench.server
  const s3 = {
    bucket: storage.bucket,
    endpoint: storage.url,
    access_key_id: storage.accessKeyId,
    secret_access_key: storage.secretAccessKey,
  }
  const { direction, format } = described
  const places = (round: string): object =>
    direction === 'write'
      ? {
          source: { type: 'postgres', config: { ...address, schemas: ['public'] } },
          destination: { type: 's3', config: { ...s3, prefix: round, format } },
          streams: [
            { name: benchTable, sync_mode: 'full_refresh', destination_sync_mode: 'append' },
          ],
        }
      : {
          source: {
            type: 's3',
            config: {
              ...s3,
              prefix: `read/${format}/`,
              streams: [{ name: benchTable, globs: [globOf(format)] }],
            },
          },
          destination: {
            type: 'postgres',
            url: bench.warehouseUrl,
            config: { schema: schemaOf(round) },
          },
          streams: [
            { name: benchTable, sync_mode: 'full_refresh', destination_sync_mode: 'append' },
          ],
        }
  return {
    ...described,
    name: 'Reactor Connect',
    note: 'reactor connect run, embedded log, append, metadata none',
    once: (round) =>
      inWorkDir(async (workDir) => {
        const file = join(workDir, 'run.yaml')
        const document = { connection: `c-${round}`, metadata: 'none', ...places(round) }
        await writeFile(file, JSON.stringify(document))
        const argv = [process.execPath, builtProgram, 'connect', 'run', file]
        const environment = { REACTOR_CONNECT_ALLOWED_NETWORKS: '127.0.0.0/8' }
        return measure({ argv, environment }, workDir)
      }),
  }
}

export function slingProgram(context: S3Bench, described: Described): S3Program {
  const { bench, storage, sling } = context
  const { direction, format } = described
  const bucket = {
    type: 's3',
    bucket: storage.bucket,
    endpoint: storage.url,
    region: storage.region,
    access_key_id: storage.accessKeyId,
    secret_access_key: storage.secretAccessKey,
  }
  const options = format === 'jsonl' ? { format: 'jsonlines', compression: 'gzip' } : { format }
  const ending = format === 'jsonl' ? 'jsonl.gz' : 'parquet'
  const url = (path: string): string => `s3://${storage.bucket}/${path}`
  return {
    ...described,
    name: 'Sling',
    note: 'full refresh',
    once: (round) =>
      inWorkDir((workDir) => {
        const work =
          direction === 'write'
            ? [
                ...['--src-conn', 'DB', '--src-stream', `public.${benchTable}`],
                ...['--tgt-conn', 'BUCKET', '--tgt-object', url(`${round}/orders.${ending}`)],
                ...['--tgt-options', JSON.stringify(options)],
              ]
            : [
                ...['--src-conn', 'BUCKET', '--src-stream', url(`read/${format}/`)],
                ...['--src-options', JSON.stringify({ ...options, flatten: false })],
                ...['--tgt-conn', 'DB', '--tgt-object', `${schemaOf(round)}.${benchTable}`],
              ]
        const database = direction === 'write' ? bench.sourceUrl : bench.warehouseUrl
        const environment = {
          ...slingEnvironment(sling, workDir),
          DB: `${database}?sslmode=disable`,
          BUCKET: JSON.stringify(bucket),
        }
        const argv = [...slingArguments(sling), 'run', ...work, '--mode', 'full-refresh']
        return measure({ argv, environment }, workDir)
      }),
  }
}

/** Reads and writes files of this machine: its extensions for PostgreSQL and S3 are downloads. */
export function duckdbProgram(context: S3Bench, described: Described): S3Program {
  const { duckdb, csv, folderOf } = context
  const { direction, format } = described
  const target = format === 'jsonl' ? 'out.jsonl.gz' : 'out.parquet'
  const options =
    format === 'jsonl' ? 'FORMAT json, COMPRESSION gzip' : 'FORMAT parquet, COMPRESSION zstd'
  const reader = format === 'jsonl' ? 'read_json' : 'read_parquet'
  const sql =
    direction === 'write'
      ? `COPY (FROM read_csv('${csv}')) TO '${target}' (${options})`
      : `COPY (FROM ${reader}('${join(folderOf(format), globOf(format))}')) TO 'out.csv' (HEADER)`
  return {
    ...described,
    name: 'DuckDB',
    note: direction === 'write' ? 'CSV to a file of this machine' : 'files of this machine to CSV',
    once: () =>
      inWorkDir((workDir) => {
        const script = `import duckdb, sys; duckdb.execute(sys.argv[1])`
        return measure({ argv: [duckdb.python, '-c', script, sql], environment: {} }, workDir)
      }),
  }
}
