import type { Loss } from '../../sink.ts'

/** Maximum number that is named for a transaction; all are counted. */
const MAX_NAMED = 5

interface Counted {
  nulled: number
  cut: number
  readonly named: Loss[]
}

/**
 * The values that a transaction could not load as they came. What an open COPY loaded counts once it has
 * ended: rows of one that was refused are sent again.
 */
export class LoadLosses {
  #settled = none()
  #open = none()

  get nulled(): number {
    return this.#settled.nulled
  }

  get cut(): number {
    return this.#settled.cut
  }

  get named(): readonly Loss[] {
    return this.#settled.named
  }

  add(kind: 'nulled' | 'cut', field: string, keyOf: () => string | undefined): void {
    this.#open[kind] += 1
    if (this.#settled.named.length + this.#open.named.length >= MAX_NAMED) return
    const key = keyOf()
    this.#open.named.push({ kind, subject: field, ...(key !== undefined && { key }) })
  }

  /** The COPY has ended: its rows are in the transaction. */
  settle(): void {
    const { nulled, cut, named } = this.#open
    this.#settled.nulled += nulled
    this.#settled.cut += cut
    this.#settled.named.push(...named)
    this.#open = none()
  }

  /** The COPY was abandoned. */
  drop(): void {
    this.#open = none()
  }

  /** The transaction has ended. */
  clear(): void {
    this.#settled = none()
    this.#open = none()
  }
}

function none(): Counted {
  return { nulled: 0, cut: 0, named: [] }
}

/** A change of a value, as Airbyte's `_airbyte_meta` lists it. */
export interface Change {
  readonly field: string
  readonly change: 'NULLED' | 'TRUNCATED'
  readonly reason: 'DESTINATION_TYPECAST_ERROR' | 'DESTINATION_SERIALIZATION_ERROR'
}
