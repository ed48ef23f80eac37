import {
  component,
  invalidComponent,
  optionalComponent,
  optionalText,
  parametersOf,
  text,
} from '../../definition.ts'
import { durationAt } from '../../datetime/iso-duration.ts'
import { PyDateTime } from '../../value/py-datetime.ts'
import { get, isEmpty } from '../../value/dict.ts'
import { arithmetic } from '../../value/arithmetic.ts'
import { str } from '../../value/text.ts'
import { truth } from '../../value/truth.ts'
import { declarativeStream } from './declarative-stream.ts'
import type { Builder } from '../../component.ts'
import type { Stream } from '../../contracts.ts'
import type { PlainDict } from '../../value/value.ts'

/**
 * StateDelegatingStream: a full refresh stream while there is no state, an incremental stream from then on,
 * unless the state is older than the data that the API stores.
 */
export function stateDelegatingStream(definition: PlainDict, builder: Builder): Stream {
  const name = text(definition, 'name')
  const full = component(definition, 'full_refresh_stream')
  const incremental = component(definition, 'incremental_stream')
  if (optionalText(full, 'name') !== name || optionalText(incremental, 'name') !== name)
    throw invalidComponent(
      `stream ${name}`,
      'full_refresh_stream and incremental_stream of a StateDelegatingStream must have its name.',
    )
  const retention = retentionOf(definition, builder)
  if (retention !== null) checkCursors(name, [full, incremental])
  const state = builder.stateOf(name)
  if (state === null || isEmpty(state)) return declarativeStream(full, builder)
  const stream = declarativeStream(incremental, builder)
  const isRead = builder.catalog === null || builder.catalog.has(name)
  if (retention === null || !isRead) return stream
  const moment =
    declarativeStream(full, builder).cursor.momentOf(state) ?? stream.cursor.momentOf(state)
  const cutoff = builder.environment.nowMicros() - retention
  if (moment !== null && moment >= cutoff) return stream
  builder.environment.logger.warn(
    { stream: name },
    'the state is older than the API keeps its data: the stream is read in full',
  )
  builder.emitState(name, {})
  return declarativeStream(full, builder.withState(name, {}))
}

/** How long the API stores its data, in microseconds; null if the manifest does not say. */
function retentionOf(definition: PlainDict, builder: Builder): number | null {
  const template = optionalText(definition, 'api_retention_period')
  if (template === undefined) return null
  const parameters = parametersOf(definition)
  const period = builder.templates.string(template, { parameters })({ config: builder.config })
  if (!truth(period)) return null
  const place = `api_retention_period of stream ${text(definition, 'name')}`
  const now = PyDateTime.ofEpochMicros(BigInt(builder.environment.nowMicros()))
  const start = arithmetic('-', now, durationAt(place, str(period), template))
  if (!(start instanceof PyDateTime)) return null
  return Number(now.epochMicros - start.epochMicros)
}

function checkCursors(name: string, streams: readonly PlainDict[]): void {
  for (const stream of streams) {
    const sync = optionalComponent(stream, 'incremental_sync')
    if (sync !== undefined && get(sync, 'type') === 'IncrementingCountCursor')
      throw invalidComponent(
        `api_retention_period of stream ${name}`,
        'the age of an IncrementingCountCursor is not known. Remove it, or use a DatetimeBasedCursor.',
      )
  }
}
