import type { JsonObject } from '../../protocol/index.ts'
import type { FileStream } from './config.ts'

/** The columns that say where a row is from. */
interface MetadataNames {
  readonly file: string
  readonly modifiedAt: string
  readonly row: string
}

export function metadataNames({
  metadata_prefix: prefix,
}: Pick<FileStream, 'metadata_prefix'>): MetadataNames {
  return { file: prefix, modifiedAt: `${prefix}_modified_at`, row: `${prefix}_row` }
}

export function metadataProperties(stream: FileStream): JsonObject {
  const { file, modifiedAt, row } = metadataNames(stream)
  return {
    [file]: { type: 'string' },
    [modifiedAt]: {
      type: 'string',
      format: 'date-time',
      airbyte_type: 'timestamp_with_timezone',
    },
    [row]: { type: 'integer' },
  }
}
