import type { Column } from '../../protocol/index.ts'
import type { WireRecord } from '../topic/rows/wire-record.ts'
import type { PartitionBy } from './file-options.ts'

/** Hive's name for rows without a value. */
const noValue = '__HIVE_DEFAULT_PARTITION__'
/** Names of folders have at most 255 bytes. */
const maxValueBytes = 180
/** Folders of values that are remembered. */
const mostKnown = 10_000

/** Finds the folder of Hive that a row belongs to: `country=DE`; empty: the folder of the stream. */
export type FindFolder = (record: WireRecord) => string

/** `now`: the time of loading. */
export function partitionFolders(
  by: PartitionBy | undefined,
  columns: readonly Column[],
  now: () => Date,
): FindFolder {
  if (by === undefined) return () => ''
  if (typeof by === 'string') return () => timeFolder(by, now())
  const index = columns.findIndex(({ name }) => name === by.column)
  const known = new Map<string, string>()
  return (record) => {
    const json = index === -1 ? 'null' : record.json([index]).slice(1, -1)
    const found = known.get(json)
    if (found !== undefined) return found
    const folder = valueFolder(by, json)
    if (known.size >= mostKnown) known.clear()
    known.set(json, folder)
    return folder
  }
}

function timeFolder(by: 'load_date' | 'load_hour', now: Date): string {
  const text = now.toISOString()
  const date = `load_date=${text.slice(0, 10)}`
  return by === 'load_date' ? date : `${date}/load_hour=${text.slice(11, 13)}`
}

function valueFolder(
  { column, by }: Extract<PartitionBy, { readonly column: string }>,
  json: string,
): string {
  const text = json.startsWith('"') ? String(JSON.parse(json)) : json
  const name = escaped(column)
  if (by !== undefined) {
    const [, date, hour = '00'] = /^(\d{4}-\d\d-\d\d)(?:T(\d\d))?/.exec(text) ?? []
    const day = `${name}_date=${date ?? noValue}`
    if (by === 'date') return day
    return `${day}/${name}_hour=${date === undefined ? noValue : hour}`
  }
  const isNone = json === 'null' || text === '' || Buffer.byteLength(escaped(text)) > maxValueBytes
  return `${name}=${isNone ? noValue : escaped(text)}`
}

/** As Hive escapes names, and all that is no printable ASCII: Spark, DuckDB and Athena undo it. */
function escaped(text: string): string {
  return text.replaceAll(/[^A-Za-z0-9_.,;@!$&()+\-~<> ]|^[._]/g, (letters) =>
    [...Buffer.from(letters)]
      .map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`)
      .join(''),
  )
}
