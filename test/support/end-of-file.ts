let ends = new AsyncDisposableStack()

/**
 * Calls `end` when the tests of this file have ended: after the file's own `afterAll`, the last one first. A
 * module of test/ has no `afterAll` of its own, because files share a process and what it has loaded: it
 * would be called after the first of them only.
 */
export function atEndOfFile(end: () => PromiseLike<unknown>): void {
  ends.defer(async () => {
    await end()
  })
}

/** Called by file-setup.ts. */
export async function endFile(): Promise<void> {
  const ending = ends
  ends = new AsyncDisposableStack()
  await ending.disposeAsync()
}
