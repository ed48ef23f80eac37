import { readFileSync } from 'node:fs'

/**
 * The largest resident set that this program has had. Linux counts in `maxRSS` the memory of the program that
 * started this one, too, so that a small program never seems to need less than its benchmark.
 */
export function peakRssMb(): number {
  if (process.platform !== 'linux') return process.resourceUsage().maxRSS / 1024
  return peakRssMbOf('self')
}

/** The same of another process that runs; on Linux. */
export function peakRssMbOf(pid: number | 'self'): number {
  const status = readFileSync(`/proc/${String(pid)}/status`, 'utf8')
  const [, kilobytes] = /^VmHWM:\s+(\d+) kB$/m.exec(status) ?? []
  return Number(kilobytes) / 1024
}
