import { safeName } from '../../kafka/topic-names.ts'
import type { StreamId } from '../../protocol/index.ts'

/** The folder of our own files: in the folder of a stream, and beside those folders. */
export const ownFolder = '.reactor-connect'

/** Records that were left out, with their reasons. Readers such as Spark pass over names with `_`. */
export const rejectedFolder = '_rejected'

/** Names of files have at most 255 bytes. */
const maxNameLength = 200

/** The folder of a stream: its files of rows, and its manifest in `ownFolder`. */
export function streamFolder({ namespace, name }: StreamId): string {
  const parts = namespace === undefined ? [name] : [namespace, name]
  const identity = [namespace ?? null, name]
  const nameOf = (all: readonly string[]): string => all.join('.')
  return safeName({ nameOf, parts, identity, maxLength: maxNameLength })
}

/** `000012-0000-000003`: sync, lane, and the number of the file in the lane. */
export function fileName(sync: number, partition: number, number: number): string {
  const [syncText, lane, count] = [
    String(sync).padStart(6, '0'),
    String(partition).padStart(4, '0'),
    String(number).padStart(6, '0'),
  ]
  return `${syncText}-${lane}-${count}`
}

/**
 * The sync of a file of rows of a stream; undefined for files of others, and of records that were left out.
 * Rows are in the folder of the stream, and in folders of partitions below it: `country=DE/day=2026-12-03`.
 */
export function syncOfPath(path: string): number | undefined {
  const [, ...names] = path.split('/')
  const name = names.pop() ?? ''
  if (!names.every((folder) => folder.includes('='))) return undefined
  const digits = /^(\d{6,})-\d{4,}-\d{6,}\.(?:jsonl(?:\.gz|\.zst)?|parquet)$/.exec(name)?.[1]
  return digits === undefined ? undefined : Number(digits)
}
