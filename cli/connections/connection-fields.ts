import { Option, type Command } from 'commander'
import type { z } from 'zod'
import { connectionChoices } from '../../plan/streams/connection-choices.ts'
import type { connectionDocument } from '../../service/connections/schema.ts'
import type { UserInput } from '../input/user-input.ts'
import { numberUpTo, parseStreamNames } from '../options.ts'
import { usageError } from '../usage-error.ts'

// Each field of a connection: its option, and its value in the API. How it is shown: connection-lines.ts.

export type ConnectionDocument = z.output<typeof connectionDocument>

/** The flags for the settings of a connection. */
export interface ConnectionFlags {
  readonly dest?: string
  readonly streams?: string
  readonly streamConfig?: string
  readonly transform?: readonly string[]
  /** `--no-schedule` makes it false. */
  readonly schedule?: string | boolean
  readonly timezone?: string
  readonly catchUp?: string
  readonly metadata?: string
  readonly types?: string
  readonly with?: string
  readonly deletes?: string
  readonly log?: string
  readonly framing?: string
  readonly format?: string
  readonly envelope?: string
  readonly partitions?: number
  readonly table?: string
  readonly cursorField?: string
  readonly schemaDrift?: string
  readonly continuous?: boolean
  readonly writes?: string
  readonly writeDeletes?: string
  readonly writeMode?: string
  readonly description?: string
}

/** The fields of a connection that can be set and changed. */
export function connectionOptions(command: Command): Command {
  const withFields = command
    .option('--streams <A,B>', 'names of streams; default: all, as the connector suggests them')
    .option(
      '--stream-config <JSON|FILE|->',
      'or a list of streams with name, sync_mode, destination_sync_mode, cursor_field, primary_key, columns, rename, where, mask, table, with, transform',
    )
    .option(
      '--transform <function:NAME>',
      'the function that changes their records; for some of them: STREAM=function:NAME, repeated; none: no function',
      (text: string, before: readonly string[] | undefined) => [...(before ?? []), text],
    )
    .option('--schedule <CRON>', 'cron schedule of its runs: five fields')
    .option('--timezone <NAME>', 'time zone of the schedule; default: UTC')
    .addOption(
      new Option(
        '--catch-up <HOW>',
        'scheduled times that the service missed; default: skip',
      ).choices(connectionChoices.catchUp),
    )
    .addOption(
      new Option('--metadata <HOW>', 'columns beside the data; default: full').choices(
        connectionChoices.metadata,
      ),
    )
    .addOption(
      new Option(
        '--types <HOW>',
        'column types of new tables, from PostgreSQL to PostgreSQL; default: source',
      ).choices(connectionChoices.types),
    )
    .option(
      '--with <A,B>',
      `what tables have of the source’s, from PostgreSQL to PostgreSQL: ${connectionChoices.with.join(', ')}; none: nothing`,
    )
    .addOption(
      new Option('--deletes <HOW>', 'delete deleted rows, or mark them; default: hard').choices(
        connectionChoices.deletes,
      ),
    )
    .addOption(
      new Option('--log <KIND>', 'transport; default: the one of the service').choices(
        connectionChoices.log,
      ),
    )
    .addOption(
      new Option('--framing <KIND>', 'messages in Kafka; default: block').choices(
        connectionChoices.framing,
      ),
    )
    .addOption(
      new Option('--format <KIND>', 'rows in a destination topic:NAME; default: json').choices(
        connectionChoices.format,
      ),
    )
    .addOption(
      new Option(
        '--envelope <KIND>',
        "the row alone, or Debezium's envelope, in a destination topic:NAME; default: row",
      ).choices(connectionChoices.envelope),
    )
    .addOption(
      new Option(
        '--partitions <N>',
        'of topics that are made for a destination topic:NAME; default: 6',
      ).argParser(numberUpTo(10_000)),
    )
    .option(
      '--table <PATTERN>',
      'the names of the tables, such as raw_{namespace}_{stream}; default: those of the streams',
    )
    .option('--cursor-field <NAME>', 'the cursor of all streams that have this column')
    .addOption(
      new Option(
        '--schema-drift <POLICY>',
        'what a run does if the schema of the source changed; default: propagate',
      ).choices(connectionChoices.schemaDrift),
    )
  return lastOptions(withFields)
}

