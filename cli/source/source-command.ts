import { readFileSync } from 'node:fs'
import {
  loadManifestFile,
  type LoadedManifest,
} from '../../connectors/manifest/load-manifest-file.ts'
import {
  SourceEnvironment,
  type SourceContext,
} from '../../connectors/manifest/source-environment.ts'
import { UnreadableResponses } from '../../connectors/manifest/unreadable-responses.ts'
import { notUtf8, utf8Text } from '../../lib/text/utf8-text.ts'
import { ConfigError } from '../../manifest-interpreter/config/config-error.ts'
import { bestMatch } from '../../manifest-interpreter/config/json-schema/best-match.ts'
import { violationText } from '../../manifest-interpreter/config/json-schema/violation.ts'
import { violations } from '../../manifest-interpreter/config/json-schema/violations.ts'
import { connectorSpecification } from '../../manifest-interpreter/config/connector-specification.ts'
import { type Logger, SourceError } from '../../manifest-interpreter/contracts.ts'
import { configuredStreams } from '../../manifest-interpreter/source/configured-streams.ts'
import { failureOf } from '../../manifest-interpreter/source/failure.ts'
import { ManifestSource } from '../../manifest-interpreter/source/manifest-source.ts'
import { SecretFilter } from '../../manifest-interpreter/source/secret-filter.ts'
import { dictOf, entries, get, isDict, isPlainDict } from '../../manifest-interpreter/value/dict.ts'
import { parseJson } from '../../manifest-interpreter/value/json.ts'
import type { Dict, Value } from '../../manifest-interpreter/value/value.ts'
import type { CatalogEntry } from '../../connectors/catalog.ts'
import { cutText, shownCharacters } from '../../protocol/cut-text.ts'
import { ConnectError } from '../../protocol/errors/connect-error.ts'
import { exitCodes } from '../exit-codes.ts'
import { AirbyteLines } from './airbyte-lines.ts'
import type { LogLevel } from '../run/log-levels.ts'
import type { SourceArguments, SourceCommandContext } from './source-arguments.ts'

/**
 * An Airbyte source on the command line: messages of the protocol, one JSON object a line. Resolves with the
 * exit code, which is not 0 if the command failed; a message says why. Throws a ConnectError for a file that
 * cannot be used.
 */
export async function runSource(
  options: SourceArguments,
  commandContext: SourceCommandContext,
): Promise<number> {
  const entry = await catalogEntryOf(options, commandContext)
  if (entry === undefined || !isReadByEngine(entry, options)) {
    const file = entry?.manifest ?? options.manifest ?? ''
    return runManifest(file, options, commandContext)
  }
  // Loaded when it is needed, as the catalog.
  const { runConnectorSource } = await import('./connector/connector-source.ts')
  return runConnectorSource(entry, options, commandContext)
}

async function runManifest(
  file: string,
  options: SourceArguments,
  commandContext: SourceCommandContext,
): Promise<number> {
  const lines = new AirbyteLines(commandContext.write, () => commandContext.now())
  const loaded = loadManifestFile(file)
  const { command } = options
  if (command === 'validate') {
    const { validateSource } = await validation()
    return validateSource(loaded, { file, json: options.json }, commandContext.write)
  }
  if (command === 'spec') {
    await lines.line({ type: 'SPEC', spec: specificationOf(loaded, file) })
    await showMistakes(loaded, options.logLevel, lines)
    return exitCodes.complete
  }
  const config = readObject(options.config, '--config')
  const schema = loaded.manifest.connectionSpecification
  const secrets = new SecretFilter(schema, config)
  try {
    checkConfig(schema, config, secrets)
    if (command === 'try')
      return await tryStream({ loaded, config, secrets, lines, commandContext }, options)
    await run({ loaded, config, secrets, lines, commandContext }, options)
    return exitCodes.complete
  } catch (error) {
    if (isOfCommandLine(error)) throw error
    const failure = failureOf(error, '')
    const message = secrets.beginning(failure.message)
    // A check that cannot be made for want of a right configuration has failed: that is its result.
    if (
      command === 'check' &&
      error instanceof SourceError &&
      error.failureType === 'config_error'
    ) {
      await lines.connectionStatus({ status: 'FAILED', message })
      return exitCodes.complete
    }
    await lines.failure({ message, failureType: failure.failureType })
    return exitCodes.failed
  }
}

/**
 * A file or an option of the command is wrong. Other errors are the source's, and messages of the protocol.
 */
function isOfCommandLine(error: unknown): boolean {
  if (!(error instanceof ConnectError)) return false
  return error.code === 'usage' || error.code === 'source_file_unusable'
}

function specificationOf({ manifest }: LoadedManifest, file: string): Value {
  if (manifest.spec !== undefined) return connectorSpecification(manifest)
  const reason = 'The manifest has no "spec". Add one with a connection_specification.'
  throw new ConnectError('manifest_invalid', { details: { file, reason } })
}

