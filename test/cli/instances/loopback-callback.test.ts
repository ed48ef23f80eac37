import { describe, expect, test } from 'vitest'
import { LoopbackCallback } from '../../../cli/instances/loopback-callback.ts'

const { signal } = new AbortController()

describe('the way back of the browser', () => {
  test('gives what came for the authorization, and nothing else', async () => {
    await using callback = await LoopbackCallback.listen(0)
    const arrived = callback.next('the-state', signal)
    const answer = async (suffix: string): Promise<number> =>
      (await fetch(`${callback.redirectUri}${suffix}`)).status
    for (const suffix of [
      '',
      '?state=',
      '/x?state=the-state',
      '?state=other&code=c',
      '?state=error',
    ])
      await answer(suffix)
    expect(await answer('/x?state=the-state&code=c')).toBe(404)
    expect(await answer('?state=__proto__&code=c')).toBe(200)
    expect(await answer('?state=the-state&code=c%20d&iss=i&x=y')).toBe(200)
    expect(await arrived).toEqual({ state: 'the-state', code: 'c d', iss: 'i' })
  })

  test('shows a page that runs nothing and tells nothing of the query', async () => {
    await using callback = await LoopbackCallback.listen(0)
    const response = await fetch(`${callback.redirectUri}?state=a&code=kit-secret<script>`)
    expect(response.headers.get('content-security-policy')).toContain("default-src 'none'")
    expect(await response.text()).not.toContain('kit-secret')
  })

  test('reports a port that is taken', async () => {
    await using callback = await LoopbackCallback.listen(0)
    const port = Number(new URL(callback.redirectUri).port)
    await expect(LoopbackCallback.listen(port)).rejects.toMatchObject({ code: 'usage' })
  })

  test('stopping ends the waiting', async () => {
    await using callback = await LoopbackCallback.listen(0)
    const stop = new AbortController()
    const waiting = callback.next('s', stop.signal)
    stop.abort()
    await expect(waiting).rejects.toThrow('aborted')
  })
})
