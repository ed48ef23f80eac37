import { Client, type ClientConfig } from 'pg'

/** A second session may have to wait for room behind a pooler. */
const probeMs = 5_000
/** Others may take the process of a pool between two looks, but not each time without a change of ours. */
const rounds = 3

interface PooledSession {
  /** The number of the process that a statement of the session runs in. */
  readonly serverProcess: () => Promise<number | undefined>
  readonly config: ClientConfig
}

/**
 * Whether the number of the process is another one than the server named when the session began: then
 * something in between made one up.
 */
export function isBehindPooler(client: Client, serverProcess: number): boolean {
  const named: unknown = Reflect.get(client, 'processID')
  return typeof named === 'number' && named !== serverProcess
}

/**
 * Whether a pooler gives the process of the session to others between its transactions (PgBouncer with
 * `pool_mode = transaction` or `statement`). In session mode, no other session ever runs in the same process.
 * Otherwise an idle pool gives the second session the process that the first has just left, and in a busy one
 * others take it, so that the first gets another one. False if that cannot be found out.
 */
export async function sharesProcess({ serverProcess, config }: PooledSession): Promise<boolean> {
  const probe = new Client({
    ...config,
    connectionTimeoutMillis: probeMs,
    query_timeout: probeMs,
  })
  probe.on('error', () => undefined)
  try {
    if (!(await isConnected(probe))) return false
    const first = await serverProcess()
    for (let round = 0; round < rounds; round++) {
      const other = await processOf(probe)
      const own = await serverProcess()
      if (own !== first || own === other) return true
      // It waits for room while this session has its process: that is session mode.
      if (other === undefined) return false
    }
    return false
  } finally {
    probe.connection.stream.destroy()
  }
}

/** A pool without room for a second session says nothing of its mode: the run meets that by itself. */
function isConnected(probe: Client): Promise<boolean> {
  return probe.connect().then(
    () => true,
    () => false,
  )
}

function processOf(probe: Client): Promise<number | undefined> {
  return probe.query<{ readonly pid: number }>('SELECT pg_backend_pid() AS pid').then(
    ({ rows }) => rows[0]?.pid,
    () => undefined,
  )
}
