import { messageOf, type Changes } from './message-proxy.ts'

/** How one COPY TO STDOUT of a table is changed; undefined leaves a message as it is. */
export interface CopyDamage {
  /** Its beginning. */
  readonly response?: (payload: Buffer) => Buffer
  /**
   * The rows, counted from 1. The first of a binary COPY comes without the header, the trailer not at all.
   */
  readonly row?: (number: number, payload: Buffer) => Buffer | undefined
  readonly header?: (payload: Buffer) => Buffer
  readonly trailer?: (payload: Buffer) => Buffer
  /** CopyDone, … */
  readonly done?: () => Buffer
  /** … and what it ends with. */
  readonly tag?: (tag: string) => Buffer
}

const headerBytes = 19
const signature = Buffer.from('PGCOPY\n')
const trailer = Buffer.from([0xff, 0xff])

export const nothing = Buffer.alloc(0)

export function row(payload: Buffer): Buffer {
  return messageOf('d', payload)
}

export function tagOf(text: string): Buffer {
  return messageOf('C', Buffer.from(`${text}\0`))
}

/** Damages each COPY of a connection. */
export function damaged(damage: CopyDamage): () => Changes {
  return () => {
    let rows = 0
    let isCopy = false
    const data = (payload: Buffer): Buffer | undefined => {
      if (payload.subarray(0, signature.length).equals(signature)) {
        const own = payload.subarray(0, headerBytes)
        const header = damage.header?.(own) ?? own
        const first = payload.subarray(headerBytes)
        return first.length === 0
          ? row(header)
          : Buffer.concat([row(header), data(first) ?? row(first)])
      }
      if (payload.equals(trailer)) return damage.trailer?.(payload)
      rows += 1
      return damage.row?.(rows, payload)
    }
    return ({ type, payload }) => {
      if (type === 'H') {
        rows = 0
        isCopy = true
        return damage.response?.(payload)
      }
      if (!isCopy) return undefined
      if (type === 'd') return data(payload)
      if (type === 'c') return damage.done?.()
      if (type !== 'C') return undefined
      isCopy = false
      return damage.tag?.(payload.toString('latin1', 0, payload.length - 1))
    }
  }
}
