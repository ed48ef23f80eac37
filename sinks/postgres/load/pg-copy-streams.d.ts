// pg-copy-streams 7 has no types of its own.
declare module 'pg-copy-streams' {
  import type { Writable } from 'node:stream'
  import type { Submittable } from 'pg'

  export interface CopyFromStream extends Writable, Submittable {
    /** Valid after `finish`. */
    readonly rowCount: number
  }
  export function from(sql: string): CopyFromStream
}
