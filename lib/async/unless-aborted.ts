/** What the work gives; undefined as soon as the signal is aborted: what does not answer must not hold the process. */
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
    work.catch(() => undefined) // nobody waits for it any more
    signal.removeEventListener('abort', onAbort)
  }
}
