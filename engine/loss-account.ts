import type { LaneStats, Loss } from '../sinks/sink.ts'

/** Rows that a warning names, and characters of each key. */
const MAX_ROWS = 5
const MAX_KEY_LENGTH = 80

interface Kind {
  count: number
  /** Of the first one: why the record was rejected, or the field. */
  subject: string
  readonly keys: string[]
}

/** What the commits of a stream left out or changed: how much, why, and some of the rows. */
export class LossAccount {
  readonly #kinds: Readonly<Record<Loss['kind'], Kind>> = {
    rejected: noLoss(),
    nulled: noLoss(),
    cut: noLoss(),
  }

  add({ rejected, nulled, cut, losses }: LaneStats): void {
    this.#kinds.rejected.count += rejected
    this.#kinds.nulled.count += nulled
    this.#kinds.cut.count += cut
    for (const { kind, subject, key } of losses) {
      const known = this.#kinds[kind]
      if (known.subject === '') known.subject = storable(subject)
      if (key === undefined || known.keys.length >= MAX_ROWS || known.keys.includes(key)) continue
      known.keys.push(key)
    }
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

  /** Sentences for the user. `table` has all rejected records; undefined if it goes with its sandbox. */
  warnings(table: string | undefined): readonly string[] {
    const { rejected, nulled, cut } = this.#kinds
    const kept = table === undefined ? '' : `; ${table} has them all`
    return [
      ...sentence(rejected, {
        one: '1 record was rejected',
        many: 'records were rejected',
        first: (reason) => `: ${reason}${rowsOf(rejected)}${kept}`,
      }),
      ...sentence(nulled, {
        one: '1 value became NULL, because its column cannot hold it',
        many: 'values became NULL, because their columns cannot hold them',
        first: (field) => `: ${field}${rowsOf(nulled)}`,
      }),
      ...sentence(cut, {
        one: '1 value was shortened, because its column cannot hold all of it',
        many: 'values were shortened, because their columns cannot hold all of them',
        first: (field) => `: ${field}${rowsOf(cut)}`,
      }),
    ]
  }
}

function noLoss(): Kind {
  return { count: 0, subject: '', keys: [] }
}

function sentence(
  { count, subject }: Kind,
  words: {
    readonly one: string
    readonly many: string
    readonly first: (subject: string) => string
  },
): readonly string[] {
  if (count === 0) return []
  const total = count === 1 ? words.one : `${count.toLocaleString('en-US')} ${words.many}`
  return [`${total}${words.first(subject)}`]
}

/** The sources name fields, and a key may be cut inside a character: PostgreSQL stores neither U+0000 nor half a surrogate pair. */
function storable(text: string): string {
  return text.replaceAll('\0', '').toWellFormed()
}

/** ` (rows [1], [2] and others)`: the keys that are known. */
function rowsOf({ count, keys }: Kind): string {
  if (keys.length === 0) return ''
  const shown = keys.map((key) =>
    key.length > MAX_KEY_LENGTH ? storable(`${key.slice(0, MAX_KEY_LENGTH)}…`) : key,
  )
  const others = count > keys.length ? ' and others' : ''
  return ` (${shown.length === 1 && others === '' ? 'row' : 'rows'} ${shown.join(', ')}${others})`
}
