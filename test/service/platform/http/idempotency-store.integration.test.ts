import { describe, expect, test } from 'vitest'
import { openTestStore } from '../../../support/open-test-store.ts'

describe('idempotency keys', () => {
  const request = { principal: 'key_1', key: 'k', requestHash: 'h' }
  const answer = { status: 201, headers: { location: '/x' }, body: { nul: '\0', half: '\ud800' } }

  test('a request is done once and answered alike', async () => {
    await using opened = await openTestStore()
    const { idempotency } = opened.store
    const begun = await Promise.allSettled(
      [1, 2, 3, 4, 5].map(async () => idempotency.begin(request)),
    )
    const [first, ...more] = begun.flatMap((each) =>
      each.status === 'fulfilled' ? each.value : [],
    )
    expect(more).toEqual([])
    for (const each of begun)
      if (each.status === 'rejected')
        expect(each.reason).toMatchObject({ code: 'idempotency_key_in_use' })
    if (first?.state !== 'began') throw new Error('nobody began')
    await idempotency.finish(first.ticket, answer)
    expect(await idempotency.begin(request)).toEqual({ state: 'done', answer })
  })

  test('another request under the key is refused; the key of another principal is another one', async () => {
    await using opened = await openTestStore()
    const { idempotency } = opened.store
    await idempotency.begin(request)
    await expect(idempotency.begin({ ...request, requestHash: 'i' })).rejects.toMatchObject({
      code: 'idempotency_key_reused',
    })
    // A hash of another version cannot be compared. Before there were formats, the hash was that of the first
    // format.
    const begun = await idempotency.begin({ ...request, key: 'k2', requestHash: 'h' })
    if (begun.state !== 'began') throw new Error('nobody began')
    await expect(
      idempotency.begin({ ...request, key: 'k2', requestHash: '3:i' }),
    ).rejects.toMatchObject({ code: 'idempotency_key_outdated' })
    await idempotency.finish(begun.ticket, answer)
    expect(await idempotency.begin({ ...request, key: 'k2', requestHash: '2:h' })).toEqual({
      state: 'done',
      answer,
    })
    const released = await idempotency.begin({ ...request, key: 'k3', requestHash: 'h' })
    if (released.state !== 'began') throw new Error('nobody began')
    await idempotency.release(released.ticket)
    expect(await idempotency.begin({ ...request, key: 'k3', requestHash: '2:h' })).toMatchObject({
      state: 'began',
      attempt: 2,
    })
    for (const [requestHash, code] of [
      ['2:i', 'idempotency_key_reused'],
      ['3:h', 'idempotency_key_outdated'],
    ] as const)
      await expect(idempotency.begin({ ...request, key: 'k3', requestHash })).rejects.toMatchObject(
        { code },
      )
    expect(await idempotency.begin({ ...request, principal: 'key_2' })).toMatchObject({
      state: 'began',
    })
  })

  test('of many requests at the same time each begins under its own key, and one under a key that is shared', async () => {
    await using opened = await openTestStore()
    const { idempotency } = opened.store
    const keys = Array.from({ length: 200 }, (_, place) => `k${String(place % 150)}`)
    const begun = await Promise.allSettled(
      keys.map((key) => idempotency.begin({ ...request, key, requestHash: `hash of ${key}` })),
    )
    const tickets = begun.flatMap((each) =>
      each.status === 'fulfilled' && each.value.state === 'began' ? [each.value.ticket] : [],
    )
    expect(new Set(tickets).size).toBe(150)
    const refused = begun.flatMap((each): unknown[] =>
      each.status === 'rejected' ? [each.reason] : [],
    )
    expect(refused).toHaveLength(50)
    for (const reason of refused) expect(reason).toMatchObject({ code: 'idempotency_key_in_use' })
    await Promise.all(
      tickets.map((ticket) => idempotency.finish(ticket, { ...answer, body: { ticket } })),
    )
    const again = await Promise.all(
      keys
        .slice(0, 150)
        .map((key) => idempotency.begin({ ...request, key, requestHash: `hash of ${key}` })),
    )
    expect(again).toEqual(
      tickets.map((ticket) => ({ state: 'done', answer: { ...answer, body: { ticket } } })),
    )
  })

  test('a key that was abandoned is free, an answer stays', async () => {
    await using opened = await openTestStore()
    const { idempotency } = opened.store
    const first = await idempotency.begin(request)
    if (first.state !== 'began') throw new Error('nobody began')
    await idempotency.abandon(first.ticket)
    const second = await idempotency.begin({ ...request, requestHash: 'i' })
    if (second.state !== 'began') throw new Error('nobody began')
    await idempotency.finish(second.ticket, answer)
    await idempotency.abandon(second.ticket)
    expect(await idempotency.begin({ ...request, requestHash: 'i' })).toMatchObject({
      state: 'done',
    })
  })

  test('where a process died, the same request may be done again after a minute', async () => {
    await using opened = await openTestStore()
    const { idempotency } = opened.store
    const first = await idempotency.begin(request)
    await opened.database.query(
      `UPDATE reactor_connect_service.idempotency_keys SET locked_until = now()`,
    )
    await expect(idempotency.begin({ ...request, requestHash: 'i' })).rejects.toMatchObject({
      code: 'idempotency_key_reused',
    })
    const second = await idempotency.begin({ ...request, lockedSeconds: 120 })
    expect(second.state).toBe('began')
    await expect(idempotency.begin(request)).rejects.toMatchObject({
      code: 'idempotency_key_in_use',
      details: { retry_after_seconds: 120 },
      suggestedFix: expect.stringContaining('in at most 120 seconds') as string,
    })
    // The first was not dead, only slow: its response is not that of the second.
    if (first.state === 'began') await idempotency.finish(first.ticket, answer)
    await expect(idempotency.begin(request)).rejects.toMatchObject({
      code: 'idempotency_key_in_use',
    })
  })

  test('after a day a key is free', async () => {
    await using opened = await openTestStore()
    const { idempotency } = opened.store
    const first = await idempotency.begin(request)
    if (first.state === 'began') await idempotency.finish(first.ticket, answer)
    await opened.database.query(
      `UPDATE reactor_connect_service.idempotency_keys SET created_at = now() - interval '1 day'`,
    )
    expect(await idempotency.begin({ ...request, requestHash: 'i' })).toMatchObject({
      state: 'began',
    })
    await expect(idempotency.begin({ ...request, requestHash: 'i' })).rejects.toMatchObject({
      code: 'idempotency_key_in_use',
    })
  })
})
