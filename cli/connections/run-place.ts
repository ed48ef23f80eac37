/** A run of a connection. */
export interface RunPlace {
  readonly name: string
  readonly run: string
}
