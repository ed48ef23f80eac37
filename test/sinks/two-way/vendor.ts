import type { Values, WriteOperation } from '../../../sinks/two-way/link.ts'
import { hasSameValues } from '../../../sinks/two-way/link.ts'
import type { SideRead } from '../../../sinks/two-way/side-change.ts'
import type { WriteResult } from '../../../sinks/two-way/apply-write.ts'

/** A vendor in memory, with all that makes two-way sync hard. Every state of a record is remembered. */
export interface VendorOptions {
  readonly prefix: string
  /** Reads show a state that is up to this old. */
  readonly lagMs: number
  /** Its clock is wrong by so much. */
  readonly skewMs: number
  /** It writes telephone numbers in capitals. */
  readonly rewrites: boolean
  /** The most edits that its automation makes, each after a write of ours. */
  readonly automations: number
  /** Versions grow. */
  readonly isOrdered: boolean
}

export interface RecordState {
  readonly fromMs: number
  readonly present: boolean
  readonly hidden: boolean
  readonly values: Values
  readonly version: number
  readonly modifiedAtMs: number
  readonly actor: 'user' | 'sync' | 'automation'
  readonly link: string | null
}

export interface VendorWrite {
  readonly operation: WriteOperation
  readonly link: string
  readonly record: string | null
  readonly values: Values
  readonly expected: { readonly values: Values } | null
}

/** Called when a person or an automation changes a field that showed `before`. */
export type OnEdit = (edit: {
  readonly key: string
  readonly field: string
  readonly before: unknown
  readonly value: unknown
}) => void

export class Vendor {
  readonly options: VendorOptions
  readonly streams = new Map<string, Map<string, RecordState[]>>()
  readonly #now: () => number
  readonly #random: () => number
  readonly onEdit: OnEdit
  #nextId = 1
  #version = 1
  #automations = 0
  writes = 0

  constructor(
    options: VendorOptions,
    clock: { readonly now: () => number; readonly random: () => number; readonly onEdit: OnEdit },
  ) {
    this.options = options
    this.#now = clock.now
    this.#random = clock.random
    this.onEdit = clock.onEdit
  }

  ids(stream: string): readonly string[] {
    return [...(this.streams.get(stream)?.keys() ?? [])]
  }

  current(stream: string, id: string): RecordState | undefined {
    return this.streams.get(stream)?.get(id)?.at(-1)
  }

  present(stream: string): readonly (readonly [string, RecordState])[] {
    return this.ids(stream).flatMap((id) => {
      const state = this.current(stream, id)
      return state?.present === true ? [[id, state] as const] : []
    })
  }

