import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer as createWebServer } from 'node:http'
import { createServer, type Server } from 'node:net'
import { freePort } from '../../service/platform/postgres/free-port.ts'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { pino } from 'pino'
import { z } from 'zod'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { postgresConnector } from '../../connectors/postgres/connector.ts'
import { errorCodes } from '../../protocol/errors/codes.ts'
import type { JsonObject } from '../../protocol/index.ts'
import { startPostgres, testDatabase, type TestDatabase } from '../support/postgres.ts'
import {
  Collected,
  contextOf,
  discovered,
  fullRefreshOf,
  incrementalOf,
  readAll,
  rowsOf,
} from './collected.ts'
import { usually } from '../support/long.ts'

const certificates = join(import.meta.dirname, '../certificates')

let db: TestDatabase
let role: string

beforeAll(async () => {
  db = await testDatabase()
  role = `nobody_${db.address.database}`
  await db.query(
    `CREATE ROLE ${role} LOGIN PASSWORD 'right'; CREATE TABLE secret (id int PRIMARY KEY, a text, b text); INSERT INTO secret VALUES (1, 'a', 'b')`,
  )
})
afterAll(async () => {
  for (const server of servers) server.close()
  await db.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`)
  await db[Symbol.asyncDispose]()
})

/** Sends what it did not understand back to the client, as servers of HTTP do. */
const webServer = createWebServer()
const servers: Server[] = []
async function portOf(server: Server): Promise<JsonObject> {
  servers.push(server)
  if (!server.listening) server.listen(0, '127.0.0.1')
  if (!server.listening) await once(server, 'listening')
  return z.object({ port: z.number() }).parse(server.address())
}

const check = (more: JsonObject) => postgresConnector.check({ ...db.address, ...more }, contextOf())

describe('check', () => {
  test('leaves tables out that the role may not read, with a warning that names them', async () => {
    await db.query('CREATE TABLE forbidden (id int)')
    const lines: string[] = []
    const logger = pino({ level: 'warn' }, { write: (line: string) => void lines.push(line) })
    const config = { ...db.address, user: role, password: 'right' }
    await postgresConnector.discover(config, { ...contextOf(), logger })
    expect(lines.join('')).toMatch(/public\.forbidden.*may not read are left out: GRANT SELECT/)
  })

  test('leaves columns out that the role may not read, with a warning that names them', async () => {
    await db.query(
      `CREATE TABLE partly (id int, gone int, secret text, v int); ALTER TABLE partly DROP COLUMN gone; GRANT SELECT (id, v) ON partly TO ${role}`,
    )
    const lines: string[] = []
    const logger = pino({ level: 'warn' }, { write: (line: string) => void lines.push(line) })
    const config = { ...db.address, user: role, password: 'right' }
    const { streams } = await postgresConnector.discover(config, { ...contextOf(), logger })
    const partly = streams.find(({ name }) => name === 'partly')
    expect(Object.keys(partly?.json_schema.properties ?? {})).toEqual(['id', 'v'])
    expect(lines.join('')).toMatch(
      /"columns":1,"such_as":\["public\.partly\.secret"\].*columns that the role may not read are left out/,
    )
    await db.query('DROP TABLE partly')
  })

  test('leaves tables without columns out, with a warning that names them', async () => {
    await db.query('CREATE TABLE bare ()')
    const lines: string[] = []
    const logger = pino({ level: 'warn' }, { write: (line: string) => void lines.push(line) })
    const { streams } = await postgresConnector.discover(
      { ...db.address },
      { ...contextOf(), logger },
    )
    expect(streams.map(({ name }) => name)).not.toContain('bare')
    expect(lines.join('')).toMatch(/public\.bare.*without columns are left out/)
  })

  test('succeeds where a table can be read', async () => {
    expect(await check({})).toEqual({ status: 'SUCCEEDED' })
  })

  test.each<[string, () => Promise<JsonObject> | JsonObject, RegExp]>([
    [
      'a wrong password',
      () => ({ user: role, password: 'wrong' }),
      /refused the login.*Check `user` and `password`/,
    ],
    ['a missing password', () => ({ user: role, password: '' }), /refused the login/],
    ['an unknown role', () => ({ user: 'nobody at all' }), /refused the login/],
    [
      'an unknown host',
      () => ({ host: 'no-such-host.invalid' }),
      /cannot be reached: the host name/,
    ],
    [
      'a port where nothing listens',
      async () => ({ port: await freePort() }),
      /nothing listens on that port/,
    ],
    ['a missing database', () => ({ database: 'nope' }), /has no database nope/],
    [
      'a server without TLS',
      () => ({ ssl: 'require' }),
      /the server has TLS switched off.*`ssl` to `disable`/,
    ],
    ['a missing schema', () => ({ schemas: ['nope'] }), /no schema nope, which `schemas`/],
    [
      'a role without rights',
      () => ({ user: role, password: 'right' }),
      /may read no table.*GRANT/,
    ],
    [
      'a port of a web server',
      () => portOf(webServer),
      /does not speak the protocol of PostgreSQL/,
    ],
    [
      'a port of a web server, with TLS',
      async () => ({ ...(await portOf(webServer)), ssl: 'require' }),
      /does not speak the protocol of PostgreSQL/,
    ],
    [
      'a server that hangs up',
      () => portOf(createServer((socket) => socket.destroy())),
      /cannot be reached: it ended the connection before it sent anything/,
    ],
    [
      'a Unix socket that is not there',
      () => ({ host: tmpdir() }),
      /cannot be reached: there is no Unix socket with that name/,
    ],
    [
      'an invalid configuration',
      () => ({ port: 'x', hots: 1 }),
      /`port`: must be a whole number.*`hots` is not an option/,
    ],
  ])('fails with what to do for %s', async (_, config, message) => {
    const status = await check(await config())
    expect(status.status).toBe('FAILED')
    expect(status.message).toMatch(message)
    expect(status.message).not.toMatch(/right'|wrong|checkpoint|\{/)
  })
})

test('a check that may succeed later says so, and one that will not does not', async () => {
  expect(await check({ port: 1 })).toMatchObject({
    status: 'FAILED',
    error: { code: 'source_unreachable', failureType: 'transient_error' },
  })
  expect(await check({ password: 'wrong' })).not.toHaveProperty('error')
})

test('a role that may have one connection is refused before anything waits, with the command that helps', async () => {
  const limited = { ...db.address, user: role, password: 'right' }
  const sessions = () => db.query('SELECT pid FROM pg_stat_activity WHERE usename = $1', [role])
  await expect.poll(sessions).toEqual([])
  await db.query(`ALTER ROLE "${role}" CONNECTION LIMIT 1`)
  try {
    await expect(postgresConnector.openRead(limited, contextOf())).rejects.toMatchObject({
      code: 'source_connection_limit',
      suggestedFix: expect.stringContaining(
        `\`ALTER ROLE "${role}" CONNECTION LIMIT 2\``,
      ) as unknown,
    })
    // The session that was refused may still be ending, and a client connects once.
    let client = new pg.Client({ ...limited, ssl: false })
    await expect
      .poll(() => {
        client = new pg.Client({ ...limited, ssl: false })
        return client.connect().then(
          () => true,
          () => false,
        )
      })
      .toBe(true)
    await expect(postgresConnector.openRead(limited, contextOf())).rejects.toMatchObject({
      code: 'source_busy',
      suggestedFix: expect.stringContaining(
        `\`ALTER ROLE "${role}" CONNECTION LIMIT N\``,
      ) as unknown,
    })
    await client.end()
  } finally {
    await db.query(`ALTER ROLE "${role}" CONNECTION LIMIT -1`)
  }
})

