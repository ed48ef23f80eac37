import { setTimeout as delay } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { SourceEnvironment } from '../../../connectors/manifest/source-environment.ts'
import { contextOf } from '../collected.ts'

it.each([3_000_000, 100_000_000])(
  'a wait of %d seconds, longer than a timer of Node may be, lasts until the run is stopped',
  async (seconds) => {
    const stop = new AbortController()
    const context = { ...contextOf(), signal: stop.signal }
    await using environment = new SourceEnvironment({ context })
    let isOver = false
    const waited = environment.sleep(seconds).then(() => {
      isOver = true
    })
    await delay(20)
    expect(isOver).toBe(false)
    stop.abort()
    await expect(waited).rejects.toThrow('aborted')
  },
)
