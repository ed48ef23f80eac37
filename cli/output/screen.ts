/** The part of `process.stderr` that the screen uses. */
export interface TextOutput {
  readonly isTTY?: boolean
  readonly columns?: number
  readonly rows?: number
  write(text: string): unknown
}

const beginUpdate = '\u001B[?2026h'
const endUpdate = '\u001B[?2026l'
const clearToEndOfLine = '\u001B[K'
const clearBelow = '\u001B[J'

/**
 * Lines that stay, and below them (on a terminal) a few that are redrawn in place. Every redraw is one write
 * between the marks of a synchronized update, over the old text, so that nothing flickers.
 */
export class Screen {
  readonly #output: TextOutput
  /** The widths of the live lines on the terminal: a terminal that became narrower has wrapped them. */
  #drawnWidths: readonly number[] = []
  #live: readonly string[] = []

  constructor(output: TextOutput) {
    this.#output = output
  }

  get isTerminal(): boolean {
    return this.#output.isTTY === true
  }

  /** A line that stays. */
  line(text: string): void {
    this.lines([text])
  }

  lines(texts: readonly string[]): void {
    if (texts.length === 0) return
    if (!this.isTerminal || this.#drawnWidths.length === 0) {
      this.#output.write(`${texts.join('\n')}\n`)
      return
    }
    this.#draw(texts)
  }

  /** Replaces the live lines; none clears them. Does nothing if the output is not a terminal. */
  live(texts: readonly string[]): void {
    if (!this.isTerminal) return
    this.#live = texts
    this.#draw([])
  }

  #draw(above: readonly string[]): void {
    const columns = Math.max(20, this.#output.columns ?? 80)
    const visible = this.#live
      .slice(0, Math.max(1, (this.#output.rows ?? 24) - 1))
      .map((text) => cut(text, columns - 1))
    const height = this.#drawnWidths.reduce(
      (total, width) => total + Math.max(1, Math.ceil(width / columns)),
      0,
    )
    const up = height > 0 ? `\u001B[${String(height)}A\r` : ''
    const body = [...above, ...visible].map((text) => `${text}${clearToEndOfLine}\n`).join('')
    this.#output.write(`${beginUpdate}${up}${body}${clearBelow}${endUpdate}`)
    this.#drawnWidths = visible.map(({ length }) => length)
  }
}

/** Live lines carry no colours: their length is their width. */
function cut(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, width - 1)}…`
}