describe('a read', () => {
  const streamOf = async () => discovered(postgresConnector, { ...db.address }, 'secret')
  const read = async (config: JsonObject, properties?: JsonObject) => {
    const stream = await streamOf()
    const schema = properties === undefined ? stream.json_schema : { type: 'object', properties }
    return readAll(postgresConnector, config, {
      stream: fullRefreshOf({ ...stream, json_schema: schema }),
    })
  }

  test('of a table without the right to it names user and table', async () => {
    const config = { ...db.address, user: role, password: 'right' }
    await expect(read(config)).rejects.toMatchObject({
      code: 'source_permission_denied',
      message: `User ${role} may not read public.secret: permission denied for table secret`,
    })
  })

  test('of a column that is gone, or not granted, names the column', async () => {
    await expect(read({ ...db.address }, { id: {}, gone: {} })).rejects.toMatchObject({
      code: 'source_column_missing',
      details: { column: 'gone' },
    })
    await db.query(`GRANT SELECT (id, a) ON secret TO ${role}`)
    const config = { ...db.address, user: role, password: 'right' }
    await expect(read(config)).rejects.toMatchObject({
      code: 'source_column_missing',
      details: { column: 'b' },
    })
    expect((await read(config, { id: {}, a: {} })).length).toBe(1)
  })

  test('of a table that is gone says so', async () => {
    const stream = { ...(await streamOf()), name: 'gone' }
    await expect(
      readAll(postgresConnector, { ...db.address }, { stream: fullRefreshOf(stream) }),
    ).rejects.toMatchObject({ code: 'source_stream_missing' })
  })

  test('by an array as the cursor says that no array can be one', async () => {
    await db.query('CREATE TABLE arrays (id int PRIMARY KEY, a int[])')
    const stream = await discovered(postgresConnector, { ...db.address }, 'arrays')
    const reading = readAll(
      postgresConnector,
      { ...db.address },
      { stream: incrementalOf(stream, 'a') },
    )
    await expect(reading).rejects.toMatchObject({
      code: 'source_cursor_invalid',
      message:
        'Stream public.arrays: column a cannot be the cursor: an array cannot order an incremental read',
    })
  })

  test('whose query is cancelled can be retried, and is no lost connection', async () => {
    await db.query('CREATE VIEW slow AS SELECT pg_sleep(60)::text AS t')
    const stream = await discovered(postgresConnector, { ...db.address }, 'slow')
    const reading = readAll(postgresConnector, { ...db.address }, { stream: fullRefreshOf(stream) })
    const failed = expect(reading).rejects.toMatchObject({
      code: 'source_query_cancelled',
      message: expect.stringMatching(/^Stream public\.slow: .*user request/) as unknown,
      retryable: true,
    })
    const cancel = `SELECT pg_cancel_backend(pid) FROM pg_stat_activity
      WHERE datname = current_database() AND query LIKE 'COPY%"slow"%' AND wait_event = 'PgSleep'`
    await expect.poll(() => db.query(cancel), { timeout: 10_000 }).toHaveLength(1)
    await failed
  })

  test('whose snapshot is gone can be retried', async () => {
    const session = await postgresConnector.openRead({ ...db.address }, contextOf())
    await session[Symbol.asyncDispose]()
    const stream = await streamOf()
    const task = {
      config: { ...db.address },
      stream: fullRefreshOf(stream),
      slice: '',
      state: null,
      session: session.shared,
    }
    await expect(
      postgresConnector.read(task, new Collected(stream), contextOf()),
    ).rejects.toMatchObject({ code: 'source_snapshot_lost', retryable: true })
  })

  test('with a state of another key, another mode or another connector is refused', async () => {
    const stream = fullRefreshOf(await streamOf())
    const range = { kind: 'range', key: ['other'], from: null, to: null, after: ['1'] }
    for (const state of [range, { kind: 'cursor' }, { next: 5 }]) {
      const states = new Map([['', state]])
      await expect(
        readAll(postgresConnector, { ...db.address }, { stream, states }),
      ).rejects.toMatchObject({ code: 'source_state_invalid' })
    }
  })

  test('with a state of a key whose type was another one is refused, and one with the same order goes on', async () => {
    await db.query('CREATE TABLE keyed (id text PRIMARY KEY); INSERT INTO keyed VALUES (9), (10)')
    const stream = fullRefreshOf(await discovered(postgresConnector, { ...db.address }, 'keyed'))
    const read = async (type: string) => {
      const state = {
        kind: 'range',
        key: ['id'],
        types: [type],
        from: null,
        to: null,
        after: ['9'],
      }
      return await readAll(
        postgresConnector,
        { ...db.address },
        { stream, states: new Map([['', state]]) },
      )
    }
    await expect(read('integer')).rejects.toMatchObject({
      code: 'source_state_invalid',
      message: expect.stringContaining('had the type integer, and has text now') as unknown,
    })
    const [run] = await read('character varying(5)')
    expect(run?.out.lastState).toMatchObject({ done: true, types: ['text'] })
    const [fresh] = await readAll(postgresConnector, { ...db.address }, { stream })
    expect(fresh?.state).toMatchObject({ types: ['text'] })
  })

  test('of a view that fails on a row reports the SQLSTATE and never the value', async () => {
    await db.query(
      `CREATE VIEW broken AS SELECT 'hush' || i AS t, ('hush' || i)::int AS n FROM generate_series(1, 3) i`,
    )
    const stream = await discovered(postgresConnector, { ...db.address }, 'broken')
    const failing = readAll(postgresConnector, { ...db.address }, { stream: fullRefreshOf(stream) })
    await expect(failing).rejects.toMatchObject({
      code: 'source_query_failed',
      details: { sqlstate: '22P02', reason: 'a text is not a value of its type' },
      message: expect.stringMatching(/^Stream public\.broken: /) as unknown,
    })
    await expect(failing).rejects.not.toThrow(/hush/)
  })

  test('of a view whose function misses a table names the function', async () => {
    await db.query(
      `CREATE FUNCTION lost() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT 1 FROM gone); END';
       CREATE VIEW loses AS SELECT 1 AS id, lost() AS n`,
    )
    const stream = await discovered(postgresConnector, { ...db.address }, 'loses')
    const failing = readAll(postgresConnector, { ...db.address }, { stream: fullRefreshOf(stream) })
    await expect(failing).rejects.toMatchObject({
      code: 'source_query_failed',
      details: { sqlstate: '42P01', reason: expect.stringContaining('lost') as unknown },
    })
  })

  test('of bytes that are not UTF-8 says what the database is made of', async () => {
    const name = `${db.address.database}_ascii`
    await db.query(
      `CREATE DATABASE ${name} ENCODING 'SQL_ASCII' LOCALE_PROVIDER libc LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0`,
    )
    const config = { ...db.address, database: name }
    const client = new pg.Client({ ...config, ssl: false })
    await client.connect()
    await client.query(`CREATE TABLE latin AS SELECT 1 AS id, 'caf' || chr(233) AS t`)
    // As the error advises.
    const advice = errorCodes.source_encoding_invalid.suggestedFix
    const expression = /`([^`]+)`/.exec(advice)?.[1]?.replace('column', 't')
    await client.query(`CREATE VIEW repaired AS SELECT ${String(expression)} AS t FROM latin`)
    await client.end()
    const view = await discovered(postgresConnector, config, 'repaired')
    const repaired = await readAll(postgresConnector, config, { stream: fullRefreshOf(view) })
    expect(rowsOf(repaired)).toEqual([{ t: 'café' }])
    const stream = await discovered(postgresConnector, config, 'latin')
    await expect(
      readAll(postgresConnector, config, { stream: fullRefreshOf(stream) }),
    ).rejects.toMatchObject({
      code: 'source_encoding_invalid',
      message: expect.stringContaining('(SQLSTATE 22021) (0xe9)') as unknown,
    })
    await db.query(`DROP DATABASE ${name}`)
  })

  test.each(usually(1, ['terminated by an administrator', 'killed with its server']))(
    'whose session is %s can be retried',
    async (how) => {
      await using server = await startPostgres()
      const admin = new pg.Client({ ...server.address, ssl: false })
      admin.on('error', () => undefined)
      await admin.connect()
      await admin.query(
        `CREATE TABLE big AS SELECT i AS id, repeat('x', 1000) AS t FROM generate_series(1, 50000) i; ALTER TABLE big ADD PRIMARY KEY (id)`,
      )
      const stream = await discovered(postgresConnector, { ...server.address }, 'big')
      const session = await postgresConnector.openRead({ ...server.address }, contextOf())
      const [planned] = await session.plan(fullRefreshOf(stream), new Map())
      const task = {
        config: { ...server.address, state_rows: 1000 },
        stream: fullRefreshOf(stream),
        slice: '',
        state: planned?.state ?? null,
        session: session.shared,
      }
      class Breaking extends Collected {
        override async copyText(lines: Uint8Array) {
          await super.copyText(lines)
          if (this.rows.length < 5000) return
          if (how.startsWith('killed')) await server.kill9()
          else
            await admin.query(
              `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'COPY%' AND pid <> pg_backend_pid()`,
            )
        }
      }
      const out = new Breaking(stream)
      await expect(postgresConnector.read(task, out, contextOf())).rejects.toMatchObject({
        code: 'source_connection_lost',
        retryable: true,
      })
      expect(out.covered.length).toBeGreaterThan(1000)
      await session[Symbol.asyncDispose]()
      await admin.end().catch(() => undefined)
    },
  )
})

describe('a server with TLS', () => {
  test('is read encrypted; its certificate is checked as `ssl` and `ca` say', async () => {
    const certificate = (name: string) => readFile(join(certificates, name), 'utf8')
    const ca = await certificate('db.pem')
    const files = [
      ['key.pem', await certificate('db-key.pem')],
      ['cert.pem', ca],
      ['hba.conf', 'hostssl all all 127.0.0.1/32 scram-sha-256\n'],
    ] as const
    await using server = await startPostgres()
    const admin = new pg.Client({ ...server.address, ssl: false })
    await admin.connect()
    const [{ dir } = { dir: '' }] = (
      await admin.query<{ dir: string }>(`SELECT current_setting('data_directory') AS dir`)
    ).rows
    // Only the owner of the server may own the key.
    await admin.query(`CREATE TABLE t (id int PRIMARY KEY)`)
    await admin.query(`CREATE TEMP TABLE lines (n serial, line text)`)
    for (const [name, text] of files) {
      await admin.query('TRUNCATE lines')
      await admin.query('INSERT INTO lines (line) SELECT unnest($1::text[])', [
        text.trimEnd().split('\n'),
      ])
      await admin.query(
        `COPY (SELECT line FROM lines ORDER BY n) TO PROGRAM 'umask 077; cat > ${dir}/tls-${name}'`,
      )
    }
    for (const [name, value] of [
      ['ssl', 'on'],
      ['ssl_key_file', 'tls-key.pem'],
      ['ssl_cert_file', 'tls-cert.pem'],
    ])
      await admin.query(`ALTER SYSTEM SET ${name ?? ''} = '${value ?? ''}'`)
    await admin.query(
      `COPY (SELECT line FROM lines ORDER BY n) TO PROGRAM 'cat > ${dir}/pg_hba.conf'`,
    )
    await admin.query('SELECT pg_reload_conf()')
    await admin.end()
    const checked = async (more: JsonObject) => {
      const { status, message = '' } = await postgresConnector.check(
        { ...server.address, ...more },
        contextOf(),
      )
      return `${status} ${message}`
    }
    await expect.poll(() => checked({ ssl: 'require' }), { timeout: 10_000 }).toMatch(/^SUCCEEDED/)
    expect(await checked({ ssl: 'disable' })).toMatch(/FAILED.*no encryption/)
    expect(await checked({ ssl: 'require', ca })).toMatch(/^SUCCEEDED/)
    expect(await checked({ ssl: 'verify-full' })).toMatch(
      /FAILED No encrypted connection.*SELF_SIGNED/,
    )
    expect(await checked({ ssl: 'verify-full', ca })).toMatch(
      /FAILED No encrypted connection.*(ALTNAME|Hostname)/,
    )
    const stream = await discovered(postgresConnector, { ...server.address, ssl: 'require' }, 't')
    const runs = await readAll(
      postgresConnector,
      { ...server.address, ssl: 'require' },
      { stream: fullRefreshOf(stream) },
    )
    expect(runs[0]?.outcome).toBe('complete')
  })
})
