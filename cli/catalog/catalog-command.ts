import type { Logger } from 'pino'
import { counted } from '../run/amounts.ts'
import { exitCodes } from '../exit-codes.ts'
import { plainText } from '../output/plain-text.ts'
import type { ConnectorStreams } from '../../connectors/connector.ts'
import { fetchManifest, isUrl } from './fetch-manifest.ts'
import { findManifests } from './find-manifests.ts'
import type { ManifestFile } from './manifest-file.ts'
import { importManifest, type Imported, type ImportOptions } from './import-manifests.ts'
import { asManifestName } from './manifest-name.ts'
import { mistakeText } from '../source/validate-source.ts'
import { importProcess, isProcessImport, type ProcessFlags } from './import-process.ts'
import { airbyteNames, fetchPublished } from './airbyte-registry.ts'
import { updateManifests } from './update-manifests.ts'
import { searchLines, summaryLines } from './catalog-lines.ts'
import { catalogPart } from './catalog-part.ts'
import { knownCatalog, type CatalogSource } from './catalog-source.ts'
import { fetchPublishedList } from '../../service/catalog/published/published-list.ts'
import type { Environment } from '../../plan/environment.ts'
import { ConnectError } from '../../protocol/index.ts'
import { usageError } from '../usage-error.ts'
import { jsonText } from '../output/json-text.ts'

/** `reactor connect catalog …` as it was parsed. */
export type CatalogArguments =
  | { readonly command: 'list'; readonly json: boolean }
  | { readonly command: 'search'; readonly text: string; readonly json: boolean }
  | {
      readonly command: 'show'
      readonly type: string
      readonly action: string | undefined
      readonly json: boolean
    }
  | {
      readonly command: 'import'
      readonly from: string
      readonly name: string | undefined
      readonly force: boolean
      readonly version: string | undefined
      readonly process: ProcessFlags
    }
  | {
      readonly command: 'update'
      readonly name: string | undefined
      readonly isApplied: boolean
      readonly force: boolean
    }

export interface CatalogContext {
  /** Writes to standard output; resolves when there is room for more. */
  readonly write: (text: string) => Promise<void>
  readonly signal: AbortSignal
  readonly allowedNetworks: readonly string[]
  /** Where imported manifests are. */
  readonly catalogFolder: string
  readonly environment: Environment
  /** Where Airbyte publishes its connectors. */
  readonly registryUrl: string
  /** For the log of an external connector. */
  readonly logger: Logger
  /** Shows a step of a long command. */
  readonly note: (text: string) => void
}

/** Resolves with the exit code. Throws a ConnectError if nothing could be done. */
export async function runCatalog(
  options: CatalogArguments,
  context: CatalogContext,
): Promise<number> {
  switch (options.command) {
    case 'list': {
      const catalog = await catalogOf(context)
      const connectors = await catalog.list()
      await context.write(options.json ? jsonText(connectors) : summaryLines(connectors))
      return exitCodes.complete
    }
    case 'search': {
      const found = await (await catalogOf(context)).search(options.text)
      context.signal.throwIfAborted()
      await context.write(options.json ? jsonText(found) : searchLines(found))
      return exitCodes.complete
    }
    case 'show': {
      const catalog = await catalogOf(context)
      const { json, text } = catalogPart(await catalog.get(options.type), options.action)
      await context.write(options.json ? jsonText(json) : text())
      return exitCodes.complete
    }
    case 'import':
      return await importAll(options, context)
    case 'update':
      return await updateManifests({ ...context, ...options })
  }
}

function catalogOf(context: CatalogContext): Promise<CatalogSource> {
  const findPublished = () => fetchPublishedList(context)
  return knownCatalog({ ...context, folder: context.catalogFolder, findPublished })
}

async function importAll(
  options: Extract<CatalogArguments, { command: 'import' }>,
  context: CatalogContext,
): Promise<number> {
  const { name, force } = options
  if (name !== undefined && asManifestName(name) !== name)
    throw usageError(`"${name}" is not a name for a manifest`, 'Use the characters a-z, 0-9 and -.')
  if (isProcessImport(options.from)) return importProgram(options, context)
  if (options.process.command !== undefined)
    throw usageError(
      '--command is for `airbyte-process:NAME`',
      'Leave it out, or name a connector.',
    )
  const manifests = await manifestsFrom(options, context)
  if (manifests.length > 1) refuseSingular(options, manifests.length)
  const { catalogFolder } = context
  let refused = 0
  for (const manifest of manifests) {
    context.signal.throwIfAborted()
    const imported = await importOne(manifest, { catalogFolder, name, force }, manifests.length)
    if ('refused' in imported) refused += 1
    await context.write(importLines(imported))
  }
  const total = `${manifests.length - refused} imported, ${refused} refused`
  if (manifests.length > 1) await context.write(`${total}\n`)
  return refused === 0 ? exitCodes.complete : exitCodes.failed
}

