import { streamLabel } from '../../protocol/stream-id.ts'
import { kindAt } from '../../sinks/registry.ts'
import { formatTime } from '../output/format-time.ts'
import { table } from '../output/table.ts'
import type { ConnectionDocument } from './connection-fields.ts'

/** A connection, a line a field. */
export function connectionLines(connection: ConnectionDocument): string {
  const { name, from, destination, status, streams, schedule, options, drift } = connection
  const when = schedule === null ? 'by hand' : `${schedule.cron} (${schedule.timezone ?? 'UTC'})`
  const last = connection.last_run
  return table([
    ['name', name],
    ...(connection.description === null ? [] : [['description', connection.description]]),
    ['from', from],
    ['streams', streams === null ? 'all' : streams.map(streamText).join(', ')],
    ['destination', destination],
    ['schedule', when],
    ['options', Object.keys(options).length === 0 ? 'none' : JSON.stringify(options)],
    ['status', status],
    ['next run', formatTime(connection.next_run_at) || 'none'],
    ...(connection.last_skipped_at === null
      ? []
      : [['skipped', `${formatTime(connection.last_skipped_at)}: no scheduler was working`]]),
    [
      'last run',
      last === null ? 'never run' : `${last.id} ${last.status} ${formatTime(last.ended_at)}`.trim(),
    ],
    ...(drift === null
      ? []
      : [['drift', `${drift.status}: reactor connect connections drift ${name}`]]),
    ['version', String(connection.version)],
    ['updated', formatTime(connection.updated_at)],
    placeLine(connection),
  ])
}

/** Where the rows are: `connections address` knows tables. */
function placeLine({ name, destination }: ConnectionDocument): readonly [string, string] {
  const kind = kindAt(destination)
  if (kind === undefined || kind.capabilities.tables)
    return ['tables', `psql "$(reactor connect connections address ${name})"`]
  return [kind.words.places, destination.slice(destination.indexOf(':') + 1)]
}

function streamText(stream: NonNullable<ConnectionDocument['streams']>[number]): string {
  const { sync_mode: mode, destination_sync_mode: destinationMode, transform, where } = stream
  const masked = Object.keys(stream.mask ?? {})
  const label = streamLabel(stream)
  const rules = [
    ...(where === undefined ? [] : [`where ${where}`]),
    ...(masked.length === 0 ? [] : [`masked: ${masked.join(' ')}`]),
  ]
  const chosen = [mode, destinationMode, transform, ...rules]
  const modes = chosen.filter((text) => text !== undefined)
  return modes.length === 0 ? label : `${label} (${modes.join(', ')})`
}
