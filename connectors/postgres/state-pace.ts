const stateBytes = 8 * 1024 * 1024

/** When the next state is due: after a number of rows, or 8 MiB, since the last state. */
export class StatePace {
  readonly #stateRows: number
  #rows = 0
  #bytes = 0
  #hasCovered = false

  constructor(stateRows: number) {
    this.#stateRows = stateRows
  }

  /** Counts what was given out. */
  gave({ bytes, rows }: { readonly bytes: Uint8Array; readonly rows: number }): void {
    this.#rows += rows
    this.#bytes += bytes.length
  }

  get due(): boolean {
    return this.#rows >= this.#stateRows || this.#bytes >= stateBytes
  }

  /** Whether there was a state before the end. */
  get hasCovered(): boolean {
    return this.#hasCovered
  }

  covered(): void {
    this.#hasCovered = true
    this.#rows = 0
    this.#bytes = 0
  }
}
