import type { Column, ColumnKind } from '../../protocol/index.ts'
import {
  columnTypeOf,
  widenedOwnType,
  type OwnType,
} from '../../sinks/postgres/tables/column-types.ts'
import { beginValue } from '../log/kafka/message-schemas.ts'
import { valueOf } from './message-value.ts'
import type { TopicMessage } from './rebuild-table.ts'

/** The columns of a table that is made of a topic, as the destination has them: each that a sync had, of a type that holds the values of all. */
export class TableColumns {
  readonly #topic: string
  /** The columns of each BEGIN, by sync. */
  readonly #begun = new Map<number, (readonly Column[])[]>()

  constructor(topic: string) {
    this.#topic = topic
  }

  take(message: TopicMessage): void {
    const { headers } = message
    if (headers.get('type') !== 'BEGIN') return
    const sync = Number(headers.get('sync'))
    const begun = this.#begun.get(sync) ?? []
    const { columns } = valueOf(beginValue, message, this.#topic)
    if (!begun.some((known) => isSame(known, columns))) begun.push(columns)
    this.#begun.set(sync, begun)
  }

  /**
   * The columns of a table that these syncs make, the oldest first. A column that the source has dropped
   * stays, and a type only gets wider.
   */
  columnsOf(syncs: readonly number[]): Column[] {
    const kinds = new Map<string, ColumnKind>()
    for (const sync of syncs)
      for (const { name, kind } of (this.#begun.get(sync) ?? []).flat())
        kinds.set(name, widened(kinds.get(name) ?? kind, kind))
    return [...kinds].map(([name, kind]) => ({ name, kind }))
  }
}

function isSame(one: readonly Column[], other: readonly Column[]): boolean {
  return (
    one.length === other.length &&
    one.every(({ name, kind }, index) => other[index]?.name === name && other[index].kind === kind)
  )
}

function widened(kind: ColumnKind, other: ColumnKind): ColumnKind {
  if (kind === other) return kind
  const type = columnTypeOf(kind)
  return kindOfType[widenedOwnType({ held: type, limited: false }, other) ?? type]
}

const kindOfType: Readonly<Record<OwnType, ColumnKind>> = {
  boolean: 'boolean',
  bigint: 'integer',
  numeric: 'number',
  text: 'string',
  date: 'date',
  timestamptz: 'timestamptz',
  timestamp: 'timestamp',
  timetz: 'timetz',
  time: 'time',
  bytea: 'bytes',
  jsonb: 'json',
}
