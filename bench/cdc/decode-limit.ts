import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { BenchServer } from '../bench-server.ts'
import { changedTable } from './cdc-load.ts'

const name = 'bench_decode'

/** `pg_recvlogical` into nothing: the speed at which one walsender decodes, which no reader can pass. */
export async function createDecodeSlot(bench: BenchServer): Promise<void> {
  await bench.source(
    `CREATE PUBLICATION ${name} FOR TABLE ${changedTable}`,
    `SELECT pg_create_logical_replication_slot('${name}', 'pgoutput')`,
  )
}

/** Seconds until everything before the position is received. */
export async function decodeUntil(bench: BenchServer, position: string): Promise<number> {
  const { hostname, port, username, password, pathname } = new URL(bench.sourceUrl)
  const started = performance.now()
  const child = spawn(
    'pg_recvlogical',
    [
      ...['--host', hostname, '--port', port, '--username', username, '--no-password'],
      ...['--dbname', pathname.slice(1), '--slot', name, '--start', '--file', '/dev/null'],
      ...['--endpos', position, '--option', 'proto_version=1'],
      ...['--option', `publication_names=${name}`, '--no-loop'],
    ],
    {
      stdio: ['ignore', 'ignore', 'inherit'],
      env: { PATH: process.env.PATH ?? '', PGPASSWORD: decodeURIComponent(password) },
    },
  )
  const [code] = (await once(child, 'close')) as [number | null]
  if (code !== 0) throw new Error(`pg_recvlogical exited with ${String(code)}`)
  return (performance.now() - started) / 1000
}

export async function dropDecodeSlot(bench: BenchServer): Promise<void> {
  await bench.source(`SELECT pg_drop_replication_slot('${name}')`, `DROP PUBLICATION ${name}`)
}