// Loaded when it is needed: a check, and each read of a platform, start without it.
const validation = () => import('./validate-source.ts')

/** As LOG messages, which clients of the protocol pass on. */
async function showMistakes(
  { manifest }: LoadedManifest,
  logLevel: LogLevel,
  lines: AirbyteLines,
): Promise<void> {
  if (logLevel === 'silent') return
  const { mistakesOf, mistakeText } = await validation()
  for (const mistake of mistakesOf(manifest)) {
    if (mistake.severity === 'warning' && logLevel === 'error') continue
    const level = mistake.severity === 'error' ? 'ERROR' : 'WARN'
    await lines.line({ type: 'LOG', log: { level, message: mistakeText(mistake) } })
  }
}

/** Also a manifest whose components in Python are run; a trial of it is one without them. */
function isReadByEngine(
  { manifest, connectorType, pythonType }: CatalogEntry,
  { command }: SourceArguments,
): boolean {
  const isTrial = command === 'validate' || command === 'try'
  return manifest === undefined || (connectorType === pythonType && !isTrial)
}

/** Undefined for a manifest that is a file. */
async function catalogEntryOf(
  { manifest, type }: SourceArguments,
  { catalogFolder, allowsProcesses }: SourceCommandContext,
): Promise<CatalogEntry | undefined> {
  if (manifest !== undefined && type === undefined) return undefined
  if (manifest === undefined && type !== undefined) {
    // Loaded when it is needed: the catalog knows the native connectors, with their databases' clients.
    const { allowedEntry, catalogEntry } = await import('../../connectors/catalog.ts')
    return allowedEntry(catalogEntry(catalogFolder, type), allowsProcesses)
  }
  const problem = 'Name exactly one connector'
  const fix = 'Name a file with --manifest FILE, or a connector of the catalog with --type NAME.'
  throw new ConnectError('usage', { details: { problem, fix } })
}

interface SourceRun {
  readonly loaded: LoadedManifest
  readonly config: Dict
  readonly secrets: SecretFilter
  readonly lines: AirbyteLines
  readonly commandContext: SourceCommandContext
}

function contextOf(
  { secrets, commandContext, lines }: Pick<SourceRun, 'secrets' | 'commandContext' | 'lines'>,
  options: SourceArguments,
): SourceContext {
  return {
    logger: protocolLogger(options.logLevel, (log) => {
      void lines.line({
        type: 'LOG',
        log: { ...log, message: cutText(secrets.beginning(log.message), shownCharacters) },
      })
    }),
    signal: commandContext.signal,
    allowedNetworks: commandContext.allowedNetworks,
    now: () => commandContext.now(),
  }
}

async function run(
  { loaded, config, secrets, lines, commandContext }: SourceRun,
  options: SourceArguments,
): Promise<void> {
  const unreadable = new UnreadableResponses()
  const context = contextOf({ secrets, commandContext, lines }, options)
  await using environment = new SourceEnvironment({
    context,
    manifestDirectory: loaded.directory,
    emit: (message) => {
      unreadable.add(message)
      void lines.message(message)
    },
  })
  await using source = new ManifestSource({ manifest: loaded.manifest, config, environment })
  try {
    await answer(source, lines, options)
  } finally {
    for (const warning of unreadable.warnings) context.logger.warn(warning)
  }
}

async function answer(
  source: ManifestSource,
  lines: AirbyteLines,
  options: SourceArguments,
): Promise<void> {
  switch (options.command) {
    case 'check':
      await lines.connectionStatus(await source.check())
      return
    case 'discover': {
      const streams = await source.discover()
      await lines.line({ type: 'CATALOG', catalog: { streams: streams.map(asValue) } })
      return
    }
    case 'read': {
      const catalog = readCatalog(options.catalog)
      const state = options.state === undefined ? [] : readStates(options.state)
      await source.read({ catalog, state }, lines)
      return
    }
    case 'spec':
    case 'validate':
    case 'try':
  }
}

