import { field } from '../../definition.ts'
import { isInt } from '../../value/number.ts'
import { valueError } from '../../value/python-error.ts'
import { StreamSlice } from '../../value/stream-slice.ts'
import { truth } from '../../value/truth.ts'
import { lookUp } from './expander-path.ts'
import type { Builder } from '../../component.ts'
import type { Logger, Retriever } from '../../contracts.ts'
import type { Dict, PlainDict, Value } from '../../value/value.ts'

/** A nested list that the API may cut off, and says so in the record. */
export class TruncatedList {
  readonly #indicator: readonly Value[]
  readonly #retriever: Retriever | null
  readonly #logger: Logger
  #hasWarned = false

  /** @param retriever reads the whole list of one parent; without one the list stays as it is */
  constructor(indicator: readonly Value[], retriever: PlainDict | undefined, builder: Builder) {
    this.#indicator = indicator
    this.#logger = builder.environment.logger
    this.#retriever = retriever === undefined ? null : buildRetriever(retriever, builder)
  }

  isCut(parent: Dict): boolean {
    return truth(lookUp(parent, this.#indicator) ?? null)
  }

  /** The whole list: nothing if there is no retriever. */
  async *fetch(parent: Dict): AsyncIterable<readonly Dict[]> {
    if (this.#retriever === null) return
    yield* this.#retriever.read(new StreamSlice({ partition: { parent_record: parent } }))
  }

  /** Warns once if items are known to be missing. */
  warnOfMissing(parent: Dict, fetched: number): void {
    if (this.#hasWarned) return
    const total = lookUp(parent, [...this.#indicator.slice(0, -1), 'total_count'])
    if (this.#retriever === null) {
      this.#hasWarned = true
      this.#logger.warn(
        { total: isInt(total) ? total : null },
        'a nested list is cut off and only its embedded items are read; configure truncated_list_retriever to fetch all of it',
      )
    } else if (isInt(total) && fetched < total) {
      this.#hasWarned = true
      this.#logger.warn(
        { fetched, total },
        'truncated_list_retriever returned less than total_count; check that it has a paginator and asks for the complete list',
      )
    }
  }
}

function buildRetriever(definition: PlainDict, builder: Builder): Retriever {
  for (const name of ['partition_router', 'pagination_reset'])
    if (truth(field(definition, name) ?? null))
      throw valueError(`${name} is not supported on truncated_list_retriever.`)
  return builder.build('retriever', definition, { streamName: 'record_expander_truncated_list' })
}
