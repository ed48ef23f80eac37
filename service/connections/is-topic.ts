const scheme = 'topic:'

/**
 * Whether the rows of a destination go into topics, not into tables. Without the schema library: the command
 * line shows it.
 */
export function isTopic(destination: string): boolean {
  return destination.startsWith(scheme)
}

/** The name, or the pattern, of a destination that is a topic. */
export function topicName(destination: string): string {
  return destination.slice(scheme.length)
}
