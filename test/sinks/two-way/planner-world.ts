import { applyWrite, settleWrite, type WriteResult } from '../../../sinks/two-way/apply-write.ts'
import type { Conflict } from '../../../sinks/two-way/conflict.ts'
import type { RuleName } from '../../../sinks/two-way/conflict-rules.ts'
import { decideLink } from '../../../sinks/two-way/decide-link.ts'
import type { DecideContext, Decision, DeletePolicy } from '../../../sinks/two-way/decision.ts'
import {
  newLink,
  valueOf,
  type Link,
  type PendingWrite,
  type SideName,
  type Values,
} from '../../../sinks/two-way/link.ts'
import {
  linkOfReference,
  linkReference,
  referencedId,
  unlinkedReference,
} from '../../../sinks/two-way/references.ts'
import type { SideRead } from '../../../sinks/two-way/side-change.ts'
import { seededRandom } from '../../support/random.ts'
import { EditLedger } from './edit-ledger.ts'
import { textOf, Vendor, type RecordState, type VendorWrite } from './vendor.ts'

/** The functions under test. A known wrong design replaces some of them. */
export interface Planner {
  decide(
    link: Link,
    reads: { readonly a: SideRead; readonly b: SideRead },
    context: DecideContext,
    actors: Readonly<Record<SideName, RecordState['actor'] | undefined>>,
  ): Decision
  readonly apply: typeof applyWrite
  readonly settle: typeof settleWrite
  readonly translates: boolean
}

export const planner: Planner = {
  decide: (link, reads, context) => decideLink(link, reads, context),
  apply: applyWrite,
  settle: settleWrite,
  translates: true,
}

export const streams = {
  account: [{ name: 'key' }, { name: 'name' }, { name: 'parent', isReference: true }],
  contact: [
    { name: 'key' },
    { name: 'name' },
    { name: 'phone' },
    { name: 'stage' },
    { name: 'account', isReference: true },
  ],
} as const
export type StreamName = keyof typeof streams
export const streamNames = ['account', 'contact'] as const
const sideNames = ['a', 'b'] as const
const editable = { account: ['name'], contact: ['name', 'phone', 'stage'] } as const
const referring = { account: 'parent', contact: 'account' } as const

export interface WorldOptions {
  readonly seed: number
  readonly planner: Planner
  readonly steps: number
}

/** A history: two vendors, people who edit on both sides, and the planner between them. */
export class PlannerWorld {
  readonly random: () => number
  nowMs = 1_700_000_000_000
  readonly links = new Map<string, Link>()
  readonly conflicts = new Map<string, Conflict>()
  readonly vendors: Readonly<Record<SideName, Vendor>>
  readonly ledger: EditLedger
  readonly rules: RuleName
  readonly fieldRule: RuleName
  readonly deletes: DeletePolicy
  readonly #planner: Planner
  readonly #decided = new Map<string, SideName>()
  readonly #arriving: { readonly dueMs: number; readonly arrive: () => void }[] = []
  readonly lagMs: number
  hasFaults = true
  #ids = 0
  #values = 0
  writes = 0

  constructor({ seed, planner }: WorldOptions) {
    this.random = seededRandom(seed)
    this.#planner = planner
    this.lagMs = this.chance(0.4) ? 5_000 : 0
    this.rules = this.pick(['last_write_wins', 'source_of_truth_a', 'source_of_truth_b', 'review'])
    this.fieldRule = this.pick(['source_of_truth_b', 'review', 'last_write_wins'])
    this.deletes = this.pick(['propagate', 'propagate', 'soft', 'unlink', 'ignore'])
    this.ledger = new EditLedger()
    const vendor = (prefix: string, more: { rewrites: boolean; automations: number }): Vendor =>
      new Vendor(
        {
          ...{ prefix, ...more, lagMs: this.lagMs, isOrdered: this.chance(0.3) },
          skewMs: this.chance(0.3) ? 40_000 : 0,
        },
        {
          now: () => this.nowMs,
          random: this.random,
          onEdit: (edit) => {
            this.ledger.edit(edit)
          },
        },
      )
    this.vendors = {
      a: vendor('a', { rewrites: false, automations: 0 }),
      b: vendor('b', { rewrites: this.chance(0.5), automations: this.chance(0.5) ? 4 : 0 }),
    }
  }

