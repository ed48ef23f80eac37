import { isPlainDict } from '../../value/dict.ts'
import type { PlainDict } from '../../value/value.ts'

/** A retriever whose requester keeps its responses: what it reads is asked for again and again. */
export function withCachedResponses(retriever: PlainDict): PlainDict {
  const { requester } = retriever
  if (requester === undefined || !isPlainDict(requester)) return retriever
  return { ...retriever, requester: { ...requester, use_cache: true } }
}
