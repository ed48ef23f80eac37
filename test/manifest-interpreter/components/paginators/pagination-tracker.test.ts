import { describe, expect, test } from 'vitest'
import { PaginationTracker } from '../../../../manifest-interpreter/components/paginators/pagination-tracker.ts'
import { StreamSlice } from '../../../../manifest-interpreter/value/stream-slice.ts'
import { answeredBuilder } from '../answered-builder.ts'

const slice = new StreamSlice({ cursorSlice: { start_time: '2025-01-01', end_time: '2025-02-01' } })

describe('without a cursor', () => {
  test('a slice is read once more, and not a third time', () => {
    const tracker = new PaginationTracker(null, null)
    expect(tracker.reduce(slice, slice)).toBe(slice)
    expect(() => tracker.reduce(slice, slice)).toThrow('Something went wrong in the connector.')
  })

  test('the records since the last reset count', () => {
    const tracker = new PaginationTracker(null, 3)
    tracker.observe([{}, {}], slice)
    expect(tracker.hasReachedLimit()).toBe(false)
    tracker.observe([{}], slice)
    expect(tracker.hasReachedLimit()).toBe(true)
    tracker.reduce(slice, slice)
    expect(tracker.hasReachedLimit()).toBe(false)
  })
})

describe('with a cursor', () => {
  const cursor = () => {
    const { builder } = answeredBuilder()
    const definition = {
      type: 'DeclarativeStream',
      name: 'items',
      retriever: {
        type: 'SimpleRetriever',
        requester: { type: 'HttpRequester', url_base: 'https://api.test', path: '/items' },
        record_selector: {
          type: 'RecordSelector',
          extractor: { type: 'DpathExtractor', field_path: [] },
        },
      },
      incremental_sync: {
        type: 'DatetimeBasedCursor',
        cursor_field: 'updated_at',
        datetime_format: '%Y-%m-%d',
        start_datetime: '2025-01-01',
      },
      schema_loader: { type: 'InlineSchemaLoader', schema: {} },
    }
    const stream = builder.build('stream', definition, { streamName: 'items' })
    return stream.cursor.copyWithoutState?.() ?? null
  }

  test('the slice shrinks to what the records have not reached', () => {
    const tracker = new PaginationTracker(cursor(), 2)
    tracker.observe([{ updated_at: '2025-01-05' }, { updated_at: '2025-01-09' }], slice)
    expect(tracker.reduce(slice, slice).merged).toEqual({
      start_time: '2025-01-09',
      end_time: '2025-02-01',
    })
  })

  test('a slice that does not shrink is given up at once', () => {
    const tracker = new PaginationTracker(cursor(), 2)
    expect(() => tracker.reduce(slice, slice)).toThrow('Something went wrong in the connector.')
  })
})
