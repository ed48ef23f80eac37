import { expect, test } from 'vitest'
import { refusedStreams } from '../../plan/streams/refused-streams.ts'
import { resolveStreams } from '../../plan/streams/resolve-streams.ts'

const catalog = {
  streams: ['orders', 'people'].map((name) => ({
    name,
    namespace: 'public',
    json_schema: { properties: { id: { type: 'integer' } } },
    supported_sync_modes: ['full_refresh' as const],
  })),
}

function refused(...streams: readonly object[]): unknown {
  const named = streams.map((fields) => ({ name: 'orders', ...fields }))
  const selection = { connection: 'c', streams: named, defaults: {}, metadata: 'full' } as const
  return refusedStreams(resolveStreams(catalog, selection))?.map(({ stream, problems }) => {
    return [stream, problems.map(({ code }) => code)]
  })
}

test('a stream or a column that the source does not have refuses that stream alone', () => {
  expect(refused({}, { name: 'public.gone' }, { name: 'people', mask: { email: 'hash' } })).toEqual(
    [
      [{ namespace: 'public', name: 'gone' }, ['stream_not_found']],
      [{ namespace: 'public', name: 'people' }, ['stream_column_not_found']],
    ],
  )
  expect(refused({})).toEqual([])
})

test('the whole run is refused if no stream is left, or the selection is wrong', () => {
  expect(refused({ name: 'gone' }, { mask: { email: 'hash' } })).toBeUndefined()
  expect(refused({}, {})).toBeUndefined()
})
