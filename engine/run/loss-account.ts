import type { CommittedCounts, LaneStats, Loss } from '../../sinks/sink.ts'
import { noCounts } from '../../sinks/committed-counts.ts'

/** Rows that a warning names, and characters of each key. */
const MAX_ROWS = 5
const MAX_KEY_LENGTH = 80

interface Kind {
  count: number
  /** The subject of the first loss: why the record was rejected, or the field. */
  subject: string
  readonly keys: string[]
}

/** The losses of a stream's commits, left out or changed: how much, why, and some of the rows. */
export class LossAccount {
  readonly #kinds: Readonly<Record<Loss['kind'], Kind>> = {
    rejected: noLoss(),
    nulled: noLoss(),
    cut: noLoss(),
  }

  #deleted = 0

  add({ rejected, nulled, cut, deleted, losses }: LaneStats): void {
    this.#kinds.rejected.count += rejected
    this.#kinds.nulled.count += nulled
    this.#kinds.cut.count += cut
    this.#deleted += deleted
    for (const { kind, subject, key } of losses) {
      const known = this.#kinds[kind]
      if (known.subject === '') known.subject = storable(subject)
      if (key === undefined || known.keys.length >= MAX_ROWS || known.keys.includes(key)) continue
      known.keys.push(key)
    }
  }

  /** To what was committed, if that is more than what was heard of it: no row is known of the rest. */
  raise({ rejected, nulled, cut }: Omit<CommittedCounts, 'loaded'>): void {
    const kinds = this.#kinds
    kinds.rejected.count = Math.max(kinds.rejected.count, rejected)
    kinds.nulled.count = Math.max(kinds.nulled.count, nulled)
    kinds.cut.count = Math.max(kinds.cut.count, cut)
  }

  get rejected(): number {
    return this.#kinds.rejected.count
  }

  get nulled(): number {
    return this.#kinds.nulled.count
  }

  get cut(): number {
    return this.#kinds.cut.count
  }

  /**
   * Sentences for the user, with the keys of some rows. `table` has all rejected records; undefined if it
   * goes with its sandbox. `before` is what earlier starts of the run lost: it is in the totals, but only the
   * destination knows which rows these are.
   */
  warnings(table: string | undefined, before: CommittedCounts = noCounts): readonly string[] {
    const { rejected, nulled, cut } = this.#kinds
    const note = '; `_airbyte_meta` of each row names them'
    return [
      ...sentence(rejected, before.rejected, {
        singular: '1 record was rejected',
        plural: 'records were rejected',
        where: table === undefined ? '' : `; ${table} has them all`,
      }),
      ...sentence(nulled, before.nulled, {
        singular: '1 value became NULL',
        plural: 'values became NULL',
        becauseOne: ', because its column cannot hold it',
        becauseMany: ', because their columns cannot hold them',
        where: before.nulled > 0 ? note : '',
      }),
      ...sentence(cut, before.cut, {
        singular: '1 value was shortened',
        plural: 'values were shortened',
        becauseOne: ', because its column cannot hold all of it',
        becauseMany: ', because their columns cannot hold all of them',
        where: before.cut > 0 ? note : '',
      }),
      ...deletedRows(this.#deleted),
    ]
  }
}

/** Any table may have a column of this name, such as one that another tool loaded. */
function deletedRows(count: number): readonly string[] {
  if (count === 0) return []
  const rows =
    count === 1
      ? '1 row that was read has a value in it, and was loaded as a deletion'
      : `${shownCount(count)} rows that were read have a value in it, and were loaded as deletions`
  return [
    `Column _ab_cdc_deleted_at marks deleted rows: ${rows}. To keep such rows, set \`deletes: soft\`, or leave the column out of \`columns\`.`,
  ]
}

function noLoss(): Kind {
  return { count: 0, subject: '', keys: [] }
}

interface LossWords {
  readonly singular: string
  readonly plural: string
  readonly becauseOne?: string
  readonly becauseMany?: string
  readonly where: string
}

function sentence(kind: Kind, before: number, words: LossWords): readonly string[] {
  const total = kind.count + before
  if (total === 0) return []
  const { singular, plural, becauseOne = '', becauseMany = '', where } = words
  const what = total === 1 ? singular : `${shownCount(total)} ${plural}`
  const because = total === 1 ? becauseOne : becauseMany
  const first = kind.subject === '' ? '' : `: ${kind.subject}${rowsOf(kind.keys, total)}`
  return [`${what}${earlierPart(kind.count, before)}${because}${first}${where}`]
}

function earlierPart(now: number, before: number): string {
  if (before === 0) return ''
  const when = 'in an earlier start'
  return now === 0 ? ` ${when}` : `, ${shownCount(before)} of them ${when}`
}

function shownCount(count: number): string {
  return count.toLocaleString('en-US')
}

/**
 * The sources name fields, and a key may be cut inside a character: PostgreSQL stores neither U+0000 nor half
 * a surrogate pair.
 */
function storable(text: string): string {
  return text.replaceAll('\0', '').toWellFormed()
}

/** ` (rows [1], [2] and others)`: the keys that are known. */
function rowsOf(keys: readonly string[], total: number): string {
  if (keys.length === 0) return ''
  const shown = keys.map((key) =>
    key.length > MAX_KEY_LENGTH ? storable(`${key.slice(0, MAX_KEY_LENGTH)}…`) : key,
  )
  const others = total > keys.length ? ' and others' : ''
  return ` (${shown.length === 1 && others === '' ? 'row' : 'rows'} ${shown.join(', ')}${others})`
}
