import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, relative, sep } from 'node:path'
import type { Logger } from 'pino'
import { askConnector } from '../../connectors/airbyte-process/ask-connector.ts'
import {
  readDefinition,
  standardLimits,
  type ProcessDefinition,
} from '../../connectors/airbyte-process/definition.ts'
import { importedProcess, readCatalog, requireNoProcess } from '../../connectors/catalog.ts'
import { nativeTypes } from '../../connectors/registry.ts'
import { allowsProcesses, type Environment } from '../../plan/environment.ts'
import { ConnectError } from '../../protocol/index.ts'
import { usageError } from '../usage-error.ts'
import { absoluteCommand, commandWords } from './command-words.ts'
import { installPythonPackage, pythonPackage } from './install-python-package.ts'
import { takenReason } from './import-manifests.ts'
import { asManifestName } from './manifest-name.ts'

/** Options of `catalog import` that are for programs, as they were written. */
export interface ProcessFlags {
  readonly command: string | undefined
  readonly python: string | undefined
  /** Names of variables of the environment that the program gets. */
  readonly env: readonly string[]
  readonly maxMemoryMb: string | undefined
  readonly maxSilenceSeconds: string | undefined
  readonly maxAskSeconds: string | undefined
}

export interface ImportProcessOptions {
  readonly from: string
  /** `--as`. */
  readonly name: string | undefined
  readonly version: string | undefined
  readonly force: boolean
  readonly flags: ProcessFlags
  readonly catalogFolder: string
  readonly environment: Environment
  readonly signal: AbortSignal
  readonly logger: Logger
  readonly note: (text: string) => void
}

const prefix = 'airbyte-process:'

/** True for a text that names a program, not a manifest. */
export function isProcessImport(from: string): boolean {
  return from.startsWith(prefix) || pythonPackage(from) !== undefined
}

/**
 * Stores how an external connector is started, with the specification that it prints. Throws
 * `airbyte_disabled`, `usage`, and the errors of the program.
 */
export async function importProcess(
  options: ImportProcessOptions,
): Promise<{ readonly name: string; readonly title: string }> {
  const name = nameOf(options)
  if (!allowsProcesses(options.environment)) requireNoProcess({ name, isProcess: true })
  const taken = takenReason(name, options)
  if (taken !== undefined) throw usageError(`The name ${name} is taken`, taken)
  const program = await programOf(options, name)
  try {
    const draft = draftOf(options, { name, ...program })
    const call = { command: 'spec', files: {}, answer: 'SPEC' } as const
    const { spec } = await askConnector(draft, call, options)
    const { connectionSpecification, documentationUrl } = spec
    const { title } = connectionSpecification
    const definition = {
      ...draft,
      title: typeof title === 'string' ? title : name,
      spec: connectionSpecification,
      ...(documentationUrl !== undefined && { documentation_url: documentationUrl }),
    }
    store(definition, options.catalogFolder)
    return { name, title: definition.title }
  } catch (error) {
    if (program.folder !== undefined) rmSync(program.folder, { recursive: true, force: true })
    throw error
  }
}

function nameOf({ from, name: own }: ImportProcessOptions): string {
  const name = asManifestName(own ?? packageName(from) ?? from.slice(prefix.length))
  if (name !== undefined) return name
  throw usageError(`"${own ?? from}" gives no name`, 'Use --as with the characters a-z, 0-9 and -.')
}

/** `airbyte-source-crm` becomes `crm`, or `source-crm` if a connector of ours has that name. */
function packageName(from: string): string | undefined {
  const name = pythonPackage(from)
    ?.toLowerCase()
    .replace(/^airbyte-/, '')
  const short = name?.replace(/^source-/, '')
  return short !== undefined && nativeTypes().includes(short) ? name : short
}

interface Program {
  readonly command: readonly string[]
  readonly origin?: ProcessDefinition['origin']
  /** Its virtual environment. */
  readonly folder?: string
}

