const suffix = ' (events)'

/**
 * The name under which a destination keeps account of what webhooks load into the tables of a connection,
 * beside its runs: neither moves the checkpoints of the other, nor takes over from it. No connection can have
 * such a name.
 */
export function eventsConnection(connection: string): string {
  return `${connection}${suffix}`
}

/** Whether one is the other, or loads its events. */
export function isSameConnection(left: string, right: string): boolean {
  return withoutSuffix(left) === withoutSuffix(right)
}

function withoutSuffix(connection: string): string {
  return connection.endsWith(suffix) ? connection.slice(0, -suffix.length) : connection
}
