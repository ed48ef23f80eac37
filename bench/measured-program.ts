import { writeSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import { peakRssMb } from './peak-rss.ts'

/**
 * Runs the program of its first argument and, at its end, writes to file descriptor 3 what this process took.
 */
process.on('exit', () => {
  const { userCPUTime, systemCPUTime } = process.resourceUsage()
  const figures = {
    cpuSeconds: (userCPUTime + systemCPUTime) / 1e6,
    peakRssMb: peakRssMb(),
  }
  writeSync(3, JSON.stringify(figures))
})
const [program = ''] = process.argv.splice(2, 1)
process.argv[1] = program
await import(pathToFileURL(program).href)
