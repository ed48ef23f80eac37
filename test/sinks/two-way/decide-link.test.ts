import { describe, expect, test } from 'vitest'
import { applyWrite, settleWrite } from '../../../sinks/two-way/apply-write.ts'
import { decideLink } from '../../../sinks/two-way/decide-link.ts'
import type { DecideContext } from '../../../sinks/two-way/decision.ts'
import { countDeletes, heldSides } from '../../../sinks/two-way/delete-guard.ts'
import { newLink, type Link, type Values } from '../../../sinks/two-way/link.ts'
import { matchGroup } from '../../../sinks/two-way/match-records.ts'
import { mergeRecords } from '../../../sinks/two-way/merge-records.ts'
import { linkReference, parentsFirst } from '../../../sinks/two-way/references.ts'
import type { SideRead } from '../../../sinks/two-way/side-change.ts'

const times = { nowMs: 1_000_000, lagMs: { a: 0, b: 0 } }

function contextOf(change: Partial<DecideContext> = {}): DecideContext {
  let id = 0
  return {
    fields: [{ name: 'name' }, { name: 'phone' }, { name: 'account', isReference: true }],
    rules: { rule: 'last_write_wins', fields: { phone: 'review' } },
    deletes: 'propagate',
    a: { compareVersions: null, lagMs: 0, mayCreate: true },
    b: { compareVersions: null, lagMs: 0, mayCreate: true },
    skewToleranceMs: 1_000,
    loopLimit: { writes: 3, windowMs: 60_000 },
    decided: {},
    nowMs: times.nowMs,
    newId: () => `id${String((id += 1))}`,
    findLink: () => undefined,
    ...change,
  }
}

function record(id: string, values: Values, modifiedAtMs = 0, version = 'v'): SideRead {
  return { found: 'present', id, values, version, modifiedAtMs }
}

/** A link whose sides agree. */
function agreed(values: Values): Link {
  const link = newLink('L', 'contact', { a: 'a1', b: 'b1' })
  return { ...link, a: { ...link.a, base: values }, b: { ...link.b, base: values } }
}

const base = { name: 'Ada', phone: '1' }

describe('fields', () => {
  test('a record that only was touched costs no write', () => {
    const touched = { a: record('a1', base, 5, 'v9'), b: record('b1', base) }
    const decision = decideLink(agreed(base), touched, contextOf())
    expect(decision).toMatchObject({ writes: [], conflicts: [] })
    expect(decision.link.a.version).toBe('v9')
  })

  test('disjoint edits are merged, and only what changed is sent', () => {
    const reads = {
      a: record('a1', { ...base, name: 'Ada L.' }),
      b: record('b1', { ...base, phone: '2' }),
    }
    const { writes, conflicts } = decideLink(agreed(base), reads, contextOf())
    expect(conflicts).toEqual([])
    expect(writes.map(({ side, write }) => [side, write.values])).toEqual([
      ['a', { phone: '2' }],
      ['b', { name: 'Ada L.' }],
    ])
  })

  test('equal edits converge without a write', () => {
    const same = { ...base, name: 'Grace' }
    const decision = decideLink(
      agreed(base),
      { a: record('a1', same), b: record('b1', same) },
      contextOf(),
    )
    expect(decision).toMatchObject({ writes: [], conflicts: [] })
    expect(decision.link.b.base).toMatchObject({ name: 'Grace' })
  })

  test('a conflict says who won and what was lost', () => {
    const reads = {
      a: record('a1', { ...base, name: 'A' }, 10_000),
      b: record('b1', { ...base, name: 'B' }, 20_000),
    }
    const { writes, conflicts } = decideLink(agreed(base), reads, contextOf())
    expect(writes).toMatchObject([{ side: 'a', write: { values: { name: 'B' } } }])
    expect(conflicts).toMatchObject([
      { field: 'name', rule: 'last_write_wins', winner: 'b', a: 'A', b: 'B', baseA: 'Ada' },
    ])
  })

  test('within the tolerance of the clocks, side a wins', () => {
    const reads = {
      a: record('a1', { ...base, name: 'A' }, 10_000),
      b: record('b1', { ...base, name: 'B' }, 10_900),
    }
    expect(decideLink(agreed(base), reads, contextOf()).conflicts).toMatchObject([{ winner: 'a' }])
  })

  test('a review is opened once, writes nothing, and ends by the decision of a person', () => {
    const reads = {
      a: record('a1', { ...base, phone: '2' }),
      b: record('b1', { ...base, phone: '3' }),
    }
    const first = decideLink(agreed(base), reads, contextOf())
    expect(first).toMatchObject({ writes: [], conflicts: [{ winner: null, field: 'phone' }] })
    const second = decideLink(first.link, reads, contextOf())
    expect(second).toMatchObject({ writes: [], conflicts: [] })
    const third = decideLink(second.link, reads, contextOf({ decided: { phone: 'b' } }))
    expect(third.writes).toMatchObject([{ side: 'a', write: { values: { phone: '3' } } }])
    expect(third.conflicts).toMatchObject([{ winner: 'b', isDecided: true }])
    expect(third.link.reviews).toEqual({})
  })

  test('without a base an empty value is filled, and two values are a conflict', () => {
    const reads = {
      a: record('a1', { name: 'A', phone: null }, 5_000),
      b: record('b1', { name: 'B', phone: '9' }, 1_000),
    }
    const decision = decideLink(newLink('L', 'contact', { a: 'a1', b: 'b1' }), reads, contextOf())
    expect(decision.step).toBe('align')
    expect(decision.writes.map(({ side, write }) => [side, write.values])).toEqual([
      ['a', { phone: '9' }],
      ['b', { name: 'A' }],
    ])
    expect(decision.conflicts).toMatchObject([{ field: 'name', winner: 'a' }])
  })
})

