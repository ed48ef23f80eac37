import { expect, test } from 'vitest'
import type { RecordWriter, StoredRecord } from '../../connectors/record-writer.ts'
import type { JsonObject } from '../../protocol/index.ts'
import { neverAborted } from '../support/signal.ts'

/** A connector that writes records, beside a simulator of its vendor. */
export interface WriterPlace extends AsyncDisposable {
  readonly writer: RecordWriter
  readonly object: string
  readonly externalIdField: string
  /** A record that the vendor accepts, with this text in one of its fields. */
  readonly fields: (text: string) => JsonObject
  /** The field with the text. */
  readonly textField: string
  /** A value that the vendor refuses, and its code. */
  readonly refused: { readonly fields: JsonObject; readonly code: string }
  /** All records that have an external id, by it: read by other means than the writer. */
  records(): Promise<ReadonlyMap<string, JsonObject>>
  /** The next write is carried out, and its answer never arrives. */
  cutNextAnswer(): void
  /** Somebody else changes the record, some time later. */
  changeElsewhere(externalId: string, fields: JsonObject): void
}

/** The guarantees of every write side of a connector. */
export function writerContract(name: string, open: () => Promise<WriterPlace>): void {
  const signal = neverAborted()

  const upsert = (place: WriterPlace, texts: Readonly<Record<string, string>>) =>
    place.writer.write({
      object: place.object,
      operation: 'upsert',
      externalIdField: place.externalIdField,
      records: Object.entries(texts).map(([externalId, text]) => ({
        externalId,
        fields: place.fields(text),
      })),
      signal,
    })

  const texts = async (place: WriterPlace): Promise<Record<string, unknown>> =>
    Object.fromEntries(
      [...(await place.records())].map(([id, record]) => [id, record[place.textField]]),
    )

  const read = async (
    place: WriterPlace,
    values: readonly string[],
  ): Promise<readonly StoredRecord[]> =>
    place.writer.read({
      object: place.object,
      by: { externalIdField: place.externalIdField },
      values,
      fields: [place.textField],
      signal,
    })

  test(`${name}: an upsert creates a record, and changes it when it comes again`, async () => {
    await using place = await open()
    const [first] = await upsert(place, { a: 'one' })
    const [second] = await upsert(place, { a: 'two' })
    expect(first).toMatchObject({ isWritten: true, created: true })
    expect(second).toMatchObject({ isWritten: true, created: false })
    expect(second).toHaveProperty('id', first?.isWritten === true ? first.id : undefined)
    expect(await texts(place)).toEqual({ a: 'two' })
  })

  test(`${name}: a refused record has the vendor’s code, and the others are written`, async () => {
    await using place = await open()
    const { object, externalIdField, refused } = place
    const results = await place.writer.write({
      ...{ object, externalIdField, signal },
      operation: 'upsert',
      records: [
        { externalId: 'a', fields: place.fields('one') },
        { externalId: 'b', fields: { ...place.fields('two'), ...refused.fields } },
        { externalId: 'c', fields: place.fields('three') },
      ],
    })
    expect(results).toMatchObject([
      { isWritten: true },
      { isWritten: false, error: { code: refused.code, mayRetry: false } },
      { isWritten: true },
    ])
    expect(await texts(place)).toEqual({ a: 'one', c: 'three' })
  })

  test(`${name}: a write whose answer is lost is repeated, and no record is there twice`, async () => {
    await using place = await open()
    place.cutNextAnswer()
    const results = await upsert(place, { a: 'one', b: 'two' })
    expect(results).toMatchObject([{ isWritten: true }, { isWritten: true }])
    expect(await texts(place)).toEqual({ a: 'one', b: 'two' })
  })

  test(`${name}: more records than a request has are all written, and each has its own result`, async () => {
    await using place = await open()
    const { batchSize } = await place.writer.describe(place.object)
    const all = Object.fromEntries(
      Array.from({ length: batchSize + 7 }, (_, index) => [
        `k${String(index)}`,
        `t${String(index)}`,
      ]),
    )
    const results = await upsert(place, all)
    expect(results).toHaveLength(batchSize + 7)
    const ids = new Set(results.map((result) => (result.isWritten ? result.id : 'none')))
    expect(ids.size).toBe(batchSize + 7)
    expect(await texts(place)).toEqual(all)
  })

  test(`${name}: two records of a request with the same external id become one`, async () => {
    await using place = await open()
    const { object, externalIdField } = place
    const results = await place.writer.write({
      ...{ object, externalIdField, signal },
      operation: 'upsert',
      records: ['one', 'two'].map((text) => ({ externalId: 'a', fields: place.fields(text) })),
    })
    expect(results[0]).toEqual(results[1])
    expect(await texts(place)).toEqual({ a: 'two' })
  })

  test(`${name}: an update changes the fields that it has, and a deleted record is not found`, async () => {
    await using place = await open()
    const { object, textField } = place
    const [created] = await upsert(place, { a: 'one' })
    const id = created?.isWritten === true ? created.id : ''
    const update = { object, operation: 'update', signal } as const
    const records = [{ id, fields: { [textField]: 'two' } }]
    expect(await place.writer.write({ ...update, records })).toMatchObject([
      { isWritten: true, id },
    ])
    expect(await texts(place)).toEqual({ a: 'two' })
    const deletion = { object, operation: 'delete', records: [{ id, fields: {} }], signal } as const
    expect(await place.writer.write(deletion)).toMatchObject([{ isWritten: true }])
    expect(await texts(place)).toEqual({})
    const again = await place.writer.write(deletion)
    expect(again).toMatchObject([{ isWritten: false, error: { code: 'not_found' } }])
    const changed = await place.writer.write({ ...update, records })
    expect(changed).toMatchObject([{ isWritten: false, error: { code: 'not_found' } }])
  })

  test(`${name}: records are read by their external ids, and missing ones are left out`, async () => {
    await using place = await open()
    await upsert(place, { a: 'one', b: 'two' })
    const found = await read(place, ['b', 'nobody', "quo'te"])
    expect(found).toMatchObject([{ externalId: 'b', fields: { [place.textField]: 'two' } }])
    expect(found[0]?.version).toBeDefined()
  })

  test(`${name}: a conditional update does not overwrite what somebody else has changed`, async () => {
    await using place = await open()
    const { object, textField } = place
    if ((await place.writer.describe(object)).conditional === 'none') return
    await upsert(place, { a: 'one', b: 'two' })
    const [a, b] = await read(place, ['a', 'b'])
    place.changeElsewhere('a', { [textField]: 'theirs' })
    const results = await place.writer.write({
      ...{ object, signal },
      operation: 'update',
      records: [a, b].map((stored) => ({
        id: stored?.id ?? '',
        fields: { [textField]: 'ours' },
        ...(stored?.version !== undefined && { ifVersion: stored.version }),
      })),
    })
    expect(results).toMatchObject([
      { isWritten: false, error: { code: 'version_conflict' } },
      { isWritten: true },
    ])
    expect(await texts(place)).toEqual({ a: 'theirs', b: 'ours' })
  })

  test(`${name}: an object that is not there cannot be described`, async () => {
    await using place = await open()
    await expect(place.writer.describe('Nothing')).rejects.toMatchObject({
      code: 'write_object_unknown',
    })
  })
}
