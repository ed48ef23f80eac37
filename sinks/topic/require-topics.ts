import { streamIdOf, type StreamId } from '../../protocol/index.ts'
import type { SinkStream } from '../sink.ts'
import { requireMode } from './sync/topic-mode.ts'
import { sharedTopic, targetTopic, type TopicPlace } from './topic-place.ts'

/**
 * Throws `destination_topic_invalid`, `destination_topic_shared`, and `destination_mode_unsupported` for
 * streams that a person chose. If all streams are read, a stream that cannot be in a topic fails in each run,
 * and the others are loaded.
 */
export function requireTopics(
  place: TopicPlace,
  streams: readonly SinkStream[],
  { areChosen }: { readonly areChosen: boolean },
): void {
  const known = new Map<string, StreamId>()
  for (const sink of streams) {
    const stream = streamIdOf(sink.stream.stream)
    const topic = targetTopic(place, stream)
    const other = known.get(topic)
    if (other !== undefined) throw sharedTopic(place, { topic, stream, other })
    known.set(topic, stream)
    if (areChosen) requireMode(sink)
  }
}
