export const textStyles = ['bold', 'dim', 'red', 'green', 'yellow'] as const
export type TextStyle = (typeof textStyles)[number]

/** A piece of a line in one look. */
export interface Span {
  readonly text: string
  readonly styles: readonly TextStyle[]
}

interface Cell {
  readonly letter: string
  readonly styles: readonly TextStyle[]
}

const escape = '\u001B'
/** A control sequence, a control character, or a letter. */
const parts = new RegExp(`${escape}\\[([?\\d;]*)([A-Za-z])|([\\r\\n])|(.)`, 'gsu')

const turnedOn: Readonly<Record<string, TextStyle>> = {
  ...{ 1: 'bold', 2: 'dim', 31: 'red', 32: 'green', 33: 'yellow' },
}
const turnedOff: Readonly<Record<string, readonly TextStyle[]>> = {
  ...{ 0: textStyles, 22: ['bold', 'dim'], 39: ['red', 'green', 'yellow'] },
}

/**
 * The lines that a terminal shows after all of the output: it supports the sequences that the program writes,
 * and refuses anything else.
 */
export function shownLines(output: string, columns: number): readonly (readonly Span[])[] {
  const screen = new TerminalScreen()
  for (const [, parameters = '', command, control, letter] of output.matchAll(parts)) {
    if (command !== undefined) screen.command(command, parameters)
    else if (control === '\n') screen.lineFeed()
    else if (control === '\r') screen.carriageReturn()
    else screen.put(letter ?? '')
  }
  return screen.lines(columns)
}

class TerminalScreen {
  readonly #rows: Cell[][] = [[]]
  #row = 0
  #column = 0
  #styles: readonly TextStyle[] = []

  lineFeed(): void {
    this.#row += 1
    this.#rows[this.#row] ??= []
  }

  carriageReturn(): void {
    this.#column = 0
  }

  put(letter: string): void {
    const row = (this.#rows[this.#row] ??= [])
    while (row.length < this.#column) row.push({ letter: ' ', styles: [] })
    row[this.#column] = { letter, styles: this.#styles }
    this.#column += 1
  }

  command(name: string, parameters: string): void {
    switch (name) {
      case 'm':
        for (const code of parameters.split(';')) this.#style(code === '' ? '0' : code)
        return
      case 'A':
        this.#row = Math.max(0, this.#row - Number(parameters || 1))
        return
      case 'K':
        this.#rows[this.#row]?.splice(this.#column)
        return
      case 'J':
        this.#rows[this.#row]?.splice(this.#column)
        this.#rows.splice(this.#row + 1)
        return
      // The marks of a synchronized update.
      case 'h':
      case 'l':
        return
      default:
        throw new Error(`the sequence ESC[${parameters}${name} is not known`)
    }
  }

  #style(code: string): void {
    const off = turnedOff[code] ?? []
    const on = turnedOn[code]
    this.#styles = [...this.#styles.filter((style) => !off.includes(style)), ...(on ? [on] : [])]
  }

  /** A longer line, which a terminal would wrap, is cut. */
  lines(columns: number): readonly (readonly Span[])[] {
    const lines = this.#rows.map((row) => spansOf(cut(row, columns)))
    while (lines.at(-1)?.length === 0) lines.pop()
    return lines
  }
}

function cut(row: readonly Cell[], columns: number): readonly Cell[] {
  return row.length <= columns ? row : [...row.slice(0, columns - 1), { letter: '…', styles: [] }]
}

function spansOf(row: readonly Cell[]): readonly Span[] {
  const spans: { text: string; styles: readonly TextStyle[] }[] = []
  for (const { letter, styles } of row) {
    const last = spans.at(-1)
    if (last?.styles.join() === styles.join()) last.text += letter
    else spans.push({ text: letter, styles })
  }
  const last = spans.at(-1)
  if (last !== undefined) last.text = last.text.trimEnd()
  return spans.filter(({ text }) => text !== '')
}
