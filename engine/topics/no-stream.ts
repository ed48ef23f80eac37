import { ConnectError } from '../../protocol/index.ts'

/** How many messages a topic has, by writer. */
export interface SeenTopic {
  messages: number
  /** Messages of the log: their header `type` is one of docs/topics.md. */
  ours: number
  /** Messages of a destination `topic:`. */
  rows: number
}

/** The error for a topic without a PLAN: what it is, and what to do. */
export function noStream(topic: string, seen: SeenTopic): ConnectError {
  return new ConnectError('topic_not_of_stream', { details: { topic, ...describe(topic, seen) } })
}

const list = '`reactor connect topics list` shows the topics of streams.'

function describe(
  topic: string,
  { messages, ours, rows }: SeenTopic,
): { readonly found: string; readonly fix: string } {
  if (/^connect\.(.+\.\.)?(states|schemas)$|^connect\.ingress$/.test(topic))
    return { found: 'it is one of the topics beside those of streams', fix: list }
  if (messages === 0)
    return {
      found: 'it is empty',
      fix: `Run the connection if it is the topic of its stream. ${list}`,
    }
  if (rows > 0)
    return {
      found: 'it has the rows of a destination `topic:`, which are messages of another kind',
      fix: `Read it with any consumer, as docs/topic-destination.md says: the newest message of a key is the row. ${list}`,
    }
  if (ours > 0)
    return {
      found: 'its messages are of a version of Reactor Connect that wrote no PLAN',
      fix: 'Run the connection again: it writes a PLAN. For rows of earlier syncs read the table at the destination.',
    }
  return { found: 'its messages are not those of a stream of Reactor Connect', fix: list }
}
