import { heldSides } from '../../../sinks/two-way/delete-guard.ts'
import {
  otherSide,
  valueOf,
  wholeRecord,
  type Link,
  type SideName,
  type Values,
  type WriteOperation,
} from '../../../sinks/two-way/link.ts'
import type { RuleName } from '../../../sinks/two-way/conflict-rules.ts'
import type { Conflict } from '../../../sinks/two-way/conflict.ts'
import { linkOfReference } from '../../../sinks/two-way/references.ts'
import { isJsonObject, own, type JsonValue } from '../../../protocol/index.ts'
import type { LinkStore } from '../link-store.ts'
import type { Sides } from '../pair-side.ts'
import type { PairStream, StreamCounts, SyncContext } from '../pair-types.ts'
import { syncPair } from '../sync-pair.ts'
import { isNewRecord, PreviewSide } from './preview-side.ts'
import { PreviewStore, type RecordedWrite } from './preview-store.ts'

/** A round of a pair that writes nothing: all that it would write, and why. Read this first. */
export interface PairPreview {
  readonly streams: readonly StreamPreview[]
  readonly isStopped: boolean
}

export interface StreamPreview {
  readonly name: string
  /** Nothing of it is linked yet: the first alignment. */
  readonly isFirst: boolean
  readonly counts: StreamCounts
  readonly changes: readonly PlannedChange[]
  readonly conflicts: readonly PlannedConflict[]
  readonly ambiguous: readonly { readonly side: SideName; readonly record: string }[]
  /** Sides that would lose more records than the limit allows: a run without the token holds these. */
  readonly heldDeletes: readonly SideName[]
}

export interface PlannedChange {
  readonly side: SideName
  readonly operation: WriteOperation
  /** Null: a record that is created. */
  readonly record: string | null
  /** The record of the other side; null: it is gone. */
  readonly from: string | null
  readonly fields: readonly {
    readonly field: string
    readonly before: JsonValue
    readonly after: JsonValue
  }[]
}

export interface PlannedConflict {
  readonly records: Readonly<Record<SideName, string | null>>
  /** Null: a deletion against an edit. */
  readonly field: string | null
  readonly rule: RuleName
  /** Null: it waits for a person. */
  readonly winner: SideName | null
  /** For a whole record all of its fields, or null for the side that deleted it. */
  readonly values: Readonly<Record<SideName, JsonValue>>
}

/**
 * Plans a round with the code that a run uses. Deletions above the limit are planned too: the token of the
 * preview allows them.
 * @param store on temporary tables
 */
export async function previewPair(
  context: SyncContext & { readonly sides: Sides; readonly store: LinkStore },
): Promise<PairPreview> {
  const { sides, streams, options } = context
  const store = new PreviewStore(context.store)
  const before = new Map<string, { readonly linked: number; readonly isFirst: boolean }>()
  for (const { name } of streams)
    before.set(name, {
      linked: await store.countLinked(name),
      isFirst: await isFirstAlignment(name, store),
    })
  const now = (): number => context.now()
  const report = await syncPair(
    {
      ...context,
      store,
      sides: { a: new PreviewSide(sides.a, now), b: new PreviewSide(sides.b, now) },
      options: { ...options, allowsDeletes: true },
      newId: () => context.newId(),
      now,
    },
    { finds: 'sweep' },
  )
  const texts = await ReferenceTexts.load(store)
  return {
    isStopped: report.isStopped,
    streams: streams.map(({ name }) => {
      const counts = report.streams.get(name)
      if (counts === undefined) throw new TypeError(`the preview has no counts of ${name}`)
      const changes = [...store.writes.values()]
        .filter(({ link }) => link.stream === name)
        .map((write) => plannedChange(write, texts))
      const { linked = 0, isFirst = true } = before.get(name) ?? {}
      return {
        ...{ name, isFirst, counts, changes },
        conflicts: [...store.conflicts.values()]
          .filter(({ stream }) => stream === name)
          .map((conflict) => texts.conflict(conflict)),
        ambiguous: [...store.links.values()].flatMap((link) => ambiguousRecords(link, name)),
        heldDeletes: heldSides(deletesIn(changes), linked, options.deleteLimit),
      }
    }),
  }
}

