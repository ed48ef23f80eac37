/**
 * The results of a task for each item, in the order of the items, with at most `atOnce` tasks at a time.
 * After a failure no other task begins; rejects when those that had begun have ended.
 */
export async function mapLimited<Item, Result>(
  items: readonly Item[],
  atOnce: number,
  task: (item: Item) => Promise<Result>,
): Promise<readonly Result[]> {
  const results: Result[] = []
  const left = items.entries()
  let hasFailed = false
  const work = async (): Promise<void> => {
    for (const [place, item] of left) {
      if (hasFailed) return
      try {
        results[place] = await task(item)
      } catch (error) {
        hasFailed = true
        throw error
      }
    }
  }
  const workers = Array.from({ length: Math.min(atOnce, items.length) }, work)
  const ends = await Promise.allSettled(workers)
  const failed = ends.find((end) => end.status === 'rejected')
  if (failed !== undefined) throw failed.reason
  return results
}
