import { randomBytes } from 'node:crypto'
import { runSandbox } from '../../../engine/sandbox/run-sandbox.ts'
import type { SandboxOptions, SandboxReport } from '../../../engine/sandbox/sandbox-report.ts'
import type { TablePlan } from '../../../engine/run-types.ts'
import { sharedThreads } from '../../support/engine.ts'
import type { TestDatabase } from '../../support/postgres.ts'
import { silent } from '../../support/logger.ts'
import { neverAborted } from '../../support/signal.ts'

const hourMs = 3_600_000

export function sandboxId(): string {
  return `sbx_${randomBytes(13).toString('hex').toUpperCase()}`
}

/** Runs the plan in a sandbox, in this process. */
export async function sandboxPlan(
  plan: TablePlan,
  options: Partial<SandboxOptions> = {},
  signal = neverAborted(),
): Promise<SandboxReport> {
  const ports = {
    logger: silent,
    threads: sharedThreads(),
    now: Date.now,
    signal,
  }
  const expiresAtMs = Date.now() + hourMs
  return runSandbox(plan, { id: sandboxId(), limitRows: 100, expiresAtMs, ...options }, ports)
}

/** A hash of every row of a schema's tables with its place and the transaction that wrote it. */
export async function checksum(database: TestDatabase, schema: string): Promise<string> {
  const tables = await database.query(
    `SELECT quote_ident(table_name) AS name FROM information_schema.tables
      WHERE table_schema = $1 AND table_type = 'BASE TABLE' ORDER BY 1`,
    [schema],
  )
  const sums: unknown[] = []
  for (const { name } of tables) {
    const [row] = await database.query(
      `SELECT count(*) AS rows, md5(string_agg(ctid::text || xmin || xmax || t::text, ',' ORDER BY ctid)) AS sum
         FROM "${schema}".${String(name)} t`,
    )
    sums.push({ name, ...row })
  }
  return JSON.stringify(sums)
}

/** Everything in the database that a sandbox may have left. */
export async function leftovers(database: TestDatabase): Promise<unknown[]> {
  return database.query(
    `SELECT nspname AS name FROM pg_namespace WHERE starts_with(nspname, 'reactor_sandbox_')
     UNION ALL SELECT relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE starts_with(nspname, 'reactor_sandbox_')`,
  )
}
