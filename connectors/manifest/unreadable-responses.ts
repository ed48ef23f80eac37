import type { SideMessage } from '../../manifest-interpreter/contracts.ts'

type UnreadableMessage = Extract<SideMessage, { kind: 'unreadable' }>

/**
 * Unreadable responses that were treated as having no records: the first of each stream, and their number.
 */
export class UnreadableResponses {
  readonly #byStream = new Map<string, { readonly first: UnreadableMessage; count: number }>()

  add(message: SideMessage): void {
    if (message.kind !== 'unreadable') return
    const known = this.#byStream.get(message.stream)
    if (known === undefined) this.#byStream.set(message.stream, { first: message, count: 1 })
    else known.count += 1
  }

  /** One sentence per stream: parents are streams too. */
  get warnings(): readonly string[] {
    return [...this.#byStream.values()].map(({ first, count }) => {
      const { request, found } = first
      if (count === 1)
        return `The response to ${request} was ${found}: it was treated as having no records.`
      return `${String(count)} responses could not be read, and were treated as having no records. The first was the response to ${request}: ${found}.`
    })
  }
}
