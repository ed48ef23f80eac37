/** Longer than any zone is from UTC, and shorter than any two changes of a clock are apart. */
const awayMs = 26 * 3_600_000

/** The clock on the wall of a time zone. A wall time is given as the milliseconds that UTC would have at the same reading. */
export class WallClock {
  readonly #format: Intl.DateTimeFormat

  /** Throws a RangeError for a zone that is not known. */
  constructor(timeZone: string) {
    const two = '2-digit'
    const time = { hour: two, minute: two, second: two, hourCycle: 'h23' } as const
    const day = { year: 'numeric', month: two, day: two } as const
    this.#format = new Intl.DateTimeFormat('en', { timeZone, ...day, ...time })
  }

  /** What the clock shows at a moment, to the second. */
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

  /** By how much the clock is moved about this moment; 0 nearly always. */
  changeAbout(ms: number): number {
    return Math.abs(this.#offsetAt(ms + awayMs) - this.#offsetAt(ms - awayMs))
  }

  /**
   * The moments at which the clock shows this: two where it is put back over it. Where it is put forward over it, the moment that is
   * as much later as the clock is moved.
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
