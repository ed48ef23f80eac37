import { z } from 'zod'
import { parseConfig, specOf } from '../connector-config.ts'
import {
  defaultSsl,
  hostRule,
  isHost,
  isSocketFolder,
  type PostgresDatabase,
  type SslMode,
  sslModes,
} from '../../postgres/address.ts'
import type { JsonObject } from '../../protocol/index.ts'

const port = z.int('must be a whole number').min(1).max(65_535)
const count = (title: string): z.ZodInt =>
  z.int('must be a whole number').min(1, 'must be at least 1').meta({ title })

const slotRule = 'must be 1 to 63 small letters, digits and underscores'
const sizeRule = 'must be a size as `500MB`, `20GB` or `1TB`'
const publicationRule = 'must be a name of at most 55 bytes'

const postgresConfigSchema = z.strictObject({
  host: z
    .string('must be the host name or address of the server')
    .min(1, 'must be the host name or address of the server')
    .refine(isHost, hostRule)
    .meta({
      title: 'Host',
      description: 'Name or address; a path is the folder of a Unix socket.',
      order: 0,
    }),
  port: port.default(5432).meta({ title: 'Port', order: 1 }),
  user: z
    .string('must be the name of a role that may log in')
    .min(1, 'must be the name of a role that may log in')
    .meta({ title: 'User', order: 2 }),
  password: z
    .string('must be text')
    .optional()
    .meta({ title: 'Password', airbyte_secret: true, order: 3 }),
  database: z
    .string('must be the name of a database')
    .min(1, 'must be the name of a database')
    .meta({ title: 'Database', order: 4 }),
  ssl: z
    .enum(sslModes, `must be one of ${sslModes.map((mode) => `"${mode}"`).join(', ')}`)
    .optional()
    .meta({
      title: 'Encryption',
      description:
        'disable: none. require: encrypted, the certificate is checked only when `ca` is given. verify-full: certificate and host name are checked. Default: disable on loopback, verify-full when `ca` is given, else require.',
      order: 5,
    }),
  ca: z.string('must be a PEM certificate').min(1).optional().meta({
    title: 'Certificate authority',
    description: 'PEM of the authority that signed the certificate of the server.',
    order: 6,
  }),
  schemas: z
    .array(z.string().min(1), 'must be a list of schema names')
    .min(1, 'must name at least one schema; leave it out for all')
    .optional()
    .meta({
      title: 'Schemas',
      description: 'Default: all schemas that are not the system’s own.',
      order: 7,
    }),
  parallel: count('Parallel ranges').max(64).default(4).meta({
    description:
      'Into how many ranges a large table with a primary key is split; they are read at the same time.',
    order: 8,
  }),
  range_rows: count('Rows from which a table is split').default(200_000).meta({ order: 9 }),
  state_rows: count('Rows between two states')
    .default(50_000)
    .meta({ description: 'A state comes after this many rows or 8 MiB.', order: 10 }),
  on_lost_snapshot: z
    .enum(['restart', 'continue'], 'must be "restart" or "continue"')
    .default('restart')
    .meta({
      title: 'When the snapshot is lost',
      description:
        'The source restarted or ended the sessions of a run. restart: a full refresh begins again, so that its rows are of one moment (with append it continues). continue: it goes on where it was, with a warning.',
      order: 11,
    }),
  replication: z.enum(['cursor', 'cdc'], 'must be "cursor" or "cdc"').default('cursor').meta({
    title: 'How changes are found',
    description:
      'cursor: by a column that grows with every change; deletes are not seen. cdc: change data capture from the write-ahead log: inserts, updates and deletes in their order; the server needs wal_level=logical.',
    order: 12,
  }),
  slot: z
    .string(slotRule)
    .regex(/^[a-z0-9_]{1,63}$/, slotRule)
    .default('reactor_connect')
    .meta({
      title: 'Replication slot',
      description:
        'Only with `replication: cdc`. Each connection needs a slot of its own; it is created at the first run.',
      order: 13,
    }),
  publication: z
    .string(publicationRule)
    .min(1, publicationRule)
    .max(55, publicationRule)
    .default('reactor_connect')
    .meta({
      title: 'Publication',
      description: 'Only with `replication: cdc`. It is created at the first run if there is none.',
      order: 14,
    }),
  on_lost_slot: z
    .enum(['snapshot', 'fail'], 'must be "snapshot" or "fail"')
    .default('snapshot')
    .meta({
      title: 'When changes are lost',
      description:
        'Only with `replication: cdc`. The server no longer has changes that were not read yet. snapshot: the tables are read as a whole again, with a warning. fail: the streams fail.',
      order: 15,
    }),
  max_slot_wal: z
    .string(sizeRule)
    .regex(/^[1-9]\d{0,8}(MB|GB|TB)$/, sizeRule)
    .optional()
    .meta({
      title: 'Most log that the server keeps',
      description:
        'Only with `replication: cdc`, in continuous runs. If the server has to keep more of its write-ahead log for the slot than this (`20GB`), and the run does not catch up within a minute, `at_max_slot_wal` says what happens. Default: no limit.',
      order: 16,
    }),
  at_max_slot_wal: z
    .enum(['stop', 'drop', 'warn'], 'must be "stop", "drop" or "warn"')
    .default('stop')
    .meta({
      title: 'When it keeps more',
      description:
        'stop: the run fails, and the slot stays. drop: the run fails, and the slot is dropped, so that the disk of the server does not fill; the next run reads all rows again. warn: only the log of the run says so.',
      order: 17,
    }),
})

/** The configuration of a PostgreSQL source, with its defaults. */
export interface PostgresConfig extends z.infer<typeof postgresConfigSchema> {
  readonly ssl: SslMode
}

export const postgresSpec = specOf(postgresConfigSchema)

export function parsePostgresConfig(config: JsonObject): PostgresConfig {
  const parsed = parseConfig('postgres', postgresConfigSchema, config)
  return { ...parsed, ssl: parsed.ssl ?? sslOf(parsed) }
}

function sslOf({ host, ca }: { readonly host: string; readonly ca?: string | undefined }): SslMode {
  return ca === undefined ? defaultSsl(host) : 'verify-full'
}

export function socketFolderOf({ host }: JsonObject): string | undefined {
  return typeof host === 'string' && isSocketFolder(host) ? host : undefined
}

export function databaseOf(config: JsonObject): PostgresDatabase | undefined {
  const { host, port, database } = postgresConfigSchema.shape
  return z.object({ host, port, database }).safeParse(config).data
}
