/**
 * The result of the work; undefined as soon as the signal is aborted, so that work that does not respond
 * cannot keep the process running.
 */
export async function unlessAborted<Result>(
  work: Promise<Result>,
  signal: AbortSignal,
): Promise<Result | undefined> {
  const aborted = Promise.withResolvers<undefined>()
  const onAbort = (): void => {
    aborted.resolve(undefined)
  }
  signal.addEventListener('abort', onAbort, { once: true })
  if (signal.aborted) onAbort()
  try {
    return await Promise.race([aborted.promise, work])
  } finally {
    work.catch(() => undefined) // nobody is waiting for it any more
    signal.removeEventListener('abort', onAbort)
  }
}
