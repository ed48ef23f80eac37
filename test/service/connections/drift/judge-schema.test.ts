import { describe, expect, it } from 'vitest'
import type { AirbyteCatalog, AirbyteStream } from '../../../../protocol/index.ts'
import { judgeSchema, selectedCatalog } from '../../../../service/connections/drift/judge-schema.ts'

function streamOf(name: string, namespace: string, ...columns: readonly string[]): AirbyteStream {
  const properties = Object.fromEntries(columns.map((column) => [column, { type: 'string' }]))
  return { name, namespace, json_schema: { properties }, supported_sync_modes: ['full_refresh'] }
}

function catalogOf(...streams: readonly AirbyteStream[]): AirbyteCatalog {
  return { streams: [...streams] }
}

const a = streamOf('a', 'public', 'id')
const b = streamOf('b', 'public', 'id')
const changedA = streamOf('a', 'public', 'id', 'new')
const changedB = streamOf('b', 'public', 'id', 'new')
const all = { streams: null }
const onlyA = { streams: [{ name: 'a' }] }

describe('what a run sees of the source', () => {
  it('is approved where nothing was approved before', () => {
    const judged = judgeSchema(all, catalogOf(a, b), null)
    expect(judged).toMatchObject({ approved: catalogOf(a, b), isNew: true, changes: [] })
  })

  it('is a drift where a selected stream changed', () => {
    const { changes, isNew } = judgeSchema(onlyA, catalogOf(changedA, b), catalogOf(a))
    expect(changes).toMatchObject([{ name: 'a', addedColumns: [{ name: 'new' }] }])
    expect(isNew).toBe(false)
  })

  it('is no drift where a stream that is not selected changed, came or went', () => {
    expect(judgeSchema(onlyA, catalogOf(a, changedB), catalogOf(a)).changes).toEqual([])
    expect(judgeSchema(onlyA, catalogOf(a), catalogOf(a)).changes).toEqual([])
  })

  it('is a drift where all streams are selected, and one came or went', () => {
    expect(judgeSchema(all, catalogOf(a, b), catalogOf(a)).changes).toMatchObject([
      { name: 'b', change: 'added' },
    ])
    expect(judgeSchema(all, catalogOf(a), catalogOf(a, b)).changes).toMatchObject([
      { name: 'b', change: 'removed' },
    ])
  })

  it('is no drift where a stream was selected since: choosing it approves it', () => {
    const both = { streams: [{ name: 'a' }, { name: 'public.b' }] }
    const judged = judgeSchema(both, catalogOf(a, b), catalogOf(a))
    expect(judged).toMatchObject({ approved: catalogOf(a, b), isNew: true, changes: [] })
  })

  it('forgets what was approved of a stream that is not selected any more', () => {
    const judged = judgeSchema(onlyA, catalogOf(a, b), catalogOf(a, b))
    expect(judged).toMatchObject({ approved: catalogOf(a), isNew: true, changes: [] })
  })

  it('still means the approved stream where its name has become ambiguous', () => {
    const twin = streamOf('a', 'archive', 'other')
    const judged = judgeSchema(onlyA, catalogOf(twin, changedA), catalogOf(a))
    expect(judged.seen).toEqual(catalogOf(changedA))
    expect(judged.changes).toMatchObject([{ namespace: 'public', change: 'changed' }])
  })

  it('never means another stream in place of the approved one', () => {
    const other = { ...a, namespace: 'other' }
    const judged = judgeSchema(onlyA, catalogOf(other), catalogOf(a))
    expect(judged.seen).toEqual(catalogOf())
    expect(judged.changes).toMatchObject([{ name: 'a', change: 'removed' }])
  })

  it('is a removed stream where a selected one is gone', () => {
    const { changes } = judgeSchema(onlyA, catalogOf(b), catalogOf(a))
    expect(changes).toMatchObject([{ name: 'a', change: 'removed' }])
  })
})

it('only the selected streams of a catalog are approved', () => {
  expect(selectedCatalog(onlyA, catalogOf(a, b))).toEqual(catalogOf(a))
  expect(selectedCatalog(all, catalogOf(a, b))).toEqual(catalogOf(a, b))
})