async function importProgram(
  options: Extract<CatalogArguments, { command: 'import' }>,
  context: CatalogContext,
): Promise<number> {
  const { name, title } = await importProcess({
    ...options,
    ...context,
    flags: options.process,
    logger: context.logger,
    note: context.note,
  })
  await context.write(`imported  ${name}: ${plainText(title)}, an external connector\n`)
  return exitCodes.complete
}

/** Options that are for a single manifest. */
function refuseSingular(
  { from, name, version }: Extract<CatalogArguments, { command: 'import' }>,
  count: number,
): void {
  if (name !== undefined)
    throw usageError(
      `--as names one manifest, but ${from} holds ${count}`,
      'Leave it out: each is named by its file or folder.',
    )
  if (version !== undefined)
    throw usageError(
      `--version is for one connector, but ${from} names ${count}`,
      'Leave it out, or import that connector alone.',
    )
}

/** A manifest that is fetched when its turn comes. */
interface FoundManifest {
  readonly from: string
  readonly open: () => Promise<ManifestFile> | ManifestFile
}

/** One of several that cannot be fetched is refused, and the others go on. */
async function importOne(
  { from, open }: FoundManifest,
  options: ImportOptions,
  count: number,
): Promise<Imported> {
  let manifest: ManifestFile
  try {
    manifest = await open()
  } catch (error) {
    if (count === 1 || !(error instanceof ConnectError)) throw error
    return { from, refused: `${error.message}. ${error.suggestedFix}` }
  }
  return importManifest(manifest, options)
}

async function manifestsFrom(
  { from, version }: Extract<CatalogArguments, { command: 'import' }>,
  context: CatalogContext,
): Promise<readonly FoundManifest[]> {
  const published = airbyteNames(from)
  if (published === undefined) {
    if (version !== undefined)
      throw usageError('--version is for `airbyte:NAME` only', 'Leave it out.')
    const files = isUrl(from) ? [await fetchFrom(from, context)] : findManifests(from)
    return files.map((file) => ({ from: file.from, open: () => file }))
  }
  const options = { ...context, ...(version !== undefined && { version }) }
  return published.map((name) => ({
    from: name,
    open: async () => ({ from: name, ...(await fetchPublished(name, options)) }),
  }))
}

async function fetchFrom(url: string, context: CatalogContext): Promise<ManifestFile> {
  try {
    return await fetchManifest(url, context)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw usageError(
      `The manifest cannot be fetched. ${reason}`,
      'Name an https:// address of the manifest itself, or download it and name the file.',
      error,
    )
  }
}

function importLines(imported: Imported): string {
  if ('refused' in imported) {
    const lines = `${imported.from}: ${imported.refused}`.split('\n').map(plainText)
    return `refused   ${lines.join('\n          ')}\n`
  }
  const { name, description, mistakes, servers } = imported
  const serverLines = servers.map((line) => `          ${plainText(line)}\n`)
  const mistakeLines = mistakes.map((mistake) => `          ${mistakeText(mistake)}\n`)
  const unsupported = unsupportedLines(description).map((line) => `          ${plainText(line)}\n`)
  return `imported  ${name}: ${countOf(description)}\n${[...serverLines, ...unsupported, ...mistakeLines].join('')}`
}

function unsupportedLines({ streams, unsupportedDynamicStreams = [] }: ConnectorStreams): string[] {
  const reasons = new Set(streams.map(({ unsupported }) => unsupported))
  const [shared] = reasons
  const isShared = streams.length > 1 && reasons.size === 1 && shared != null
  const listed = streams.flatMap(({ name, unsupported }) =>
    unsupported === null ? [] : [`${name}: ${unsupported}`],
  )
  return [
    ...(isShared ? [`all streams: ${shared}`] : listed),
    ...unsupportedDynamicStreams.map(({ name, reason }) => `${name}, a dynamic stream: ${reason}`),
  ]
}

function countOf({
  streams,
  generatesStreams,
  unsupportedDynamicStreams = [],
}: ConnectorStreams): string {
  const unsupported = streams.filter((stream) => stream.unsupported !== null).length
  const count = counted(streams.length, 'stream')
  const generates = generatesStreams || unsupportedDynamicStreams.length > 0
  const isUnusable = !generatesStreams && generates && unsupported === streams.length
  return [
    generates ? `${count} and those that it generates` : count,
    ...(isUnusable ? ['none of them can be read here'] : []),
    ...(!isUnusable && unsupported > 0 ? [`${unsupported} of them cannot be read here`] : []),
    ...(!isUnusable && unsupportedDynamicStreams.length > 0
      ? ['some of them are not generated here']
      : []),
  ].join(', ')
}
