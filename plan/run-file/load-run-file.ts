import { dirname, resolve } from 'node:path'
import type { JsonObject } from '../../protocol/index.ts'
import type { SourceConfig } from '../../engine/run-types.ts'
import { type DestinationConfig, kindOf } from '../../sinks/registry.ts'
import { allowedNetworksOf, catalogFolderOf, type Environment } from '../environment.ts'
import { type ResolvedDestination, resolveDestination } from './destination.ts'
import { expandEnvironment } from './expand-environment.ts'
import { problemsError, type FileProblem, type RunFilePlace } from './file-problem.ts'
import { parseDocument, readDocumentText } from './read-document.ts'
import { knownFields, type RunFile, runFileSchema } from './run-file-schema.ts'
import { schemaProblems } from './schema-problems.ts'
import { resolveSource, textsOfConfig } from './source.ts'
import type { FieldPath } from './source-position.ts'
import { connectorOf } from '../../connectors/registry.ts'
import { missingMaskKey } from '../../protocol/rules/record-rules.ts'

/** A run file that is complete and valid, as far as that can be known without the source. */
export interface LoadedRunFile {
  readonly place: RunFilePlace
  readonly content: RunFile
  readonly source: SourceConfig & { readonly allowedNetworks: readonly string[] }
  readonly destination: DestinationConfig
  /** Texts that must never be shown. */
  readonly secrets: readonly string[]
}

/**
 * Reads, expands and checks a run file. Throws a ConnectError that names the file, line, field, problem and
 * fix.
 */
export async function loadRunFile(file: string, environment: Environment): Promise<LoadedRunFile> {
  return readRunFile(await readDocumentText(file), file, environment)
}

/**
 * The same for a text that has been read. `file`: its name, for messages; the extension chooses the language.
 */
export async function readRunFile(
  text: string,
  file: string,
  environment: Environment,
): Promise<LoadedRunFile> {
  const { value, positions } = parseDocument(text, file)
  const place = { file, positions }
  const expanded = expandEnvironment(value, environment)
  if (expanded.problems.length > 0) throw problemsError(expanded.problems, place)
  return checkRunFile(expanded.value ?? {}, { place, folder: dirname(resolve(file)), environment })
}

export interface RunFileContext {
  readonly place: RunFilePlace
  /** Where the path of a manifest counts from. */
  readonly folder: string
  readonly environment: Environment
}

/**
 * Validates a run file after the expansion of variables. Throws a ConnectError that names the field, problem
 * and fix.
 */
export async function checkRunFile(
  value: unknown,
  { place, folder, environment }: RunFileContext,
): Promise<LoadedRunFile> {
  const parsed = runFileSchema.safeParse(value)
  if (!parsed.success) {
    const problems = schemaProblems(parsed.error.issues, {
      document: value,
      base: [],
      knownFields,
      mayShow: isNoConfiguration,
    })
    throw problemsError(problems, place)
  }
  const content = parsed.data
  const problems: FileProblem[] = []
  const source = await resolveSource(content.source, problems, {
    folder,
    catalogFolder: catalogFolderOf(environment),
    environment,
  })
  const destination = await resolveDestination(content, problems, {
    folder,
    environment,
  })
  problems.push(...transformProblems(content), ...maskProblems(content), ...tableProblems(content))
  if (source === undefined || destination === undefined || problems.length > 0)
    throw problemsError(problems, place)
  return {
    place,
    content,
    source: { ...source, allowedNetworks: allowedNetworksOf(environment) },
    destination: destination.config,
    secrets: await secretValues(content, { source, destination }),
  }
}

/** Streams with a transformation that nobody could carry out. */
function transformProblems({ streams, functions }: RunFile): readonly FileProblem[] {
  if (streams === 'all' || functions !== undefined) return []
  return streams.flatMap((stream, index) => {
    if (typeof stream === 'string' || stream.transform === undefined) return []
    return {
      code: 'run_file_invalid',
      path: ['streams', index, 'transform'],
      at: 'value',
      problem: `needs a Functions service that has ${stream.transform}, and the file names none`,
      fix: 'Add `functions` with its `url` and `api_key`, or remove `transform`.',
    }
  })
}

/** Columns whose hashes would have no key. */
function maskProblems({ streams, mask_key: key }: RunFile): readonly FileProblem[] {
  if (streams === 'all' || key !== undefined) return []
  return streams.flatMap((stream, index) => {
    if (typeof stream === 'string') return []
    return Object.entries(stream.mask ?? {})
      .filter(([, mask]) => mask === 'hash')
      .map(([column]) => ({
        code: 'run_file_invalid',
        path: ['streams', index, 'mask', column],
        at: 'value',
        ...missingMaskKey,
      }))
  })
}

/** Names of tables, for topics. */
function tableProblems({ destination, streams, table }: RunFile): readonly FileProblem[] {
  const { capabilities, words } = kindOf(destination)
  if (capabilities.tables) return []
  const chosen = streams === 'all' ? [] : streams
  const paths: FileProblem['path'][] = chosen.flatMap((stream, index) =>
    typeof stream === 'string' || stream.table === undefined ? [] : [['streams', index, 'table']],
  )
  if (table !== undefined) paths.unshift(['table'])
  return paths.map((path) => ({
    code: 'run_file_invalid',
    path,
    at: 'value',
    problem: `is the name of a table, and the destination has ${words.places}`,
    fix: `Remove it; \`destination\` has the names of its ${words.places}.`,
  }))
}

/** Values of configurations are never shown: a secret may be in the wrong field. */
function isNoConfiguration(path: FieldPath): boolean {
  const [first, second] = path
  if (first === 'source' || first === 'destination') return second === 'type'
  if (first === 'functions' || first === 'storage' || first === 'mask_key') return false
  return first !== 'log' || !path.includes('sasl')
}

/** Shorter ones cannot be distinguished from ordinary words in a text. */
const minSecretLength = 4

/**
 * The secrets of a run: the second line of defence (the first: nothing shows a value of a configuration). A
 * text that also stands in a field that is no secret (user and password are the same) is left out.
 */
async function secretValues(
  content: RunFile,
  resolved: {
    readonly source: { readonly type: string; readonly config: JsonObject }
    readonly destination: ResolvedDestination
  },
): Promise<readonly string[]> {
  const { source, destination } = resolved
  const place = kindOf(destination.config).texts(destination.config)
  const sasl = typeof content.log === 'object' ? content.log.kafka.sasl : undefined
  const { descriptor } = await connectorOf(source.type)
  const config = textsOfConfig(source.config, descriptor.spec)
  const shown = new Set([source.type, content.connection, ...place.names, ...config.shown])
  const secrets = new Set([
    ...place.secrets,
    secretOfUrl(destination.secretUrl, {
      isShown: place.secrets.some((secret) => secret !== undefined && shown.has(secret)),
    }),
    content.functions?.api_key,
    content.storage?.api_key,
    content.mask_key,
    sasl?.password,
    ...config.secret,
  ])
  return [...secrets]
    .filter((secret) => secret !== undefined)
    .filter((secret) => secret.length >= minSecretLength && !shown.has(secret))
}

/** A URL of PostgreSQL may hold the password. One that is a shown word too is secret beside the user only. */
function secretOfUrl(
  url: string | undefined,
  { isShown }: { readonly isShown: boolean },
): string | undefined {
  return isShown ? /(?<=:\/\/)[^/?#]*@/.exec(url ?? '')?.[0] : url
}
