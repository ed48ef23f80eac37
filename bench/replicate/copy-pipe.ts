import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { globSync } from 'node:fs'
import { delimiter, dirname } from 'node:path'
import process from 'node:process'

export type CopyFormat = 'text' | 'binary'

export interface PipeResult {
  readonly seconds: number
}

/**
 * For PostgreSQL's client programs: with the folder of the programs themselves first. `psql` of Debian is a
 * Perl program that looks for the real one, and takes more CPU than a table of 100 rows (55 of 60 ms).
 */
export function clientEnvironment(): NodeJS.ProcessEnv {
  const clients = globSync('/usr/lib/postgresql/*/bin/psql').toSorted(byVersion)
  const folders = [...clients.slice(-1).map(dirname), process.env.PATH ?? '']
  return { ...process.env, PATH: folders.join(delimiter) }
}

const byVersion = new Intl.Collator('en', { numeric: true }).compare

/**
 * psql prints its version if it is installed (Debian: postgresql-client). The pipe is the physical limit, so
 * it has no stand-in.
 */
export function psqlVersion(): string | undefined {
  const { status, stdout } = spawnSync('psql', ['--version'], {
    encoding: 'utf8',
    env: clientEnvironment(),
  })
  return status === 0 ? stdout.trim() : undefined
}

/** psql COPY TO piped into psql COPY FROM: the speed of the same server and machine without our program. */
export async function copyPipe(tables: {
  readonly fromUrl: string
  readonly from: string
  readonly toUrl: string
  readonly to: string
  readonly format?: CopyFormat
}): Promise<PipeResult> {
  const options = `(FORMAT ${tables.format ?? 'text'})`
  const started = performance.now()
  const flags = ['-X', '-q', '-v', 'ON_ERROR_STOP=1']
  const read = `COPY ${tables.from} TO STDOUT ${options}`
  const reader = spawn('psql', [...flags, tables.fromUrl, '-c', read], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: clientEnvironment(),
  })
  // The two programs share one pipe of the operating system: no byte passes through this process.
  const write = `COPY ${tables.to} FROM STDIN ${options}`
  const writer = spawn('psql', [...flags, tables.toUrl, '-c', write], {
    stdio: [reader.stdout, 'inherit', 'inherit'],
    env: clientEnvironment(),
  })
  reader.stdout.destroy()
  const [readerCode, writerCode] = await Promise.all([exitCode(reader), exitCode(writer)])
  if (readerCode !== 0 || writerCode !== 0)
    throw new Error(
      `the COPY pipe failed (exit codes ${String(readerCode)}, ${String(writerCode)})`,
    )
  return { seconds: (performance.now() - started) / 1000 }
}

function exitCode(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve) => child.once('exit', resolve))
}
