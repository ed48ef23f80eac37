import type { LineLayout, LineStamp } from './change-batch.ts'
import {
  messageTypes,
  readBegin,
  readCommitEnd,
  readOrigin,
  readRelation,
  readTruncate,
  type Relation,
} from './change-messages.ts'
import { nullField, TupleFields } from './change-tuple.ts'
import { timestampText } from './commit-time.ts'
import type { FeedMember } from './feed-member.ts'
import type { Lsn } from './lsn.ts'
import { orderText } from './row-order.ts'

const tupleKinds = { key: 0x4b, old: 0x4f, new: 0x4e } as const
/** Changes that we ourselves wrote at the source. */
const ownOrigin = 'reactor_connect'

interface Route {
  readonly member: FeedMember
  readonly layout: LineLayout
  readonly isWholeBefore: boolean
}

interface Transaction {
  readonly commitLsn: Lsn
  readonly xid: number
  /** The order of its rows up to their numbers, of the era that was last asked for. */
  prefix: { readonly era: number; readonly bytes: Buffer }
  readonly committedAt: Buffer
  isOwn: boolean
}

/** Gives each change to the stream of its table. */
export class ChangeRouter {
  readonly #members: ReadonlyMap<string, FeedMember>
  readonly #relations = new Map<number, Relation>()
  /** Null: nobody reads the table. */
  readonly #routes = new Map<number, Route | null>()
  readonly #tuple = new TupleFields()
  readonly #before = new TupleFields()
  #transaction: Transaction | undefined
  readonly #touched = new Set<FeedMember>()
  #start: Lsn = 0n
  #position: Lsn = 0n

  constructor(members: ReadonlyMap<string, FeedMember>) {
    this.#members = members
  }

  /** All transactions that were committed before it were received. */
  get position(): Lsn {
    return this.#position
  }

  /** Where the connection began: it says nothing of what was committed before. */
  get start(): Lsn {
    return this.#start
  }

  /** The position of the transaction that is being received. */
  get commitLsn(): Lsn | undefined {
    return this.#transaction?.commitLsn
  }

  /** A new connection: it names the tables again. */
  begin(position: Lsn): void {
    this.#start = position
    this.#relations.clear()
    this.#routes.clear()
    this.#touched.clear()
    this.#transaction = undefined
    this.#position = position
  }

  /** The members have changed. */
  forget(): void {
    this.#routes.clear()
  }

  /** The server has sent everything below the position; in a transaction that says nothing. */
  pass(position: Lsn): void {
    if (this.#transaction === undefined) this.#advance(position)
  }

  #advance(position: Lsn): void {
    if (position > this.#position) this.#position = position
    for (const member of this.#members.values())
      if (member.goal !== undefined && member.goal <= this.#position) member.pass()
  }

  /** Takes one message. Throws a RangeError if it is none of the protocol. */
  take(bytes: Buffer, start: number): void {
    const body = start + 1
    const type = bytes[start]
    if (type === messageTypes.insert) this.#insert(bytes, body)
    else if (type === messageTypes.update) this.#update(bytes, body)
    else if (type === messageTypes.delete) this.#delete(bytes, body)
    else if (type === messageTypes.begin) this.#begin(bytes, body)
    else if (type === messageTypes.commit) this.#commit(readCommitEnd(bytes, body))
    else this.#takeRare(type, bytes, body)
  }

  #takeRare(type: number | undefined, bytes: Buffer, body: number): void {
    if (type === messageTypes.relation) this.#relation(readRelation(bytes, body))
    else if (type === messageTypes.truncate) this.#truncate(readTruncate(bytes, body).relations)
    else if (type === messageTypes.origin) {
      if (this.#transaction && readOrigin(bytes, body).startsWith(ownOrigin))
        this.#transaction.isOwn = true
    } else if (type !== messageTypes.type && type !== messageTypes.message)
      throw new RangeError('a change of an unknown type')
  }

  #begin(bytes: Buffer, body: number): void {
    const { commitLsn, committedAt, xid } = readBegin(bytes, body)
    this.#transaction = {
      commitLsn,
      xid,
      prefix: prefixOf(0, commitLsn),
      committedAt: Buffer.from(timestampText(committedAt)),
      isOwn: false,
    }
  }

  #commit(end: Lsn): void {
    const { xid = 0 } = this.#transaction ?? {}
    this.#transaction = undefined
    for (const member of this.#touched) member.commit(end, xid)
    this.#touched.clear()
    this.#advance(end)
  }

  #relation(relation: Relation): void {
    this.#relations.set(relation.oid, relation)
    this.#routes.delete(relation.oid)
  }

