/** A message as a reader shows it: the key and the value as texts, no value for a tombstone. */
export interface ShownMessage {
  readonly key: string
  readonly value?: string
}

/** The table that a topic is, once it was read in the order of its partitions. */
export function lastValues(messages: readonly ShownMessage[]): readonly string[] {
  const rows = new Map<string, string>()
  for (const { key, value } of messages) {
    if (value === undefined) rows.delete(key)
    else rows.set(key, value)
  }
  return [...rows.values()]
}
