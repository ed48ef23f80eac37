import { runLive } from './run-live.ts'

// A reader such as `head` leaves early: the pass goes on to its end, where it removes what it made.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
})

// `npm run test:live -- VENDOR`: a pass over a real account. Exit code 1 if a step failed, 2 if the command
// line is wrong.
const done = await runLive(process.argv.slice(2), {
  environment: process.env,
  write: (text) => process.stdout.write(text),
})
if (typeof done === 'string') {
  process.stderr.write(done)
  process.exitCode = 2
} else {
  const count = (outcome: string): string =>
    String(done.filter((result) => result.outcome === outcome).length)
  process.stdout.write(
    `${count('ok')} ok, ${count('failed')} failed, ${count('skipped')} skipped\n`,
  )
  process.exitCode = count('failed') === '0' ? 0 : 1
}