/** Whether no record of a stream has a link yet. */
export async function isFirstAlignment(
  stream: PairStream['name'],
  store: LinkStore,
): Promise<boolean> {
  const page = { after: '', limit: 1 }
  const found = [await store.scan(stream, 'a', page), await store.scan(stream, 'b', page)]
  return found.every(({ length }) => length === 0)
}

function deletesIn(changes: readonly PlannedChange[]): Readonly<Record<SideName, number>> {
  const count = { a: 0, b: 0 }
  for (const { side, operation } of changes)
    if (operation === 'delete' || operation === 'mark_deleted') count[side] += 1
  return count
}

function ambiguousRecords(link: Link, stream: string): StreamPreview['ambiguous'] {
  if (link.stream !== stream || link.status !== 'ambiguous') return []
  return (['a', 'b'] as const).flatMap((side) =>
    link[side].id === null ? [] : [{ side, record: link[side].id }],
  )
}

function plannedChange({ entry, link }: RecordedWrite, texts: ReferenceTexts): PlannedChange {
  const { side, operation, values, before } = entry
  const { id } = link[side]
  const source = link[otherSide(side)]
  return {
    ...{ side, operation },
    record: id === null || isNewRecord(id) ? null : id,
    from: source.presence === 'present' && source.id !== null ? source.id : null,
    fields: Object.keys(values)
      .toSorted()
      .map((field) => ({
        field,
        before: texts.shown(valueOf(before ?? {}, field), side),
        after: texts.shown(valueOf(values, field), side),
      })),
  }
}

/** References as ids of records, instead of links. */
class ReferenceTexts {
  readonly #links: ReadonlyMap<string, Link>

  constructor(links: ReadonlyMap<string, Link>) {
    this.#links = links
  }

  static async load(store: PreviewStore): Promise<ReferenceTexts> {
    const ids = new Set<string>()
    const add = (value: JsonValue): void => {
      const id = linkOfReference(value)
      if (id !== null) ids.add(id)
      else if (isJsonObject(value)) Object.values(value).forEach(add)
    }
    for (const { entry } of store.writes.values())
      for (const values of [entry.values, entry.before ?? {}]) Object.values(values).forEach(add)
    for (const conflict of store.conflicts.values()) {
      ids.add(conflict.link)
      add(conflict.a)
      add(conflict.b)
    }
    const found = await store.findLinks([...ids])
    return new ReferenceTexts(new Map(found.map(({ link }) => [link.id, link])))
  }

  conflict({ link, field, rule, winner, a, b }: Conflict): PlannedConflict {
    const sides = this.#links.get(link)
    const isWhole = field === wholeRecord
    const text = (value: JsonValue, side: SideName): JsonValue =>
      isWhole && isJsonObject(value) ? this.#record(value, side) : this.shown(value, side)
    return {
      records: { a: sides?.a.id ?? null, b: sides?.b.id ?? null },
      field: isWhole ? null : field,
      ...{ rule, winner, values: { a: text(a, 'a'), b: text(b, 'b') } },
    }
  }

  #record(values: Values, side: SideName): JsonValue {
    return Object.fromEntries(
      Object.entries(values).map(([name, value]) => [name, this.shown(value, side)]),
    )
  }

  /** A record that the preview creates has no id yet: that of the other side stands for it. */
  shown(value: JsonValue, side: SideName): JsonValue {
    const link = linkOfReference(value)
    if (link === null)
      return isJsonObject(value) && own(value, 'unlinked') !== undefined
        ? (own(value, 'unlinked') ?? null)
        : value
    const target = this.#links.get(link)
    const id = target?.[side].id ?? null
    if (target === undefined || (id !== null && !isNewRecord(id))) return id
    const other = otherSide(side)
    return `the new ${target.stream} of ${other} ${target[other].id ?? ''}`
  }
}
