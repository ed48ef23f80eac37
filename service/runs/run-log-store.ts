import type { Database } from '../platform/database/database.ts'
import { notify } from './run-changes.ts'
import type { NewLogLine } from './contract.ts'

export interface LogBatch {
  readonly id: string
  readonly lines: readonly NewLogLine[]
  /** The number of the run's newest lines that are stored. */
  readonly keep: number
}

/** In characters. Longer messages are not for people. */
const maxMessage = 4_000
const maxFields = 16_000

/**
 * Numbers the lines under the lock of the run's row, which is held until they are committed. So a reader that
 * has seen a number has seen all earlier ones, even with several writers.
 */
export async function appendLines(database: Database, batch: LogBatch): Promise<void> {
  const lines = batch.lines.slice(-batch.keep)
  await database.query(
    `WITH run AS (
       UPDATE reactor_connect_service.runs SET log_seq = log_seq + $6 WHERE id = $1
       RETURNING id, log_seq, ${notify('id')}
     ), bounded AS (
       DELETE FROM reactor_connect_service.run_log USING run
       WHERE run_id = run.id AND seq <= run.log_seq - $7
     )
     INSERT INTO reactor_connect_service.run_log (run_id, seq, at, level, message, fields)
     SELECT run.id, run.log_seq - $6 + line.place, to_timestamp(line.at_ms / 1000), line.level,
       line.message, line.fields::json
     FROM run, unnest($2::float8[], $3::text[], $4::text[], $5::text[])
       WITH ORDINALITY AS line (at_ms, level, message, fields, place)`,
    [
      batch.id,
      lines.map(({ atMs }) => atMs),
      lines.map(({ level }) => level),
      lines.map(({ message }) => cut(message)),
      lines.map(({ fields }) => fieldsJson(fields)),
      lines.length,
      batch.keep,
    ],
  )
}

function cut(message: string): string {
  return message.length <= maxMessage ? message : `${message.slice(0, maxMessage - 1)}…`
}

function fieldsJson(fields: NewLogLine['fields']): string {
  const json = JSON.stringify(fields)
  return json.length <= maxFields ? json : JSON.stringify({ left_out: `${json.length} characters` })
}