describe('writes', () => {
  test("the vendor's values become the base, so they are no edit", () => {
    const reads = { a: record('a1', { ...base, name: 'ada' }), b: record('b1', base) }
    const { link } = decideLink(agreed(base), reads, contextOf())
    const values = { ...base, name: 'ADA' }
    const applied = applyWrite(
      link,
      'b',
      { outcome: 'applied', id: 'b1', values, version: 'w' },
      times,
    )
    const next = { a: reads.a, b: record('b1', values) }
    expect(decideLink(applied.link, next, contextOf())).toMatchObject({
      writes: [],
      step: 'nothing',
    })
  })

  test('another field that the response shows is an edit, and is carried', () => {
    const reads = { a: record('a1', { ...base, name: 'ada' }), b: record('b1', base) }
    const { link } = decideLink(agreed(base), reads, contextOf())
    const values = { name: 'ada', phone: 'set by a flow' }
    const applied = applyWrite(
      link,
      'b',
      { outcome: 'applied', id: 'b1', values, version: 'w' },
      times,
    )
    const next = decideLink(applied.link, { a: reads.a, b: record('b1', values) }, contextOf())
    expect(next.writes).toMatchObject([
      { side: 'a', write: { values: { phone: 'set by a flow' } } },
    ])
  })

  test('no write is planned while another one has no result', () => {
    const reads = { a: record('a1', { ...base, name: 'x' }), b: record('b1', base) }
    const { link } = decideLink(agreed(base), reads, contextOf())
    expect(decideLink(link, reads, contextOf())).toMatchObject({
      writes: [],
      notes: ['waits_for_result'],
    })
  })

  test('a lost result is found out from the record, once', () => {
    const reads = { a: record('a1', { ...base, name: 'x' }), b: record('b1', base) }
    const { link } = decideLink(agreed(base), reads, contextOf())
    const settle = { ...times, settleMs: 5_000 }
    expect(settleWrite(link, 'b', reads.b, settle).isSettled).toBe(false)
    const landed = settleWrite(link, 'b', record('b1', { ...base, name: 'x' }), settle)
    expect(landed).toMatchObject({ isSettled: true, isApplied: true })
    expect(landed.link.b).toMatchObject({ write: null, base: { name: 'x' } })
    const late = settleWrite(link, 'b', reads.b, { ...settle, nowMs: times.nowMs + 5_000 })
    expect(late).toMatchObject({ isSettled: true, isApplied: false })
  })

  test('a refused write is not sent again until something changes', () => {
    const reads = { a: record('a1', { ...base, name: 'x' }), b: record('b1', base) }
    const { link } = decideLink(agreed(base), reads, contextOf())
    const refused = applyWrite(link, 'b', { outcome: 'refused', reason: 'too short' }, times).link
    expect(decideLink(refused, reads, contextOf())).toMatchObject({
      writes: [],
      notes: ['refused_before'],
    })
    const edited = { ...reads, a: record('a1', { ...base, name: 'longer' }) }
    expect(decideLink(refused, edited, contextOf()).writes).toHaveLength(1)
  })

  test('a late read that shows what we replaced is no edit', () => {
    const late = { ...contextOf(), b: { ...contextOf().b, lagMs: 5_000 } }
    const reads = { a: record('a1', { ...base, name: 'x' }), b: record('b1', base) }
    const { link } = decideLink(agreed(base), reads, late)
    const applied = applyWrite(
      link,
      'b',
      { outcome: 'applied', id: 'b1', values: { ...base, name: 'x' }, version: null },
      { ...times, lagMs: { a: 0, b: 5_000 } },
    ).link
    expect(decideLink(applied, reads, late)).toMatchObject({ writes: [], step: 'nothing' })
    const later = { ...late, nowMs: times.nowMs + 5_001 }
    expect(decideLink(applied, reads, later).writes).toMatchObject([{ side: 'a' }])
  })

  test('the loop breaker quarantines a link', () => {
    let link = agreed(base)
    for (let round = 0; round < 4; round++) {
      const name = `n${String(round)}`
      const reads = { a: record('a1', { ...base, name }), b: record('b1', link.b.base ?? {}) }
      const decision = decideLink(link, reads, contextOf())
      const values = { ...base, name }
      link = applyWrite(
        decision.link,
        'b',
        { outcome: 'applied', id: 'b1', values, version: null },
        times,
      ).link
    }
    expect(link.status).toBe('quarantined')
  })
})

