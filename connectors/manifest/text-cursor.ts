import { list, optionalText } from '../../manifest-interpreter/definition.ts'
import type { Manifest } from '../../manifest-interpreter/manifest/load-manifest.ts'
import { cursorFormats } from '../../manifest-interpreter/mistakes/stream-mistakes.ts'
import { isInOtherZone, textCursor } from '../../manifest-interpreter/manifest/text-order.ts'
import { get, isPlainDict } from '../../manifest-interpreter/value/dict.ts'
import type { Dict } from '../../manifest-interpreter/value/value.ts'
import { columnsOf } from '../../protocol/columns.ts'
import { cursorField, type ConfiguredAirbyteStream } from '../../protocol/index.ts'

/**
 * Warns, once, if the destination compares versions of a record in another order than that of their times: at
 * once, or with the first record that shows it. Returns an observer of the records; undefined if none is
 * needed.
 */
export function watchTextCursor(
  manifest: Manifest,
  configured: ConfiguredAirbyteStream,
  warn: (text: string) => void,
): ((records: readonly Dict[]) => void) | undefined {
  const field = comparedText(configured)
  if (field === undefined) return undefined
  const cursor = textCursor(field, formatsOf(manifest, configured.stream.name))
  if (cursor === undefined) return undefined
  if (!cursor.sortsInUtc) {
    warn(cursor.warning)
    return undefined
  }
  let hasWarned = false
  return (records) => {
    if (hasWarned) return
    hasWarned = records.some((record) => {
      const time = get(record, field)
      return typeof time === 'string' && isInOtherZone(time)
    })
    if (hasWarned) warn(cursor.warning)
  }
}

/** The field whose texts decide which version of a record stays. */
function comparedText(configured: ConfiguredAirbyteStream): string | undefined {
  const { stream, destination_sync_mode: mode } = configured
  const [name, ...path] = cursorField(configured) ?? []
  if (!mode.endsWith('_dedup') || name === undefined || path.length > 0) return undefined
  if (stream.is_cursor_ordered === true) return undefined
  const column = columnsOf(stream.json_schema).find((known) => known.name === name)
  return column?.kind === 'string' ? name : undefined
}

function formatsOf({ definition }: Manifest, streamName: string): readonly string[] {
  return list(definition, 'streams')
    .filter(isPlainDict)
    .flatMap((listed) => [listed, ...list(listed, 'streams').filter(isPlainDict)])
    .filter((listed) => optionalText(listed, 'name') === streamName)
    .flatMap(cursorFormats)
}
