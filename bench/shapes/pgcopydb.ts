import { spawn, spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { temporaryFolder } from '../../test/support/temporary-folder.ts'
import type { BenchServer } from '../bench-server.ts'
import { clientEnvironment } from '../replicate/copy-pipe.ts'

/** The first line of its version, if it is installed (Debian: pgcopydb). */
export function pgcopydbVersion(): string | undefined {
  const { status, stdout } = spawnSync('pgcopydb', ['--version'], { encoding: 'utf8' })
  return status === 0 ? stdout.split('\n')[0] : undefined
}

/**
 * `pgcopydb copy table-data` with its own number of jobs, into tables that are there. Its `clone` makes them
 * with pg_dump, which refuses servers that are newer than itself. The copy ends with VACUUM ANALYZE of each
 * table.
 */
export async function pgcopydb({
  sourceUrl,
  warehouseUrl,
}: BenchServer): Promise<{ readonly seconds: number }> {
  await using folder = await temporaryFolder('bench-pgcopydb')
  const started = performance.now()
  const child = spawn(
    'pgcopydb',
    [
      ...['copy', 'table-data', '--dir', join(folder.path, 'work')],
      ...['--source', sourceUrl, '--target', warehouseUrl],
    ],
    { stdio: ['ignore', 'ignore', 'pipe'], env: clientEnvironment() },
  )
  const errors: Buffer[] = []
  child.stderr.on('data', (chunk: Buffer) => errors.push(chunk))
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
  if (code !== 0) {
    const written = Buffer.concat(errors).toString('utf8').slice(-4_000)
    throw new Error(`pgcopydb exited with ${String(code)}:\n${written}`)
  }
  return { seconds: (performance.now() - started) / 1000 }
}
