import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import type { Environment } from '../../plan/environment.ts'
import { ConnectError } from '../../protocol/index.ts'

export interface PythonPackage {
  readonly name: string
  readonly version: string | undefined
}

export interface InstallOptions {
  /** The catalog: the virtual environment is a hidden folder of it. */
  readonly catalogFolder: string
  /** The interpreter of the virtual environment. */
  readonly python: string
  readonly environment: Environment
  readonly signal: AbortSignal
  /** Shows a step to the user. */
  readonly note: (text: string) => void
}

export interface InstalledPackage {
  readonly folder: string
  readonly version: string
  /** The program of the connector. */
  readonly program: string
}

const prefix = 'pypi:'

/** The package in `pypi:airbyte-source-faker`; undefined if the text is something else. */
export function pythonPackage(from: string): string | undefined {
  if (!from.startsWith(prefix)) return undefined
  return from.slice(prefix.length)
}

const facts = z.object({ version: z.string(), scripts: z.array(z.string()) })

/** Its version and its programs, as the package describes itself. */
const describeScript = `
import importlib.metadata as metadata, json, sys
package = metadata.distribution(sys.argv[1])
scripts = [point.name for point in package.entry_points if point.group == "console_scripts"]
print(json.dumps({"version": package.version, "scripts": scripts}))
`

/** Installs a connector into a virtual environment of its own. Throws `python_package_failed`. */
export async function installPythonPackage(
  { name, version }: PythonPackage,
  options: InstallOptions,
): Promise<InstalledPackage> {
  mkdirSync(options.catalogFolder, { recursive: true, mode: 0o700 })
  const folder = mkdtempSync(join(options.catalogFolder, `.python-${name}-`))
  try {
    const python = join(folder, 'bin', 'python')
    const wanted = version === undefined ? name : `${name}==${version}`
    options.note(`makes a virtual environment with ${options.python}`)
    await run([options.python, '-m', 'venv', folder], { options, name })
    options.note(`installs ${wanted}`)
    const install = ['-m', 'pip', 'install', '--quiet', '--no-input', '--disable-pip-version-check']
    await run([python, ...install, '--', wanted], { options, name })
    const described = await run([python, '-c', describeScript, name], { options, name })
    const { version: installed, scripts } = facts.parse(JSON.parse(described))
    const script = programIn(name, scripts)
    if (script === undefined) throw failure(name, 'the package has no program')
    return { folder, version: installed, program: join(folder, 'bin', script) }
  } catch (error) {
    rmSync(folder, { recursive: true, force: true })
    throw error
  }
}

/** Sources are called so; other programs of a package are tools. */
function programIn(name: string, scripts: readonly string[]): string | undefined {
  const sources = scripts.filter((script) => script.startsWith('source-'))
  return sources.find((script) => name.endsWith(script)) ?? sources[0] ?? scripts[0]
}

/** Resolves with its standard output. */
async function run(
  [program = '', ...args]: readonly string[],
  { options, name }: { readonly options: InstallOptions; readonly name: string },
): Promise<string> {
  const { environment: env, signal } = options
  const child = spawn(program, args, { env, signal, stdio: ['ignore', 'pipe', 'pipe'] })
  const output: Buffer[] = []
  const errors: Buffer[] = []
  child.stdout.on('data', (chunk: Buffer) => output.push(chunk))
  child.stderr.on('data', (chunk: Buffer) => errors.push(chunk))
  const ended = Promise.withResolvers<number | null>()
  child.once('error', ended.reject)
  child.once('close', ended.resolve)
  const code = await ended.promise.catch((error: unknown) => {
    signal.throwIfAborted()
    throw failure(name, error instanceof Error ? error.message : String(error))
  })
  if (code === 0) return Buffer.concat(output).toString('utf8')
  const lines = Buffer.concat(errors).toString('utf8').trim().split('\n')
  throw failure(name, lines.slice(-4).join(' | '))
}

function failure(name: string, reason: string): ConnectError {
  return new ConnectError('python_package_failed', { details: { package: name, reason } })
}