  chance(share: number): boolean {
    return this.random() < share
  }

  pick<const Item>(items: readonly Item[]): Item {
    const item = items[Math.floor(this.random() * items.length)]
    if (item === undefined) throw new RangeError('nothing to pick from')
    return item
  }

  /** A person does something on one of the sides. */
  act(): void {
    const vendor = this.vendors[this.pick(sideNames)]
    const stream = this.pick(streamNames)
    const records = vendor.present(stream)
    const dice = this.random()
    if (records.length === 0 || dice < 0.15) {
      if (records.length < 5) this.#create(vendor, stream)
      return
    }
    const [id, state] = this.pick(records)
    if (dice < 0.65) this.#edit(vendor, stream, id)
    else if (dice < 0.75) this.#refer(vendor, stream, id)
    else if (dice < 0.8) vendor.touch(stream, id)
    else if (dice < 0.85) vendor.setHidden(stream, id, !state.hidden)
    else if (dice < 0.92) {
      this.ledger.deleted(state.values)
      vendor.delete(stream, id)
    } else this.#undelete(vendor, stream)
  }

  #create(vendor: Vendor, stream: StreamName): void {
    const values: Values = { key: `k${String(this.#values++)}`, name: this.#newValue() }
    this.ledger.created(values)
    vendor.create(stream, values)
  }

