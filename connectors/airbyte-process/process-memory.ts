import { readdirSync, readFileSync } from 'node:fs'

/**
 * The resident memory of a process and all processes below it, in bytes; undefined if this machine does not
 * report it (only Linux has /proc).
 */
export function treeMemoryBytes(pid: number): number | undefined {
  const own = residentBytes(pid)
  if (own === undefined) return undefined
  return childrenOf(pid).reduce((sum, child) => sum + (treeMemoryBytes(child) ?? 0), own)
}

function residentBytes(pid: number): number | undefined {
  const line = /^VmRSS:\s+(\d+) kB$/m.exec(read(`/proc/${pid}/status`) ?? '')
  return line?.[1] === undefined ? undefined : Number(line[1]) * 1024
}

/** Each thread lists the processes that it started. */
function childrenOf(pid: number): readonly number[] {
  return threadsOf(pid).flatMap((thread) =>
    (read(`/proc/${pid}/task/${thread}/children`) ?? '')
      .split(' ')
      .filter((text) => text !== '')
      .map(Number),
  )
}

function threadsOf(pid: number): readonly string[] {
  try {
    return readdirSync(`/proc/${pid}/task`)
  } catch {
    // It has ended in the meantime.
    return []
  }
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    // It has ended in the meantime, or there is no /proc.
    return undefined
  }
}
