/** Runs a task as soon as fewer than the allowed number are running; first come, first served. */
export type Limit = <Result>(task: () => Promise<Result>) => Promise<Result>

export function createLimit(atATime: number): Limit {
  let running = 0
  const waiting: (() => void)[] = []
  const leave = (): void => {
    const next = waiting.shift()
    if (next === undefined) running -= 1
    else next()
  }
  return async (task) => {
    if (running < atATime) running += 1
    else {
      await new Promise<void>((resolve) => {
        waiting.push(resolve)
      })
    }
    try {
      return await task()
    } finally {
      leave()
    }
  }
}