  #routeOf(oid: number): Route | undefined {
    const known = this.#routes.get(oid)
    if (known !== undefined) return known ?? undefined
    const relation = this.#relations.get(oid)
    if (relation === undefined) throw new RangeError('a change of an unknown table')
    const member = this.#members.get(tableKey(relation.schema, relation.name))
    const route = member && {
      member,
      layout: member.layoutFor(relation),
      isWholeBefore: relation.identity === 'f',
    }
    this.#routes.set(oid, route ?? null)
    return route
  }

  /** Undefined if nobody reads the change. */
  #target(oid: number): Route | undefined {
    const route = this.#routeOf(oid)
    const transaction = this.#transaction
    if (transaction === undefined) throw new RangeError('a change outside of a transaction')
    if (route === undefined || transaction.isOwn) return undefined
    const { member } = route
    // A member that needs what is before the connection gets nothing of it: it would have a gap.
    if (transaction.commitLsn < member.from || member.from < this.#start) return undefined
    if (!this.#touched.has(member)) {
      this.#touched.add(member)
      member.isInTransaction = true
      member.ordinal = 0
    }
    return route
  }

  #stamp(member: FeedMember, change: 'delete' | 'row'): LineStamp {
    const transaction = this.#transaction
    if (transaction === undefined) throw new RangeError('a change outside of a transaction')
    member.ordinal += 1
    const { era } = member.stream
    if (transaction.prefix.era !== era) transaction.prefix = prefixOf(era, transaction.commitLsn)
    return {
      commitLsn: transaction.commitLsn,
      lsnPrefix: transaction.prefix.bytes,
      committedAt: transaction.committedAt,
      ordinal: member.ordinal,
      isDelete: change === 'delete',
    }
  }

  #insert(bytes: Buffer, body: number): void {
    const route = this.#target(bytes.readUInt32BE(body))
    if (route === undefined) return
    this.#tuple.read(bytes, body + 5)
    route.member.add(this.#tuple, route.layout, this.#stamp(route.member, 'row'))
  }

  #update(bytes: Buffer, body: number): void {
    const route = this.#target(bytes.readUInt32BE(body))
    if (route === undefined) return
    const { member, layout, isWholeBefore } = route
    let offset = body + 4
    const kind = bytes[offset]
    if (kind === tupleKinds.new) {
      this.#tuple.read(bytes, offset + 1)
      member.add(this.#tuple, layout, this.#stamp(member, 'row'))
      return
    }
    offset = this.#before.read(bytes, offset + 1)
    this.#tuple.read(bytes, offset + 1)
    const isMoved = this.#isOtherKey(layout)
    if (isMoved) member.add(this.#before, layout, this.#stamp(member, 'delete'))
    const before = isWholeBefore ? { before: this.#before } : {}
    member.add(this.#tuple, layout, this.#stamp(member, 'row'), { isMoved, ...before })
  }

  #isOtherKey({ key }: LineLayout): boolean {
    return !key.every(
      (index) => this.#tuple.lengthAt(index) === -2 || this.#tuple.equalsAt(index, this.#before),
    )
  }

  #delete(bytes: Buffer, body: number): void {
    const route = this.#target(bytes.readUInt32BE(body))
    if (route === undefined) return
    this.#tuple.read(bytes, body + 5)
    route.member.add(this.#tuple, route.layout, this.#stamp(route.member, 'delete'))
  }

  #truncate(oids: readonly number[]): void {
    for (const oid of oids) {
      const route = this.#target(oid)
      if (route === undefined) continue
      route.member.add(emptied, route.layout, this.#stamp(route.member, 'delete'))
    }
  }
}

/** The row of a TRUNCATE: it has no key, and all rows before it are gone. */
const emptied = new TupleFields()
emptied.lengths.fill(nullField)

function prefixOf(era: number, position: Lsn): Transaction['prefix'] {
  return { era, bytes: Buffer.from(`${orderText(era, position)}.`) }
}

export function tableKey(schema: string, name: string): string {
  return JSON.stringify([schema, name])
}
