import { EVENT_ID, type Event } from 'js-yaml'
import { NodeError } from './yaml-error.ts'

/**
 * Values of a document, including those for which aliases stand: a later reader meets each value once for
 * each place where it stands. Of 452 public manifests the largest has 56,000 (2026-11).
 */
const maxValues = 1_000_000

/** A collection that has begun. */
interface OpenNode {
  readonly anchor: string | undefined
  /** Values of the document before it. */
  readonly before: number
}

/**
 * Refuses a text whose aliases ("*name") stand for more values than any reader should meet: a few lines can
 * ask for billions. To be called before the events are made into values. Throws a NodeError, also for an
 * alias inside of its own anchor, which would have no end.
 */
export function limitAliases(text: string, events: readonly Event[]): void {
  /** The number of values of each anchor; undefined while its collection is not complete. */
  const sizes = new Map<string, number | undefined>()
  const open: OpenNode[] = []
  let values = 0
  for (const event of events) {
    if (event.type === EVENT_ID.POP) {
      const node = open.pop()
      if (node?.anchor !== undefined) sizes.set(node.anchor, values - node.before)
      continue
    }
    const anchor = event.type === EVENT_ID.DOCUMENT ? undefined : anchorOf(text, event)
    if (event.type === EVENT_ID.ALIAS) values += aliasedValues(sizes, event, anchor)
    else if (event.type === EVENT_ID.SCALAR) {
      values += 1
      if (anchor !== undefined) sizes.set(anchor, 1)
    } else {
      open.push({ anchor, before: values })
      values += 1
      if (anchor !== undefined) sizes.set(anchor, undefined)
    }
    if (values > maxValues) throw tooMany(event)
  }
}

function anchorOf(
  text: string,
  { anchorStart, anchorEnd }: { readonly anchorStart: number; readonly anchorEnd: number },
): string | undefined {
  return anchorStart < 0 ? undefined : text.slice(anchorStart, anchorEnd)
}

/** An alias without an anchor is left to the reader, which refuses it. */
function aliasedValues(
  sizes: ReadonlyMap<string, number | undefined>,
  { anchorStart }: { readonly anchorStart: number },
  anchor = '',
): number {
  if (!sizes.has(anchor)) return 1
  const size = sizes.get(anchor)
  if (size !== undefined) return size
  throw new NodeError(`The alias "${anchor}" is inside its own anchor`, anchorStart)
}

function tooMany(event: Event): NodeError {
  const offset = 'anchorStart' in event ? event.anchorStart : 0
  return new NodeError(
    `Its aliases ("*name") expand to more than ${maxValues.toLocaleString('en')} values. Repeat less`,
    Math.max(0, offset),
  )
}