async function tryStream(
  { loaded, config, secrets, commandContext, lines }: SourceRun,
  options: SourceArguments,
): Promise<number> {
  const { stream, state, writeCatalog, resolved, json } = options
  if (stream === undefined) {
    const problem = 'The stream is missing'
    const fix = 'Name it: reactor connect source --manifest FILE try STREAM --config FILE.'
    throw new ConnectError('usage', { details: { problem, fix } })
  }
  if (options.force && !options.writeSchema) {
    const problem = '--force is for --write-schema'
    throw new ConnectError('usage', { details: { problem, fix: 'Add --write-schema.' } })
  }
  // Loaded when it is needed: the protocol's commands start without it.
  const { trySource } = await import('./try-source.ts')
  return trySource({
    stream,
    config,
    writeCatalog,
    ...(options.writeSchema && {
      // A manifest of the catalog is not the user's to edit: what would be written is shown.
      writeSchema: { file: options.manifest, force: options.force },
    }),
    showsResolved: resolved,
    json,
    manifest: loaded.manifest,
    state: state === undefined ? [] : readStates(state),
    limits: {
      pages: countOf(options.pages, '--pages'),
      slices: countOf(options.slices, '--slices'),
    },
    environment: {
      // The result says what failed, and is no message of the protocol.
      context: contextOf({ secrets, commandContext, lines }, { ...options, logLevel: 'silent' }),
      manifestDirectory: loaded.directory,
    },
    configChanged: (changed) => lines.message({ kind: 'config', config: changed }),
    write: commandContext.write,
  })
}

function countOf(text: string, option: string): number {
  const count = Number(text)
  if (Number.isInteger(count) && count > 0) return count
  const problem = `${option} is not a number of at least 1`
  throw new ConnectError('usage', { details: { problem, fix: `Write it like ${option} 5.` } })
}

function checkConfig(schema: Value, config: Dict, secrets: SecretFilter): void {
  const problem = configProblem(schema, config)
  if (problem === undefined) return
  throw new SourceError(secrets.text(`Config validation error: ${problem}`), {
    failureType: 'config_error',
  })
}

function configProblem(schema: Value, config: Dict): string | undefined {
  try {
    const violation = bestMatch(violations(schema, withoutInternal(config)))
    return violation && violationText(violation)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    const reason = error.cause instanceof Error ? ` ${error.cause.message}` : ''
    return `${error.message}${reason} Correct the spec of the manifest.`
  }
}

/** Without the keys by which Airbyte's tools limit a read. */
function withoutInternal(config: Dict): Dict {
  const internal = new Set<Value>(['_limit', '_page_size'])
  return dictOf(entries(config).filter(([name]) => !internal.has(name)))
}

function readObject(path: string | undefined, option: string): Dict {
  if (path === undefined)
    throw new ConnectError('usage', {
      details: { problem: `${option} is missing`, fix: `Name a JSON file: ${option} FILE.` },
    })
  const value = readJson(path)
  if (isDict(value)) return value
  throw unusable(path, 'it must hold a JSON object')
}

function readCatalog(path: string | undefined): Dict {
  const catalog = readObject(path, '--catalog')
  configuredStreams(catalog, path)
  return catalog
}

/** A list of AirbyteStateMessage; a lone message, and messages in their envelopes, are taken too. */
function readStates(path: string): readonly Value[] {
  const value = readJson(path)
  const messages = Array.isArray(value) ? value : [value]
  return messages.flatMap((message) => {
    if (!isDict(message)) throw unusable(path, 'it must hold a list of states')
    const inner = get(message, 'state')
    const state = inner !== undefined && isDict(inner) ? inner : message
    return isPlainDict(state) && Object.keys(state).length === 0 ? [] : [state]
  })
}

function readJson(path: string): Value {
  try {
    const text = utf8Text(readFileSync(path))
    if (text === undefined) throw new TypeError(notUtf8)
    return parseJson(text)
  } catch (error) {
    throw unusable(path, error instanceof Error ? error.message : String(error), error)
  }
}

function unusable(path: string, reason: string, cause?: unknown): ConnectError {
  return new ConnectError('source_file_unusable', { details: { file: path, reason }, cause })
}

function asValue(stream: object): Value {
  return { ...(stream as Record<string, Value>) }
}

/** From what is always written to what rarely is. */
const severities = ['error', 'warn', 'info', 'debug', 'trace'] as const
type Severity = (typeof severities)[number]

/** A LOG message of the Airbyte protocol. */
interface LogMessage {
  readonly level: string
  readonly message: string
}

/** The logger of a source on the command line: pino would take a fifth of the time that a check takes. */
function protocolLogger(level: LogLevel, write: (log: LogMessage) => void): Logger {
  const written: readonly string[] = severities.slice(
    0,
    severities.findIndex((severity) => severity === level) + 1,
  )
  const isLevelEnabled = (severity: string): boolean => written.includes(severity)
  const log =
    (severity: Severity) =>
    (first: unknown, text = ''): void => {
      if (!isLevelEnabled(severity)) return
      const message = typeof first === 'string' ? first : `${text} ${factsText(first)}`
      write({ level: severity.toUpperCase(), message })
    }
  return { debug: log('debug'), info: log('info'), warn: log('warn'), isLevelEnabled }
}

/** JSON, with an error as its name and its message. */
function factsText(facts: unknown): string {
  return JSON.stringify(facts, (_key, value: unknown) =>
    value instanceof Error ? { type: value.name, message: value.message } : value,
  )
}
