import { hasType } from './kafka-errors.ts'
import { NamedRefusal, type RequestedResource } from './named-refusal.ts'

const refusals = {
  topic: [
    'TOPIC_AUTHORIZATION_FAILED',
    'UNKNOWN_TOPIC_OR_PARTITION',
    'MESSAGE_TOO_LARGE',
    'RECORD_LIST_TOO_LARGE',
    'INVALID_RECORD',
  ],
  'transactional id': ['TRANSACTIONAL_ID_AUTHORIZATION_FAILED'],
} as const satisfies Record<RequestedResource['kind'], readonly string[]>

/**
 * Does what concerns the resources, at most one of each kind. If the brokers refuse one of them, the error
 * says which.
 */
export async function nameRefusals<T>(
  resources: readonly RequestedResource[],
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work()
  } catch (error) {
    const refused = resources.find(({ kind }) =>
      refusals[kind].some((type) => hasType(error, type)),
    )
    if (refused === undefined || !(error instanceof Error)) throw error
    throw new NamedRefusal(refused, error)
  }
}

/** Whether the brokers refuse a topic. */
export function isTopicRefused(error: unknown): boolean {
  return refusals.topic.some((type) => hasType(error, type))
}

export function topicFor(operation: string, name: string): RequestedResource {
  return { kind: 'topic', name, operation }
}
