import { z } from 'zod'
import type { AddProblem } from '../run-file-form.ts'
import type { SyncMode } from '../sink.ts'

/** A row in a file is never changed. */
export const fileModes: readonly SyncMode[] = ['append', 'overwrite']

const mebibyte = 1024 * 1024

/** Each commit of a lane is a file at least: it is worth one when a file is full, or after a minute. */
export const fileCommits = { commitBytes: 2048 * mebibyte, commitMs: 60_000 }

/** How files are written. Plain data: it crosses a thread. */
export interface FileOptions {
  readonly format: 'jsonl' | 'parquet'
  readonly compression: 'none' | 'gzip' | 'zstd' | 'snappy'
  /** A file ends when it has about this many bytes. */
  readonly fileBytes: number
  readonly partitionBy?: PartitionBy
}

/** The folders of Hive that files are in: by the time of loading, or by the value of a column. */
export type PartitionBy =
  | 'load_date'
  | 'load_hour'
  | {
      readonly column: string
      /** The day or the hour of the column's time. Default: its whole value. */
      readonly by?: 'date' | 'hour'
    }

/** The fields of `destination.config` that say how files are written. */
export const fileFields = {
  format: z.enum(['jsonl', 'parquet']).default('jsonl'),
  compression: z.enum(['none', 'gzip', 'zstd', 'snappy']).optional(),
  file_mb: z.number().min(1).max(4096).default(64),
  partition_by: z
    .union([
      z.enum(['load_date', 'load_hour']),
      z.strictObject({
        column: z.string().min(1),
        by: z.enum(['date', 'hour']).exactOptional(),
      }),
    ])
    .optional(),
}

type FileFields = z.infer<z.ZodObject<typeof fileFields>>

/** Reports a compression that the format does not have. `standard`: that of JSON lines. */
export function fileOptions(
  { format, compression, file_mb: size, partition_by: by }: FileFields,
  { standard, add }: { readonly standard: 'none' | 'gzip'; readonly add: AddProblem },
): FileOptions | undefined {
  if (format === 'jsonl' && compression === 'snappy') {
    add({
      field: ['config', 'compression'],
      problem: 'is a compression that JSON lines do not have',
      fix: 'Set `none`, `gzip` or `zstd`, or `format: parquet`.',
    })
    return undefined
  }
  return {
    format,
    compression: compression ?? (format === 'parquet' ? 'zstd' : standard),
    fileBytes: Math.round(size * mebibyte),
    ...(by !== undefined && { partitionBy: by }),
  }
}

/** The options of files if nothing is set. */
export function standardOptions(standard: 'none' | 'gzip'): FileOptions {
  return { format: 'jsonl', compression: standard, fileBytes: 64 * mebibyte }
}
