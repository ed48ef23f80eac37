import fc from 'fast-check'
import { expect, test } from 'vitest'
import { nextTime } from '../../../../service/platform/jobs/cron.ts'

const time = Date.parse('2026-03-29T00:30:00Z')

test.each([
  ['*/15 * * * *', undefined, '2026-03-29T00:45:00.000Z'],
  ['0 6 * * 1-5', 'Europe/Berlin', '2026-03-30T04:00:00.000Z'],
  ['0 6 * * MON,wed', 'UTC', '2026-03-30T06:00:00.000Z'],
  ['0 0 1 JAN *', 'UTC', '2027-01-01T00:00:00.000Z'],
  ['30 0 * * *', 'UTC', '2026-03-30T00:30:00.000Z'],
])('the next time of %s in %s after half past midnight is %s', (cron, timezone, expected) => {
  expect(nextTime({ cron, ...(timezone !== undefined && { timezone }) }, time)).toBe(expected)
})

test('a time that summer time leaves out comes an hour later', () => {
  const schedule = { cron: '30 2 * * *', timezone: 'Europe/Berlin' }
  expect(nextTime(schedule, time)).toBe('2026-03-29T01:30:00.000Z')
})

test('a time that comes twice when summer time ends counts once', () => {
  const schedule = { cron: '30 2 * * *', timezone: 'Europe/Berlin' }
  const first = nextTime(schedule, Date.parse('2026-10-24T22:00:00Z'))
  expect(first).toBe('2026-10-25T00:30:00.000Z')
  expect(nextTime(schedule, Date.parse(first))).toBe('2026-10-26T01:30:00.000Z')
})

test.each([
  ['0 3 4 4 *', '2027-04-03T12:00:00Z', '2027-04-03T16:30:00.000Z'],
  ['0 2 * * *', '2027-04-03T12:00:00Z', '2027-04-03T15:30:00.000Z'],
  // The clock is put back at 2:00, to 1:30.
  ['45 1 * * *', '2027-04-03T12:00:00Z', '2027-04-03T14:45:00.000Z'],
  ['45 1 * * *', '2027-04-03T14:45:00Z', '2027-04-04T15:15:00.000Z'],
  ['*/15 * * * *', '2027-04-03T14:45:00Z', '2027-04-03T15:00:00.000Z'],
  ['0 * * * *', '2027-04-03T14:00:00Z', '2027-04-03T15:30:00.000Z'],
  // And put forward at 2:00, to 2:30.
  ['15 2 3 10 *', '2027-10-02T12:00:00Z', '2027-10-02T15:45:00.000Z'],
  ['15,30 2 * * *', '2027-10-02T12:00:00Z', '2027-10-02T15:30:00.000Z'],
  ['15,30 2 * * *', '2027-10-02T15:30:00Z', '2027-10-02T15:45:00.000Z'],
  ['20 2 * * *', '2027-10-03T12:00:00Z', '2027-10-03T15:20:00.000Z'],
])('%s follows a clock that is moved by half an hour, after %s', (cron, after, expected) => {
  expect(nextTime({ cron, timezone: 'Australia/Lord_Howe' }, Date.parse(after))).toBe(expected)
})

test('a schedule of every hour goes on while the clock repeats one', () => {
  const next = (cron: string) =>
    nextTime({ cron, timezone: 'Europe/Berlin' }, Date.parse('2026-10-25T00:45:00Z'))
  expect(next('*/15 * * * *')).toBe('2026-10-25T01:00:00.000Z')
  expect(next('0 1-4 * * *')).toBe('2026-10-25T02:00:00.000Z')
})

test.each([
  ['0 0 * * 0,7', '2026-04-05T00:00:00.000Z'],
  ['0 0 * * SAT,5-7', '2026-04-03T00:00:00.000Z'],
  ['1,1-5,*/20 * * * *', '2026-03-29T00:40:00.000Z'],
])('%s names values twice, which is no mistake', (cron, expected) => {
  expect(nextTime({ cron }, time)).toBe(expected)
})

test.each([
  '',
  '* * * *',
  '* * * * * *',
  '@daily',
  'H * * * *',
  '60 0 * * *',
  '*/0 * * * *',
  '0 0 30 2 *',
  '0 0 L * *',
  '* * * * constructor',
  '*/15 * * * *; DROP TABLE runs',
])('"%s" is no schedule', (cron) => {
  expect(() => nextTime({ cron }, time)).toThrow(
    expect.objectContaining({ code: 'schedule_invalid' }) as Error,
  )
})

test.each(['CET+1', '+01:00', 'Mars/Base', ''])('"%s" is no time zone', (timezone) => {
  expect(() => nextTime({ cron: '* * * * *', timezone }, time)).toThrow(/is no time zone/)
})

const zones = Intl.supportedValuesOf('timeZone')

/** Returns the time that a clock on the wall shows. */
function wallClock(time: string, timeZone: string): string {
  const format = { timeZone, hour: '2-digit', minute: '2-digit', hourCycle: 'h23' } as const
  return new Intl.DateTimeFormat('en', format).format(new Date(time))
}

test('a daily time is what the clock of its zone shows, every day, but for one that summer time leaves out', () => {
  const from = { min: Date.parse('2026-01-01T00:00Z'), max: Date.parse('2030-01-01T00:00Z') }
  const daily = fc.record({
    timezone: fc.constantFrom(...zones),
    hour: fc.integer({ min: 0, max: 23 }),
    minute: fc.integer({ min: 0, max: 59 }),
    afterMs: fc.integer(from),
  })
  fc.assert(
    fc.property(daily, ({ timezone, hour, minute, afterMs }) => {
      const schedule = { cron: `${minute} ${hour} * * *`, timezone }
      const shown = `${String(hour).padStart(2, '0')}:${String(minute).padStart(2, '0')}`
      let before = afterMs
      let odd = 0
      for (let day = 0; day < 5; day++) {
        const next = nextTime(schedule, before)
        const nextMs = Date.parse(next)
        expect(nextMs).toBeGreaterThan(before)
        if (day > 0) expect(nextMs - before).toBeLessThanOrEqual(26 * 3_600_000)
        if (wallClock(next, timezone) !== shown) odd += 1
        before = nextMs
      }
      expect(odd).toBeLessThanOrEqual(1)
    }),
    { numRuns: 300 },
  )
})

test('a quarter of an hour is never left out', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...zones),
      fc.integer({ min: Date.parse('2026-01-01T00:00Z'), max: Date.parse('2030-01-01T00:00Z') }),
      (timezone, afterMs) => {
        const nextMs = Date.parse(nextTime({ cron: '*/15 * * * *', timezone }, afterMs))
        expect(nextMs).toBeGreaterThan(afterMs)
        expect(nextMs - afterMs).toBeLessThanOrEqual(15 * 60_000)
      },
    ),
    { numRuns: 500 },
  )
})