  #newValue(): string {
    return `v${String(this.#values++)}`
  }

  #edit(vendor: Vendor, stream: StreamName, id: string): void {
    const field = this.pick(editable[stream])
    vendor.edit(stream, id, field, this.chance(0.1) ? null : this.#newValue())
  }

  #refer(vendor: Vendor, stream: StreamName, id: string): void {
    const targets = vendor.present('account')
    if (targets.length === 0) return
    vendor.edit(stream, id, referring[stream], this.pick(targets)[0])
  }

  #undelete(vendor: Vendor, stream: StreamName): void {
    const gone = vendor.ids(stream).filter((id) => vendor.current(stream, id)?.present === false)
    if (gone.length === 0) return
    const id = this.pick(gone)
    const key = vendor.current(stream, id)?.values.key
    // Nobody brings back a record that was made again in the meantime.
    if (vendor.present(stream).some(([, { values }]) => values.key === key)) return
    vendor.undelete(stream, id)
  }

  /** A person decides an open conflict. */
  decideReview(): void {
    const open = [...this.links.values()].flatMap((link) =>
      Object.keys(link.reviews).map((field) => [link.id, field] as const),
    )
    if (open.length === 0) return
    const [link, field] = this.pick(open)
    this.#decided.set(`${link} ${field}`, this.pick(sideNames))
  }

  /** Requests that were late arrive at their own time. */
  advance(ms: number): void {
    const untilMs = this.nowMs + ms
    const due = this.#arriving.filter(({ dueMs }) => dueMs <= untilMs)
    for (const request of due.toSorted((left, right) => left.dueMs - right.dueMs)) {
      this.#arriving.splice(this.#arriving.indexOf(request), 1)
      this.nowMs = request.dueMs
      request.arrive()
    }
    this.nowMs = untilMs
  }

  /** A round over all records. May end anywhere, as if the process had died. */
  round(): void {
    for (const stream of streamNames) {
      for (const link of this.#linksOf(stream)) this.#settle(link)
      for (const side of sideNames) this.#linkNew(stream, side)
      for (const link of this.#linksOf(stream)) if (!this.#work(link.id)) return
    }
    for (const link of [...this.links.values()]) if (!this.#work(link.id)) return
  }

  #linksOf(stream: StreamName): readonly Link[] {
    return [...this.links.values()].filter((link) => link.stream === stream)
  }

  #linkNew(stream: StreamName, side: SideName): void {
    const vendor = this.vendors[side]
    const links = this.#linksOf(stream)
    if (links.some((link) => ['create', 'restore'].includes(link[side].write?.operation ?? '')))
      return
    const known = new Set(links.map((link) => link[side].id))
    for (const id of vendor.ids(stream)) {
      if (known.has(id)) continue
      const shown = vendor.shown(stream, id)
      if (shown?.present !== true || shown.hidden) continue
      const carried = shown.link === null ? undefined : this.links.get(shown.link)
      if (carried !== undefined && this.#planner === planner) {
        this.links.set(carried.id, { ...carried, [side]: { ...carried[side], id } })
        continue
      }
      const link = `L${String(this.#ids++)}`
      const ids = side === 'a' ? { a: id, b: null } : { a: null, b: id }
      this.links.set(link, newLink(link, stream, ids))
    }
  }

  #read(link: Link, side: SideName): SideRead {
    const { id } = link[side]
    const stream = streamOf(link)
    const vendor = this.vendors[side]
    if (id === null) return { found: 'never' }
    if (this.hasFaults && this.chance(0.03)) return { found: 'unread' }
    const read = vendor.read(stream, id)
    return read.found === 'present'
      ? { ...read, values: this.#toShared(side, stream, read.values) }
      : read
  }

  #toShared(side: SideName, stream: StreamName, values: Values): Values {
    const field = referring[stream]
    const id = values[field]
    if (typeof id !== 'string' || !this.#planner.translates) return values
    const target = [...this.links.values()].find(
      (link) => link.stream === 'account' && link[side].id === id,
    )
    const shared = target === undefined ? unlinkedReference(side, id) : linkReference(target.id)
    return { ...values, [field]: shared }
  }

  #toSide(side: SideName, stream: StreamName, values: Values): Values {
    const field = referring[stream]
    const value = values[field]
    if (typeof value !== 'object' || value === null || !this.#planner.translates) return values
    const unlinked =
      'unlinked' in value && typeof value.unlinked === 'string' ? value.unlinked : null
    const link = linkOfReference(value)
    const id =
      link === null
        ? unlinked
        : (referencedId(value, side, (name) => this.links.get(name)) ??
          this.links.get(link)?.[side].id ??
          null)
    return { ...values, [field]: id }
  }

  #context(link: Link): DecideContext {
    const facts = (side: SideName): DecideContext['a'] => ({
      compareVersions: this.vendors[side].options.isOrdered
        ? (left, right) => Number(left) - Number(right)
        : null,
      lagMs: this.lagMs,
      mayCreate: true,
    })
    const fields: DecideContext['fields'] = this.#planner.translates
      ? streams[streamOf(link)]
      : streams[streamOf(link)].map(({ name }) => ({ name }))
    return {
      fields,
      rules: { rule: this.rules, fields: { phone: this.fieldRule } },
      deletes: this.deletes,
      a: facts('a'),
      b: facts('b'),
      skewToleranceMs: 1_000,
      loopLimit: { writes: 1_000, windowMs: 3_600_000 },
      decided: Object.fromEntries(
        [...this.#decided].flatMap(([name, side]) =>
          name.startsWith(`${link.id} `) ? [[name.slice(link.id.length + 1), side] as const] : [],
        ),
      ),
      nowMs: this.nowMs,
      newId: () => `w${String(this.#ids++)}`,
      findLink: (id) => this.links.get(id),
    }
  }

  #settle(link: Link): void {
    for (const side of sideNames) {
      const current = this.links.get(link.id) ?? link
      const { write } = current[side]
      if (write === null) continue
      const carried =
        write.operation === 'create'
          ? this.vendors[side].findCarried(streamOf(link), link.id)
          : current[side].id
      const read: SideRead =
        carried === undefined || carried === null
          ? { found: 'never' }
          : this.#read({ ...current, [side]: { ...current[side], id: carried } }, side)
      const settled = this.#planner.settle(current, side, read, {
        ...this.#times(),
        settleMs: this.lagMs + settleMs,
      })
      this.links.set(link.id, settled.link)
      if (settled.isSettled && !settled.isApplied && !settled.isUnclear) this.#withdraw(write.id)
    }
  }

  #times(): { readonly nowMs: number; readonly lagMs: Readonly<Record<SideName, number>> } {
    return { nowMs: this.nowMs, lagMs: { a: this.lagMs, b: this.lagMs } }
  }

  /** False: the process died. */
  #work(id: string): boolean {
    const link = this.links.get(id)
    if (link === undefined) return true
    const reads = { a: this.#read(link, 'a'), b: this.#read(link, 'b') }
    const actors = { a: this.#actorOf(link, 'a'), b: this.#actorOf(link, 'b') }
    const decision = this.#planner.decide(link, reads, this.#context(link), actors)
    this.links.set(id, decision.link)
    for (const conflict of decision.conflicts) {
      this.conflicts.set(conflict.id, conflict)
      if (conflict.winner !== null) this.#decided.delete(`${id} ${conflict.field}`)
    }
    if (this.#dies()) return false
    for (const { side, write } of decision.writes) {
      if (this.hasFaults && this.chance(0.1)) this.act()
      const result = this.#send(decision.link, side, write)
      if (this.#dies()) return false
      if (result !== undefined) this.#note(this.links.get(id) ?? link, { side, write, result })
    }
    return true
  }

  #note(
    link: Link,
    {
      side,
      write,
      result,
    }: {
      readonly side: SideName
      readonly write: PendingWrite
      readonly result: WriteResult
    },
  ): void {
    const shared =
      result.outcome === 'applied'
        ? { ...result, values: this.#toShared(side, streamOf(link), result.values) }
        : result
    const next = this.#planner.apply(link, side, shared, this.#times())
    this.links.set(link.id, next.link)
    if (!next.isApplied) this.#withdraw(write.id)
  }

  #actorOf(link: Link, side: SideName): RecordState['actor'] | undefined {
    const { id } = link[side]
    return id === null ? undefined : this.vendors[side].current(streamOf(link), id)?.actor
  }

  #dies(): boolean {
    return this.hasFaults && this.chance(0.02)
  }

  #withdraw(write: string): void {
    for (const conflict of this.conflicts.values())
      if (conflict.write === write) this.conflicts.delete(conflict.id)
  }

  /** Undefined: the result is lost. */
  #send(link: Link, side: SideName, write: PendingWrite): WriteResult | undefined {
    const stream = streamOf(link)
    const request: VendorWrite = {
      ...{ operation: write.operation, link: link.id, record: link[side].id },
      values: this.#toSide(side, stream, write.values),
      expected: write.expected && { values: this.#toSide(side, stream, write.expected.values) },
    }
    this.writes += 1
    const vendor = this.vendors[side]
    if (!this.hasFaults || this.chance(0.85)) return vendor.write(stream, request)
    const fault = this.random()
    if (fault < 0.3) return undefined
    if (fault < 0.7) {
      vendor.write(stream, request)
      return undefined
    }
    const dueMs = this.nowMs + Math.floor(this.random() * settleMs)
    this.#arriving.push({ dueMs, arrive: () => vendor.write(stream, request) })
    return undefined
  }

  /** Violations that may never be seen, at any moment. */
  violations(): readonly string[] {
    return [
      ...this.#doubled(),
      ...this.#strangeReferences(),
      ...this.ledger.lost(this.vendors, this.conflicts.values()),
    ]
  }

  /** A reference is an id of its own side: that of the other one leads nowhere, or to a stranger. */
  #strangeReferences(): readonly string[] {
    return sideNames.flatMap((side) => {
      const vendor = this.vendors[side]
      const own = new Set(vendor.ids('account'))
      return streamNames.flatMap((stream) =>
        vendor.present(stream).flatMap(([id, { values }]) => {
          const target = values[referring[stream]] ?? null
          return target === null || (typeof target === 'string' && own.has(target))
            ? []
            : [`${stream} ${id} refers to ${JSON.stringify(target)}, no account of side ${side}`]
        }),
      )
    })
  }

  #doubled(): readonly string[] {
    return sideNames.flatMap((side) =>
      streamNames.flatMap((stream) => {
        const keys = this.vendors[side].present(stream).map(([, { values }]) => textOf(values.key))
        const twice = keys.filter((key, index) => keys.indexOf(key) !== index)
        return twice.map((key) => `${stream} ${key} is there twice on side ${side}`)
      }),
    )
  }

  /** Differences once nothing happens any more. */
  differences(): readonly string[] {
    return [...this.links.values()].flatMap((link) => this.#differencesOf(link))
  }

  #differencesOf(link: Link): readonly string[] {
    if (link.status !== 'linked' || '' in link.reviews) return []
    const stream = streamOf(link)
    const states = { a: this.#stateOf(link, 'a'), b: this.#stateOf(link, 'b') }
    if (states.a?.hidden === true || states.b?.hidden === true) return []
    if (states.a?.present !== true || states.b?.present !== true)
      return this.#isOnOneSide(states.a, states.b)
        ? [
            `${link.id} (${stream}) is only on one side: a ${stateText(states.a)}, b ${stateText(states.b)}`,
          ]
        : []
    return this.#differingFields(link, states.a, states.b)
  }

  /** Although its deletion should have been carried. */
  #isOnOneSide(a: RecordState | undefined, b: RecordState | undefined): boolean {
    const isCarried = this.deletes === 'propagate' || this.deletes === 'soft'
    return isCarried && (a?.present ?? false) !== (b?.present ?? false)
  }

  #differingFields(link: Link, a: RecordState, b: RecordState): readonly string[] {
    const stream = streamOf(link)
    const shared = {
      a: this.#toShared('a', stream, a.values),
      b: this.#toShared('b', stream, b.values),
    }
    return streams[stream].flatMap(({ name }) => {
      if (name in link.reviews) return []
      const [left, right] = [valueOf(shared.a, name), valueOf(shared.b, name)]
      if (this.#isDangling(left) || this.#isDangling(right)) return []
      const texts = [JSON.stringify(left), JSON.stringify(right)]
      return texts[0]?.toLowerCase() === texts[1]?.toLowerCase()
        ? []
        : [`${link.id} (${stream}) differs in ${name}: ${String(texts[0])}, ${String(texts[1])}`]
    })
  }

  /** A reference to a record that one of the sides does not have. */
  #isDangling(value: Values[string]): boolean {
    const link = linkOfReference(value)
    if (link === null) return typeof value === 'object' && value !== null
    const target = this.links.get(link)
    return (
      target?.status !== 'linked' ||
      sideNames.some((side) => this.#stateOf(target, side)?.present !== true)
    )
  }

  #stateOf(link: Link, side: SideName): RecordState | undefined {
    const { id } = link[side]
    return id === null ? undefined : this.vendors[side].current(streamOf(link), id)
  }

  /** All hidden records are shown again, so that the end can be compared. */
  showAll(): void {
    for (const vendor of Object.values(this.vendors))
      for (const stream of streamNames)
        for (const id of vendor.ids(stream))
          if (vendor.current(stream, id)?.hidden === true) vendor.setHidden(stream, id, false)
  }
}

