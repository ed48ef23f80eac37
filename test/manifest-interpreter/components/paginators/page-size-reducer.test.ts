import { describe, expect, test } from 'vitest'
import { PageSizeReducer } from '../../../../manifest-interpreter/components/paginators/page-size-reducer.ts'
import { answeredBuilder } from '../answered-builder.ts'
import type { PlainDict } from '../../../../manifest-interpreter/value/value.ts'

function reducer(reduction: PlainDict, initialPageSize: number | null = 100) {
  const waits: number[] = []
  const environment = {
    ...answeredBuilder().builder.environment,
    sleep: (seconds: number) => {
      waits.push(seconds)
      return Promise.resolve()
    },
  }
  const made = new PageSizeReducer(
    { type: 'PageSizeReduction', ...reduction },
    { initialPageSize, streamName: 'items', environment },
  )
  return { made, waits }
}

describe('PageSizeReducer', () => {
  test('halves the page and waits longer each time', async () => {
    const { made, waits } = reducer({})
    expect(made.override).toBeNull()
    const sizes: (number | null)[] = []
    for (let i = 0; i < 3; i += 1) {
      await made.reduce('too large')
      sizes.push(made.override)
    }
    expect(sizes).toEqual([50, 25, 12])
    expect(waits).toEqual([0.5, 1, 1.5])
  })

  test('keeps the smaller page after one that succeeded, or restores it', async () => {
    const keeps = reducer({}).made
    await keeps.reduce('')
    keeps.succeeded()
    expect(keeps.override).toBe(50)
    const restores = reducer({ reset_policy: 'AFTER_SUCCESSFUL_PAGE' }).made
    await restores.reduce('')
    restores.succeeded()
    expect(restores.override).toBeNull()
  })

  test('gives up after too many reductions in a row, and says what the manifest advises', async () => {
    const { made } = reducer({ max_attempts: 2, failure_message: ' Ask support. ' })
    await made.reduce('')
    await made.reduce('')
    await expect(made.reduce('')).rejects.toMatchObject({
      failureType: 'transient_error',
      message:
        'The source keeps rejecting pages of stream items at every page size the connector requested, down to 25 records per page. Ask support.',
    })
    made.succeeded()
    await made.reduce('')
    expect(made.override).toBe(12)
  })

  test('asks for the smallest page again as often as the manifest allows', async () => {
    const { made, waits } = reducer({
      minimum_page_size: 50,
      retries_at_minimum_page_size: 2,
      backoff_seconds: 3,
    })
    for (let i = 0; i < 3; i += 1) await made.reduce('')
    expect(made.override).toBe(50)
    expect(waits).toEqual([3, 3, 6])
    await expect(made.reduce('')).rejects.toMatchObject({ failureType: 'transient_error' })
  })

  test('a page that is never larger than the minimum is a fault of the manifest', async () => {
    await expect(reducer({ minimum_page_size: 100 }).made.reduce('')).rejects.toMatchObject({
      failureType: 'config_error',
    })
    await expect(reducer({}, null).made.reduce('')).rejects.toMatchObject({
      failureType: 'config_error',
    })
    await expect(reducer({}, 1).made.reduce('')).rejects.toMatchObject({
      failureType: 'transient_error',
    })
  })
})
