import { writeSync } from 'node:fs'
import { builtProgram } from '../built-program.ts'

/** Runs the command line, as it was built, and tells file descriptor 3, at its end, what this process took. */
process.on('exit', () => {
  const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage()
  const figures = {
    cpuSeconds: (userCPUTime + systemCPUTime) / 1e6,
    peakRssMb: maxRSS / 1024,
  }
  writeSync(3, JSON.stringify(figures))
})
await import(builtProgram)