async function programOf(options: ImportProcessOptions, name: string): Promise<Program> {
  const { from, version, flags, environment } = options
  const package_ = pythonPackage(from)
  if (package_ === undefined) {
    if (flags.command === undefined)
      throw usageError(
        `The program of ${name} is missing`,
        `Name it: reactor connect catalog import ${from} --command "/opt/source/bin/source-x".`,
      )
    if (version !== undefined || flags.python !== undefined)
      throw usageError('--version and --python are for `pypi:PACKAGE`', 'Leave them out.')
    const place = { folder: process.cwd(), path: environment.PATH ?? '' }
    return { command: absoluteCommand(commandWords(flags.command), place) }
  }
  if (flags.command !== undefined)
    throw usageError(
      '--command is for `airbyte-process:NAME`',
      'Leave it out: the package names its program.',
    )
  if (!/^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,98}[A-Za-z0-9])?$/.test(package_))
    throw usageError(
      `"${package_}" is not the name of a package`,
      'Write it like pypi:airbyte-source-faker.',
    )
  const installed = await installPythonPackage(
    { name: package_, version },
    { ...options, python: flags.python ?? 'python3' },
  )
  return {
    command: [installed.program],
    origin: { from, version: installed.version },
    folder: installed.folder,
  }
}

/** Without them, a program would not find others, or not leave a network with a proxy. */
const passedVariables = [
  'PATH',
  'HTTP_PROXY',
  'HTTPS_PROXY',
  'NO_PROXY',
  'http_proxy',
  'https_proxy',
  'no_proxy',
  'SSL_CERT_FILE',
  'SSL_CERT_DIR',
  'REQUESTS_CA_BUNDLE',
  'NODE_EXTRA_CA_CERTS',
] as const

function draftOf(
  { environment, flags }: ImportProcessOptions,
  { name, command, origin }: Program & { readonly name: string },
): ProcessDefinition {
  const variables = [...passedVariables, ...flags.env].flatMap((variable) => {
    const value = environment[variable]
    return value === undefined ? [] : [[variable, value] as const]
  })
  return {
    name,
    title: name,
    command: [...command],
    environment: { LANG: 'C.UTF-8', ...Object.fromEntries(variables) },
    spec: {},
    ...(origin !== undefined && { origin }),
    max_memory_mb: limitOf(flags.maxMemoryMb, '--max-memory-mb', standardLimits.max_memory_mb),
    max_silence_seconds: limitOf(
      flags.maxSilenceSeconds,
      '--max-silence-seconds',
      standardLimits.max_silence_seconds,
    ),
    max_ask_seconds: limitOf(
      flags.maxAskSeconds,
      '--max-ask-seconds',
      standardLimits.max_ask_seconds,
    ),
  }
}

function limitOf(text: string | undefined, option: string, standard: number): number {
  if (text === undefined) return standard
  const limit = Number(text)
  if (Number.isInteger(limit) && limit >= 16) return limit
  throw usageError(`${option} is not a whole number of at least 16`, `Write it like ${option} 600.`)
}

/** Replaces the folder of the name. A crash never leaves half of one. */
function store(definition: ProcessDefinition, catalogFolder: string): void {
  const { name } = definition
  const unfinished = join(catalogFolder, `.${name}.unfinished`)
  const file = importedProcess(catalogFolder, name)
  const replaced = environmentOf(catalogFolder, name)
  rmSync(unfinished, { recursive: true, force: true })
  // The data folder above it may not exist yet, and must be private.
  mkdirSync(unfinished, { recursive: true, mode: 0o700 })
  const text = `${JSON.stringify(definition, null, 2)}\n`
  // A proxy in the environment may have a password.
  writeFileSync(join(unfinished, 'process.json'), text, { mode: 0o600 })
  rmSync(dirname(file), { recursive: true, force: true })
  renameSync(unfinished, dirname(file))
  if (replaced !== undefined) rmSync(replaced, { recursive: true, force: true })
}

/** The virtual environment of an earlier import. */
function environmentOf(catalogFolder: string, name: string): string | undefined {
  if (readCatalog(catalogFolder).get(name)?.isProcess !== true) return undefined
  try {
    const [program = ''] = readDefinition(importedProcess(catalogFolder, name)).command
    const [first = ''] = relative(catalogFolder, program).split(sep)
    return first.startsWith('.python-') ? join(catalogFolder, first) : undefined
  } catch (error) {
    if (error instanceof ConnectError) return undefined
    throw error
  }
}
