import type { Column } from '../../../protocol/index.ts'
import type { StreamSync } from '../../sink.ts'
import type { FileOptions } from '../file-options.ts'
import { JsonLines } from './json-lines.ts'
import type { RowEncoder } from './row-format.ts'

/** The end of the names of files. */
export function extensionOf({ format, compression }: FileOptions): string {
  if (format === 'parquet') return 'parquet'
  const endings = { none: '', snappy: '', gzip: '.gz', zstd: '.zst' }
  return `jsonl${endings[compression]}`
}

export async function openEncoder(
  options: FileOptions,
  sync: StreamSync,
  columns: readonly Column[],
): Promise<RowEncoder> {
  if (options.format === 'jsonl') return new JsonLines(sync, columns, options.compression)
  const { ParquetRows } = await import('./parquet-rows.ts')
  return new ParquetRows(sync, columns, options.compression)
}
