import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { access, mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** python3 prints its version if it is installed. */
export function pythonVersion(): string | undefined {
  const { status, stdout } = spawnSync('python3', ['--version'], { encoding: 'utf8' })
  return status === 0 ? stdout.trim() : undefined
}

export interface PythonEnvironment {
  /** The folder of the environment. */
  readonly folder: string
  readonly python: string
}

/**
 * A virtual environment with these packages, made once and kept in `cacheDir`. One that was not finished is
 * made again.
 */
export async function pythonEnvironment(
  cacheDir: string,
  name: string,
  packages: readonly string[],
): Promise<PythonEnvironment> {
  const digest = createHash('sha256').update(packages.join('\n')).digest('hex').slice(0, 8)
  const folder = join(cacheDir, `${name}-${digest}`)
  const python = join(folder, 'bin', 'python')
  const ready = join(folder, 'ready')
  if (await exists(ready)) return { folder, python }
  await rm(folder, { recursive: true, force: true })
  await mkdir(cacheDir, { recursive: true })
  await succeed('python3', ['-m', 'venv', folder])
  await succeed(python, ['-m', 'pip', 'install', '--quiet', ...packages])
  await writeFile(ready, `${packages.join('\n')}\n`)
  return { folder, python }
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}

async function succeed(command: string, args: readonly string[]): Promise<void> {
  const child = spawn(command, args, { stdio: ['ignore', 2, 2] })
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', resolve)
  })
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} exited with ${String(code)}`)
}
