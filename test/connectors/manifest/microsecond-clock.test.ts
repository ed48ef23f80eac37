import { describe, expect, test } from 'vitest'
import { MicrosecondClock } from '../../../connectors/manifest/microsecond-clock.ts'
import { SourceEnvironment } from '../../../connectors/manifest/source-environment.ts'
import { TemplateCompiler } from '../../../manifest-interpreter/interpolation/template-compiler.ts'
import type { Value } from '../../../manifest-interpreter/value/value.ts'
import { silent } from '../../support/logger.ts'
import { neverAborted } from '../../support/signal.ts'

describe('the clock of a manifest', () => {
  test('gives each evaluation of a template its own time', async () => {
    for (const template of [
      '{{ now_utc() }}',
      "{{ now_utc().strftime('%Y-%m-%dT%H:%M:%S.%f') }}",
      '{{ now_utc().timestamp() }}',
      '{{ now_utc().isoformat() }}',
    ]) {
      const values = await evaluations(template, 2000)
      expect(new Set(values).size).toBe(2000)
    }
  })

  test('is the time of day', async () => {
    const before = Date.now()
    const [seconds] = await evaluations('{{ (now_utc().timestamp() * 1000) | int }}', 1)
    expect(Number(seconds)).toBeGreaterThanOrEqual(before - 1)
    expect(Number(seconds)).toBeLessThanOrEqual(Date.now() + 1)
    const [today] = await evaluations("{{ today_utc().strftime('%Y-%m-%d') ~ ' ' }}", 1)
    expect(today).toBe(`${new Date().toISOString().slice(0, 10)} `)
  })

  test('counts the microseconds within a millisecond, which it does not leave', () => {
    let elapsedMs = 7
    let nowMs = 1_740_787_200_123
    const clock = new MicrosecondClock(
      () => nowMs,
      () => elapsedMs,
    )
    expect(clock.nowMicros()).toBe(1_740_787_200_123_000)
    elapsedMs += 0.25
    expect(clock.nowMicros()).toBe(1_740_787_200_123_250)
    elapsedMs += 5
    expect(clock.nowMicros()).toBe(1_740_787_200_123_999)
    nowMs += 6
    expect(clock.nowMicros()).toBe(1_740_787_200_129_000)
  })

  test('goes on by a microsecond when the time of day stands still or is set back a little', () => {
    let nowMs = 1000
    const clock = new MicrosecondClock(
      () => nowMs,
      () => 0,
    )
    expect([clock.nowMicros(), clock.nowMicros()]).toEqual([1_000_000, 1_000_001])
    nowMs = 900
    expect([clock.nowMicros(), clock.nowMicros()]).toEqual([1_000_002, 1_000_003])
  })

  test('follows a time of day that is set back by more than a second', () => {
    let nowMs = 10_000
    const clock = new MicrosecondClock(
      () => nowMs,
      () => 0,
    )
    clock.nowMicros()
    nowMs = 5000
    expect(clock.nowMicros()).toBe(5_000_000)
  })
})

async function evaluations(template: string, count: number): Promise<Value[]> {
  await using environment = new SourceEnvironment({
    context: {
      signal: neverAborted(),
      allowedNetworks: [],
      now: Date.now,
      logger: silent,
    },
    emit: () => undefined,
  })
  const evaluate = new TemplateCompiler(environment).jinja(template)
  return Array.from({ length: count }, () => evaluate({}))
}
