const ends: (() => PromiseLike<unknown>)[] = []

/** Runs after all hooks of the test file that is running, the last one first. A module's own `afterAll` would run for the first file that imports it, and for no later one. */
export function atEndOfFile(end: () => PromiseLike<unknown>): void {
  ends.push(end)
}

export async function endFile(): Promise<void> {
  for (const end of ends.splice(0).toReversed()) await end()
}
