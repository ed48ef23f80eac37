import type pg from 'pg'

/** A run that did not end by itself (killed, stopped) is continued under its number. */
export async function startRun(client: pg.Client, connection: string): Promise<number> {
  const { rows } = await client.query<{ run: string }>(
    `INSERT INTO reactor_connect.runs AS r (connection, run, ended) VALUES ($1, 1, false)
     ON CONFLICT (connection) DO UPDATE SET run = r.run + r.ended::int, ended = false
     RETURNING run`,
    [connection],
  )
  return Number(rows[0]?.run)
}

export async function endRun(client: pg.Client, connection: string, run: number): Promise<void> {
  await client.query(
    'UPDATE reactor_connect.runs SET ended = true WHERE connection = $1 AND run = $2',
    [connection, run],
  )
}