describe('deletions', () => {
  const gone: SideRead = { found: 'deleted', deletedAtMs: null }

  test.each([
    ['propagate', [{ side: 'b', write: { operation: 'delete' } }], 'linked'],
    ['soft', [{ side: 'b', write: { operation: 'mark_deleted' } }], 'linked'],
    ['unlink', [], 'unlinked'],
    ['ignore', [], 'linked'],
  ] as const)('%s', (deletes, writes, status) => {
    const decision = decideLink(
      agreed(base),
      { a: gone, b: record('b1', base) },
      contextOf({ deletes }),
    )
    expect(decision.writes).toMatchObject(writes)
    expect(decision.link.status).toBe(status)
  })

  test('a record that left the scope is not deleted', () => {
    const decision = decideLink(
      agreed(base),
      { a: { found: 'hidden' }, b: record('b1', { ...base, name: 'x' }) },
      contextOf(),
    )
    expect(decision).toMatchObject({ step: 'hold', writes: [] })
  })

  test('an edit wins over a deletion of unknown time, and the deletion is recorded', () => {
    const edited = record('b1', { ...base, name: 'x' }, 5)
    const decision = decideLink(agreed(base), { a: gone, b: edited }, contextOf())
    expect(decision.writes).toMatchObject([{ side: 'a', write: { operation: 'restore' } }])
    expect(decision.conflicts).toMatchObject([{ field: '', winner: 'b', a: null }])
  })

  test('a mass deletion is held', () => {
    const decisions = Array.from({ length: 20 }, () =>
      decideLink(agreed(base), { a: gone, b: record('b1', base) }, contextOf()),
    )
    const planned = countDeletes(decisions)
    expect(planned).toEqual({ a: 0, b: 20 })
    expect(heldSides(planned, 100, { records: 10, share: 0.1 })).toEqual(['b'])
    expect(heldSides(planned, 400, { records: 10, share: 0.1 })).toEqual([])
  })
})

describe('references', () => {
  const account = { ...newLink('ACC', 'account', { a: 'a9', b: null }) }
  const values = { ...base, account: linkReference('ACC') }

  test('a record is created without a reference whose record is not there yet, and gets it later', () => {
    const link = newLink('L', 'contact', { a: 'a1', b: null })
    const reads = { a: record('a1', values), b: { found: 'never' } as const }
    const created = decideLink(link, reads, contextOf({ findLink: () => account }))
    expect(created).toMatchObject({ deferred: ['account'], writes: [{ write: { values: base } }] })
    const result = { outcome: 'applied', id: 'b1', values: base, version: null } as const
    const applied = applyWrite(created.link, 'b', result, times).link
    const known = { ...account, b: { ...account.b, id: 'b9' } }
    const next = decideLink(
      applied,
      { a: reads.a, b: record('b1', base) },
      contextOf({ findLink: () => known }),
    )
    expect(next.writes).toMatchObject([
      { side: 'b', write: { values: { account: linkReference('ACC') } } },
    ])
  })

  test('parents come first; a circle does not stop', () => {
    const streams = [
      { stream: 'contact', references: ['account'] },
      { stream: 'account', references: ['account', 'owner'] },
      { stream: 'owner', references: ['contact'] },
    ]
    expect(parentsFirst(streams)).toEqual(['owner', 'account', 'contact'])
  })
})

test('records are matched by one value, or a person decides', () => {
  expect(matchGroup('x', { a: ['1'], b: ['2'] })).toEqual([{ kind: 'linked', a: '1', b: '2' }])
  expect(matchGroup('x', { a: ['1'], b: [] })).toEqual([{ kind: 'only', side: 'a', ids: ['1'] }])
  expect(matchGroup('x', { a: ['1', '3'], b: ['2'] })).toMatchObject([{ kind: 'ambiguous' }])
  expect(matchGroup('', { a: ['1'], b: ['2'] })).toMatchObject([{ kind: 'only' }, { kind: 'only' }])
})

test('a merge at a vendor re-keys the link, or leads references to the link of the other record', () => {
  const link = agreed(base)
  expect(mergeRecords(link, 'a', { id: 'a7', link: null }).a.id).toBe('a7')
  expect(mergeRecords(link, 'a', { id: 'a7', link: 'M' })).toMatchObject({
    mergedInto: 'M',
    a: { id: 'a1' },
  })
})
