import {
  columnsOf,
  ConnectError,
  type AirbyteStream,
  type JsonObject,
} from '../../protocol/index.ts'
import { MalformedRows } from '../../rows/malformed-rows.ts'
import { firstRow } from '../../rows/row-source.ts'
import type { FilesConfig, FileStream } from './config.ts'
import { FileRows } from './file-rows.ts'
import {
  configuredStreams,
  defaultStreamOf,
  streamNamed,
  type StreamFiles,
} from './file-streams.ts'
import { metadataNames, metadataProperties } from './metadata-columns.ts'
import { partitionsIn } from './partitions.ts'
import { FileUnreadable, type FileEntry, type FilePlace } from './place.ts'
import { SampledColumns, schemaOfKind } from './sampled-columns.ts'

/** Rows of a sampled file. */
const sampleRows = 1_000

/** The streams of a configuration. */
export async function listStreams(place: FilePlace, config: FilesConfig): Promise<StreamFiles[]> {
  const configured = configuredStreams(config)
  if (configured !== undefined) return configured
  const names = new Set<string>()
  for await (const page of place.list(''))
    for (const { path } of page) {
      const name = defaultStreamOf(path)
      if (name !== undefined) names.add(name)
    }
  return [...names].sort().flatMap((name) => streamNamed(config, name) ?? [])
}

/** A stream as its oldest and its newest files show it. Throws `source_files_missing` if it has none. */
export async function discoverStream(
  place: FilePlace,
  files: StreamFiles,
  config: FilesConfig,
): Promise<AirbyteStream> {
  const { stream } = files
  const sample = await sampleOf(files.list(place), config.sample_files)
  if (sample.files.length === 0 && stream.columns === undefined) throw missing(place, stream)
  const columns = new SampledColumns()
  const failures: FailedSample[] = []
  for (const file of sample.files) {
    const error = await addFile(columns, new FileRows(place, file, stream))
    if (error !== undefined) failures.push({ file, error })
  }
  const [first] = failures
  if (first !== undefined && failures.length === sample.files.length)
    throw sampleError(first, place, stream)
  return streamOf(stream, { ...columns.properties, ...sample.partitions.properties })
}

interface FailedSample {
  readonly file: FileEntry
  readonly error: FileUnreadable | MalformedRows
}

function sampleError(
  { file, error }: FailedSample,
  place: FilePlace,
  { name }: FileStream,
): ConnectError {
  const fix = error instanceof FileUnreadable ? error.fix : undefined
  if (fix === undefined)
    return new ConnectError('source_file_invalid', {
      details: { stream: name, reason: `${file.key}: it ${error.message}` },
    })
  return new ConnectError('source_files_refused', {
    details: {
      ...{ place: place.name, doing: `reading ${file.key}` },
      ...{ reason: `it ${error.message}`, fix },
    },
  })
}

/** A stream of which no file can be sampled: it has the columns that say where a row is from. */
export function streamWithoutColumns({ stream }: StreamFiles): AirbyteStream {
  return streamOf(stream, {})
}

export function missing(place: FilePlace, { name, globs }: FileStream): ConnectError {
  const details = { stream: name, place: place.name, globs: globs.join(', ') }
  return new ConnectError('source_files_missing', { details })
}

interface Sample {
  /** The oldest first. */
  readonly files: readonly FileEntry[]
  readonly partitions: SampledColumns
}

async function sampleOf(
  pages: AsyncIterable<readonly FileEntry[]>,
  count: number,
): Promise<Sample> {
  const partitions = new SampledColumns()
  let files: FileEntry[] = []
  for await (const page of pages) {
    partitions.addTexts(
      page.map(({ path }) => partitionsIn(path)),
      { inferTypes: true },
    )
    files = ends([...files, ...page.filter(({ size }) => size > 0)], count)
  }
  return { files, partitions }
}

/** The oldest and the newest of some files. */
function ends(files: readonly FileEntry[], count: number): FileEntry[] {
  const sorted = files.toSorted((left, right) => left.modifiedMs - right.modifiedMs)
  if (sorted.length <= count) return sorted
  const newest = Math.ceil(count / 2)
  return [...sorted.slice(0, count - newest), ...sorted.slice(-newest)]
}

/** Returns why no row of the file can be read; undefined if one can, or the file is gone. */
async function addFile(
  columns: SampledColumns,
  file: FileRows,
): Promise<FileUnreadable | MalformedRows | undefined> {
  const sampled = { rows: 0 }
  try {
    const properties = await file.properties()
    if (properties === undefined) await addRows(columns, file, sampled)
    else columns.addProperties(properties)
    return undefined
  } catch (error) {
    if (error instanceof FileUnreadable && error.isOfChange) return undefined
    // The read names the row that is malformed.
    if (sampled.rows > 0 && error instanceof MalformedRows) return undefined
    if (error instanceof FileUnreadable || error instanceof MalformedRows) return error
    throw error
  }
}

async function addRows(
  columns: SampledColumns,
  file: FileRows,
  count: { rows: number },
): Promise<void> {
  for await (const { rows } of file.rows(firstRow, undefined)) {
    const sampled = rows.slice(0, sampleRows - count.rows)
    if (file.isCsv) columns.addTexts(sampled, { inferTypes: file.infersTypes })
    else columns.addRows(sampled)
    count.rows += sampled.length
    if (count.rows >= sampleRows) return
  }
}

function streamOf(stream: FileStream, found: JsonObject): AirbyteStream {
  const names = metadataNames(stream)
  const declared = Object.entries(stream.columns ?? {}).map(([name, type]) => {
    return [name, schemaOfKind(type)] as const
  })
  const properties = { ...found, ...Object.fromEntries(declared), ...metadataProperties(stream) }
  const known = new Set(columnsOf({ properties }).map(({ name }) => name))
  const key = stream.primary_key ?? [names.file, names.row]
  const absent = key.find((name) => !known.has(name))
  if (absent !== undefined)
    throw new ConnectError('source_config_invalid', {
      details: {
        connector: 'files',
        problems: `\`primary_key\` of stream ${stream.name}: no sampled file has a column ${absent}`,
      },
    })
  return {
    name: stream.name,
    json_schema: { type: 'object', properties },
    supported_sync_modes: ['full_refresh', 'incremental'],
    source_defined_cursor: true,
    default_cursor_field: [names.modifiedAt],
    source_defined_primary_key: key.map((name) => [name]),
    is_resumable: true,
    is_cursor_ordered: true,
  }
}