const settleMs = 10_000

function streamOf({ stream }: Link): StreamName {
  return stream === 'account' ? 'account' : 'contact'
}

function stateText(state: RecordState | undefined): string {
  if (state === undefined) return 'never'
  return state.present ? 'present' : 'deleted'
}

/** The rounds after which two sides must be equal, and no write may follow. */
const settlingRounds = 12

/**
 * Plays one history and returns what was violated.
 * @returns with the number of steps and decisions
 */
export function playHistory(options: WorldOptions): readonly string[] {
  const world = new PlannerWorld(options)
  for (let step = 0; step < options.steps; step++) {
    const dice = world.random()
    if (dice < 0.5) world.act()
    else if (dice < 0.7) world.advance(Math.floor(world.random() * 4_000))
    else if (dice < 0.73) world.decideReview()
    else world.round()
    const found = world.violations()
    if (found.length > 0) return [`step ${String(step)}: ${found.join('; ')}`]
  }
  world.hasFaults = false
  world.showAll()
  for (let round = 0; round < settlingRounds; round++) {
    world.advance(20_000)
    world.round()
    const found = world.violations()
    if (found.length > 0) return [`settling ${String(round)}: ${found.join('; ')}`]
  }
  const before = world.writes
  world.advance(20_000)
  world.round()
  const late = world.writes - before
  return [
    ...(late > 0 ? [`${String(late)} writes although nothing changes`] : []),
    ...world.differences(),
  ]
}
