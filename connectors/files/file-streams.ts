import { standardStream, type FilesConfig, type FileStream } from './config.ts'
import { formatOfName, stemOf } from './file-rows.ts'
import { globOf, type Glob } from './glob.ts'
import type { FileEntry, FilePlace } from './place.ts'

/** A stream, and which files belong to it. */
export interface StreamFiles {
  readonly stream: FileStream
  /** Pages of its files, in the order of the place. */
  list(place: FilePlace): AsyncIterable<readonly FileEntry[]>
}

/** The streams of a configuration that names them; undefined if each folder is one. */
export function configuredStreams({ streams, csv }: FilesConfig): StreamFiles[] | undefined {
  return streams?.map((stream) => streamOfGlobs(csv === undefined ? stream : { csv, ...stream }))
}

/** The stream of this name. */
export function streamNamed(config: FilesConfig, name: string): StreamFiles | undefined {
  const configured = configuredStreams(config)
  if (configured === undefined) return folderStream(name, config)
  return configured.find(({ stream }) => stream.name === name)
}

function streamOfGlobs(stream: FileStream): StreamFiles {
  const globs = stream.globs.map(globOf)
  return { stream, list: (place) => filesOf(place, globs, () => true) }
}

/** A stream of the default: a folder with all below it, or a file; both if they have the same name. */
function folderStream(name: string, { csv }: FilesConfig): StreamFiles {
  const stream = { ...standardStream(name, [`${name}/**`]), csv }
  const glob = globOf('**')
  const belongs = ({ path }: FileEntry): boolean => defaultStreamOf(path) === name
  const start = name === partitionedStream ? '' : name
  return { stream, list: (place) => filesOf(place, [{ ...glob, start }], belongs) }
}

/** The stream of partitions that are the first folders. */
export const partitionedStream = 'files'

/** The name of the stream that a file belongs to by default; undefined if it has no known format. */
export function defaultStreamOf(path: string): string | undefined {
  if (formatOfName(path) === undefined || !globOf('**').matches(path)) return undefined
  const [first = '', ...others] = path.split('/')
  if (others.length === 0) return stemOf(first)
  return first.includes('=') ? partitionedStream : first
}

async function* filesOf(
  place: FilePlace,
  globs: readonly Glob[],
  belongs: (file: FileEntry) => boolean,
): AsyncGenerator<readonly FileEntry[]> {
  for (const start of startsOf(globs))
    for await (const page of place.list(start))
      yield page.filter((file) => globs.some((glob) => glob.matches(file.path)) && belongs(file))
}

/** Without those that another one covers, so that no file is listed twice. */
function startsOf(globs: readonly Glob[]): string[] {
  const starts = new Set(globs.map(({ start }) => start))
  return [...starts].filter(
    (start) => ![...starts].some((other) => other !== start && start.startsWith(other)),
  )
}
