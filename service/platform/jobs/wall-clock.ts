/** Longer than any zone's offset from UTC, and shorter than the time between two clock changes. */
const awayMs = 26 * 3_600_000

/**
 * The wall clock of a time zone. A wall time is the number of milliseconds that UTC would have at the same
 * reading.
 */
export class WallClock {
  readonly #format: Intl.DateTimeFormat

  /** Throws a RangeError for a zone that is not known. */
  constructor(timeZone: string) {
    const two = '2-digit'
    const time = { hour: two, minute: two, second: two, hourCycle: 'h23' } as const
    const day = { year: 'numeric', month: two, day: two } as const
    this.#format = new Intl.DateTimeFormat('en', { timeZone, ...day, ...time })
  }

  /** The wall time at a moment, to the second. */
  shownAt(ms: number): number {
    const parts = new Map(this.#format.formatToParts(ms).map(({ type, value }) => [type, value]))
    const numberOf = (type: Intl.DateTimeFormatPartTypes): number => Number(parts.get(type))
    return Date.UTC(
      numberOf('year'),
      numberOf('month') - 1,
      numberOf('day'),
      numberOf('hour'),
      numberOf('minute'),
      numberOf('second'),
    )
  }

  /** How much the clock changes around this moment; nearly always 0. */
  changeAbout(ms: number): number {
    return Math.abs(this.#offsetAt(ms + awayMs) - this.#offsetAt(ms - awayMs))
  }

  /**
   * The moments at which the clock shows this: two if it is put back over it. If it is put forward over it,
   * the moment that is later by the same amount.
   */
  momentsOf(wallMs: number): readonly number[] {
    const before = this.#offsetAt(wallMs - awayMs)
    const after = this.#offsetAt(wallMs + awayMs)
    if (before === after) return [wallMs - before]
    const moments = [wallMs - before, wallMs - after].toSorted((a, b) => a - b)
    const shown = moments.filter((ms) => this.shownAt(ms) === wallMs)
    return shown.length > 0 ? shown : [wallMs - before]
  }

  #offsetAt(ms: number): number {
    const whole = Math.floor(ms / 1000) * 1000
    return this.shownAt(whole) - whole
  }
}