function lastOptions(command: Command): Command {
  return command
    .option(
      '--writes <JSON|FILE|->',
      'for instance:NAME: a list of streams with object, key and fields; default: by their names',
    )
    .addOption(
      new Option(
        '--write-deletes <HOW>',
        'for instance:NAME: records that are gone at the source; default: keep',
      ).choices(connectionChoices.writeDeletes),
    )
    .addOption(
      new Option(
        '--write-mode <HOW>',
        'for instance:NAME: guarded changes no record that somebody else has changed; default: fast',
      ).choices(connectionChoices.writeMode),
    )
    .option('--description <TEXT>', "its purpose, in your words; '' removes it")
    .option('--continuous', 'a run goes on until it is cancelled; for sources with a feed')
    .option('--no-continuous', 'a run ends where the source was when it began')
}

/**
 * The given values as the API takes them; the service validates them.
 *
 * @param streamsNow those that the connection has; null: all of the source
 */
export async function connectionBody(
  flags: ConnectionFlags,
  input: UserInput,
  streamsNow: ConnectionDocument['streams'] = null,
): Promise<Readonly<Record<string, unknown>>> {
  const { metadata, types, deletes, log, framing, format, envelope, partitions, schemaDrift } =
    flags
  const { table, cursorField, continuous } = flags
  const options = Object.entries({
    metadata,
    types,
    with: definitionGroups(flags.with),
    deletes,
    log,
    framing,
    format,
    envelope,
    partitions,
    table,
    cursor_field: cursorField,
    schema_drift: schemaDrift,
    continuous,
    writes: await writesOf(flags, input),
    write_deletes: flags.writeDeletes,
    write_mode: flags.writeMode,
  }).filter(([, value]) => value !== undefined)
  const streams = await transformed(flags, (await streamsOf(flags, input)) ?? streamsNow)
  const schedule = scheduleOf(flags)
  return {
    ...(streams !== null && { streams }),
    ...(flags.dest !== undefined && { destination: flags.dest }),
    ...(schedule !== undefined && { schedule }),
    ...(flags.description !== undefined && { description: flags.description || null }),
    ...(options.length > 0 && { options: Object.fromEntries(options) }),
  }
}

/** The service checks the rules. */
async function writesOf({ writes }: ConnectionFlags, input: UserInput): Promise<unknown> {
  if (writes === undefined) return undefined
  const { readWriteRules } = await import('./stream-config.ts')
  return readWriteRules(writes, input)
}

/** The service checks the names. */
function definitionGroups(list: string | undefined): readonly string[] | undefined {
  if (list === undefined) return undefined
  return list === 'none' ? [] : list.split(',').map((name) => name.trim())
}

async function streamsOf(
  { streams, streamConfig }: ConnectionFlags,
  input: UserInput,
): Promise<ConnectionDocument['streams']> {
  if (streams !== undefined && streamConfig !== undefined)
    throw usageError('--streams and --stream-config exclude each other', 'Give one of them.')
  if (streamConfig === undefined)
    return streams === undefined ? null : parseStreamNames(streams).map((name) => ({ name }))
  const { readStreamConfig } = await import('./stream-config.ts')
  return readStreamConfig(streamConfig, input)
}

async function transformed(
  { transform }: ConnectionFlags,
  streams: ConnectionDocument['streams'],
): Promise<ConnectionDocument['streams']> {
  if (transform === undefined) return streams
  if (streams === null)
    throw usageError(
      '--transform needs the streams that it is for',
      'Name them with `--streams`, or with `--stream-config`.',
    )
  const { withTransforms } = await import('./transform-flag.ts')
  return [...withTransforms(streams, transform)]
}

function scheduleOf({ schedule, timezone, catchUp }: ConnectionFlags): unknown {
  if (schedule === false) return null
  if (typeof schedule === 'string')
    return {
      cron: schedule,
      ...(timezone !== undefined && { timezone }),
      ...(catchUp !== undefined && { catch_up: catchUp }),
    }
  if (timezone === undefined && catchUp === undefined) return undefined
  throw usageError('--timezone and --catch-up belong to a schedule', 'Give --schedule too.')
}
