import type { Conflict } from '../../../sinks/two-way/conflict.ts'
import type { SideName, Values } from '../../../sinks/two-way/link.ts'
import { textOf, type OnEdit, type Vendor } from './vendor.ts'

/**
 * Every value that somebody wrote and that nobody has replaced by hand. Each has a text of its own, so it can
 * be looked for: it is on one of the sides, or a conflict says that it lost.
 */
export class EditLedger {
  readonly #open = new Map<string, { readonly key: string; readonly field: string }>()

  created(values: Values): void {
    for (const [field, value] of Object.entries(values))
      if (field !== 'key') this.#add(value, { key: textOf(values.key), field })
  }

  edit({ key, field, before, value }: Parameters<OnEdit>[0]): void {
    if (typeof before === 'string') this.#open.delete(before.toLowerCase())
    this.#add(value, { key, field })
  }

  #add(value: unknown, place: { readonly key: string; readonly field: string }): void {
    if (typeof value === 'string' && /^(?:v|auto)/.test(value)) this.#open.set(value, place)
  }

  /** A person deleted a record that showed these values. */
  deleted(values: Values): void {
    for (const value of Object.values(values))
      if (typeof value === 'string') this.#open.delete(value.toLowerCase())
  }

  lost(
    vendors: Readonly<Record<SideName, Vendor>>,
    conflicts: Iterable<Conflict>,
  ): readonly string[] {
    const there = new Set<string>()
    for (const vendor of Object.values(vendors))
      for (const stream of vendor.streams.keys())
        for (const [, { values }] of vendor.present(stream))
          for (const value of Object.values(values))
            if (typeof value === 'string') there.add(value.toLowerCase())
    const missing = [...this.#open].filter(([value]) => !there.has(value))
    if (missing.length === 0) return []
    const recorded = JSON.stringify([...conflicts].map(({ a, b }) => [a, b])).toLowerCase()
    return missing
      .filter(([value]) => !recorded.includes(`"${value}"`))
      .map(([value, { key, field }]) => `${key}.${field}: the edit ${value} is lost`)
  }
}