  create(stream: string, values: Values, change: Partial<RecordState> = {}): string {
    const id = `${this.options.prefix}${String(this.#nextId++)}`
    const records = this.streams.get(stream) ?? new Map<string, RecordState[]>()
    this.streams.set(stream, records.set(id, []))
    this.#put(stream, id, {
      values,
      present: true,
      hidden: false,
      actor: 'user',
      link: null,
      ...change,
    })
    return id
  }

  /** A person or an automation sets one field. */
  edit(stream: string, id: string, field: string, value: Values[string]): void {
    this.#editBy('user', { stream, id, field, value })
  }

  #editBy(
    actor: 'user' | 'automation',
    {
      stream,
      id,
      field,
      value,
    }: { stream: string; id: string; field: string; value: Values[string] },
  ): void {
    const before = this.current(stream, id)
    if (before?.present !== true) return
    const key = textOf(before.values.key)
    this.onEdit({ key, field, before: before.values[field] ?? null, value })
    this.#put(stream, id, {
      ...before,
      actor,
      values: this.#rewrite({ ...before.values, [field]: value }),
    })
  }

  /** Only the stamp moves. */
  touch(stream: string, id: string): void {
    const before = this.current(stream, id)
    if (before?.present === true) this.#put(stream, id, { ...before, actor: 'user' })
  }

  delete(stream: string, id: string): void {
    const before = this.current(stream, id)
    if (before?.present === true)
      this.#put(stream, id, { ...before, present: false, actor: 'user' })
  }

  undelete(stream: string, id: string): void {
    const before = this.current(stream, id)
    if (before?.present === false)
      this.#put(stream, id, { ...before, present: true, actor: 'user' })
  }

  setHidden(stream: string, id: string, hidden: boolean): void {
    const before = this.current(stream, id)
    if (before !== undefined) this.#put(stream, id, { ...before, hidden })
  }

  /** As a read shows it, perhaps late. */
  read(stream: string, id: string): SideRead {
    const shown = this.shown(stream, id)
    if (shown === undefined) return { found: 'deleted', deletedAtMs: null }
    if (!shown.present) return { found: 'deleted', deletedAtMs: shown.modifiedAtMs }
    if (shown.hidden) return { found: 'hidden' }
    const { values, modifiedAtMs } = shown
    return { found: 'present', id, values, version: String(shown.version), modifiedAtMs }
  }

  /** The state that a read shows now. */
  shown(stream: string, id: string): RecordState | undefined {
    const atMs = this.#now() - Math.floor(this.#random() * this.options.lagMs)
    return this.streams
      .get(stream)
      ?.get(id)
      ?.findLast(({ fromMs }) => fromMs <= atMs)
  }

  /** The record that carries a link; late, as all reads are. */
  findCarried(stream: string, link: string): string | undefined {
    return this.ids(stream).findLast((id) => {
      const state = this.shown(stream, id)
      return state?.present === true && state.link === link
    })
  }

  /** A write of ours: guarded, and at most one record carries a link. */
  write(stream: string, write: VendorWrite): WriteResult {
    this.writes += 1
    const { operation, record, link, expected } = write
    if (operation === 'create' || operation === 'restore') return this.#make(stream, write)
    const before = record === null ? undefined : this.current(stream, record)
    if (record === null || before?.present !== true) return { outcome: 'changed' }
    if (expected !== null && !hasSameValues(before.values, expected.values))
      return { outcome: 'changed' }
    if (operation === 'update')
      this.#put(stream, record, {
        ...{ ...before, actor: 'sync', link },
        values: this.#rewrite({ ...before.values, ...write.values }),
      })
    else this.#put(stream, record, { ...before, present: false, actor: 'sync' })
    const result = this.#applied(stream, record)
    if (operation === 'update') this.#automate(stream, record)
    return result
  }

  #make(stream: string, { operation, record, link, values }: VendorWrite): WriteResult {
    const carried = this.ids(stream).find((id) => {
      const state = this.current(stream, id)
      return state?.present === true && state.link === link
    })
    // An upsert by the external id: the same creation again finds the record.
    if (carried !== undefined) return { outcome: 'changed' }
    const old =
      operation === 'restore' && record !== null ? this.current(stream, record) : undefined
    if (old?.present === true) return { outcome: 'changed' }
    if (old !== undefined && record !== null) {
      const all = this.#rewrite({ ...old.values, ...values })
      this.#put(stream, record, { ...old, present: true, actor: 'sync', link, values: all })
      return this.#applied(stream, record)
    }
    const id = this.create(stream, this.#rewrite(values), { actor: 'sync', link })
    const result = this.#applied(stream, id)
    this.#automate(stream, id)
    return result
  }

  #applied(stream: string, id: string): WriteResult {
    const { values = {}, version = 0 } = this.current(stream, id) ?? {}
    return { outcome: 'applied', id, values, version: String(version) }
  }

  #rewrite(values: Values): Values {
    const { phone } = values
    if (!this.options.rewrites || typeof phone !== 'string') return values
    return { ...values, phone: phone.toUpperCase() }
  }

  /** A moment after our write, under our user. */
  #automate(stream: string, id: string): void {
    if (stream !== 'contact' || this.#automations >= this.options.automations) return
    this.#automations += 1
    const value = `auto-${this.options.prefix}${String(this.#automations)}`
    this.#editBy('automation', { stream, id, field: 'stage', value })
  }

  #put(
    stream: string,
    id: string,
    state: Omit<RecordState, 'fromMs' | 'version' | 'modifiedAtMs'>,
  ): void {
    const { values, present, hidden, actor, link } = state
    const modifiedAtMs = this.#now() + this.options.skewMs
    this.streams
      .get(stream)
      ?.get(id)
      ?.push({
        ...{ values, present, hidden, actor, link, modifiedAtMs },
        ...{ fromMs: this.#now(), version: this.#version++ },
      })
  }
}

/** A key is a text. */
export function textOf(value: Values[string] | undefined): string {
  return typeof value === 'string' ? value : JSON.stringify(value ?? null)
}
