import { isPlainDict } from '../../value/dict.ts'
import { StreamSlice } from '../../value/stream-slice.ts'
import type { BuildContext, Builder } from '../../component.ts'
import type { Dict, PlainDict } from '../../value/value.ts'

/**
 * Records that a retriever reads to describe streams, not for a stream: names of properties, a schema. Its
 * responses are cached.
 */
export function auxiliaryRecords(
  definition: PlainDict,
  builder: Builder,
  context: BuildContext,
): () => AsyncIterable<readonly Dict[]> {
  const retriever = builder.build('retriever', withKeptResponses(definition), context)
  return async function* () {
    if (retriever.slices === undefined) yield* retriever.read(StreamSlice.empty)
    else for await (const slice of retriever.slices()) yield* retriever.read(slice)
  }
}

/** The retriever with a requester that stores its responses, even if its definition says otherwise. */
export function withKeptResponses(retriever: PlainDict): PlainDict {
  const { requester } = retriever
  if (requester === undefined || !isPlainDict(requester)) return retriever
  return { ...retriever, requester: { ...requester, use_cache: true } }
}
