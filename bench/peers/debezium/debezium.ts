import type { BenchServer } from '../../bench-server.ts'
import type { ConnectJars } from '../../../test/kafka/connect/connect-jars.ts'
import { benchTable } from '../../replicate/source-table.ts'
import { inWorkDir, measure, requireRows, type Program } from '../program.ts'

const script = new URL('replicate.ts', import.meta.url).pathname
const table = 'public.debezium_orders'
/** At 3,000 to 6,000 rows a second a million rows would take minutes a round. */
const mostRows = 100_000

/**
 * Debezium's source and its JDBC sink in one Kafka Connect worker. It moves at most 100,000 rows of the
 * table, as a table of its own.
 */
export async function debeziumProgram(
  bench: BenchServer,
  options: {
    readonly jars: ConnectJars
    readonly brokers: readonly string[]
    readonly rows: number
  },
): Promise<Program> {
  const rows = Math.min(options.rows, mostRows)
  await bench.source(
    `CREATE TABLE ${table} AS SELECT * FROM ${benchTable} ORDER BY id LIMIT ${String(rows)}`,
    `ALTER TABLE ${table} ADD PRIMARY KEY (id)`,
    `VACUUM (ANALYZE, FREEZE) ${table}`,
  )
  return {
    name: 'Debezium 3.3.1',
    note: `source and JDBC sink through Kafka (JSON), upsert, ${rows.toLocaleString('en')} rows`,
    rows,
    once: () =>
      inWorkDir(async (workDir) => {
        await bench.warehouse('DROP SCHEMA IF EXISTS peer CASCADE', 'CREATE SCHEMA peer')
        const target = 'peer.copied'
        const run = {
          ...options.jars,
          brokers: options.brokers.join(','),
          sourceUrl: bench.sourceUrl,
          targetUrl: bench.warehouseUrl,
          table,
          target,
          rows,
          workDir,
          name: `dbz_${Date.now().toString(36)}`,
        }
        const result = await measure(
          {
            argv: [process.execPath, script],
            environment: { DEBEZIUM_RUN: JSON.stringify(run) },
          },
          workDir,
        )
        await requireRows(bench, { table: target, rows })
        return result
      }),
  }
}
