import { writeSync } from 'node:fs'

/** Runs the command line and tells file descriptor 3, at its end, what this process took. */
process.on('exit', () => {
  const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage()
  const figures = {
    cpuSeconds: (userCPUTime + systemCPUTime) / 1e6,
    peakRssMb: maxRSS / 1024,
  }
  writeSync(3, JSON.stringify(figures))
})
await import('../../cli/main.ts')
