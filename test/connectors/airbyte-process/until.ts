import { setTimeout as sleep } from 'node:timers/promises'

/** Waits for a condition, and throws if it does not come true in time. */
export async function until(isDone: () => Promise<boolean>, withinMs = 60_000): Promise<void> {
  const end = Date.now() + withinMs
  while (!(await isDone())) {
    if (Date.now() > end) throw new Error('it did not happen in time')
    await sleep(50)
  }
}
