import { writeSync } from 'node:fs'
import { stripVTControlCharacters } from 'node:util'
import type { Reporter, TestModule } from 'vitest/node'

/** Failures beyond these are only counted. */
const mostFailures = 40
const mostCharacters = 500

/**
 * Prints each failure in a line, and `N passed, N failed` (and `, N skipped` if tests were left out) as the
 * very last line of a run: whoever only has the end of a log sees which tests failed, and why. A file that
 * cannot be loaded, and an error outside of a test, count as failed; so does a run that never came
 * to its tests.
 */
class SummaryReporter implements Reporter {
  #passed = 0
  #failed = 1
  #skipped = 0
  #failures: string[] = []

  onInit(): void {
    process.once('exit', (status) => {
      if (status !== 0) this.#failed = Math.max(this.#failed, 1)
      for (const line of this.#failures.slice(0, mostFailures)) writeSync(1, `${line}\n`)
      const skipped = this.#skipped > 0 ? `, ${this.#skipped} skipped` : ''
      writeSync(1, `${this.#passed} passed, ${this.#failed} failed${skipped}\n`)
    })
  }

  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    this.#passed = 0
    this.#failed = unhandledErrors.length
    this.#skipped = 0
    this.#failures = unhandledErrors.map((error) => failureLine('outside of a test', error))
    for (const module of modules) this.#count(module)
  }

  #count(module: TestModule): void {
    const failedBefore = this.#failed
    for (const test of module.children.allTests()) {
      const { state, errors } = test.result()
      if (state === 'passed') this.#passed += 1
      else if (state === 'failed') {
        this.#failed += 1
        const { duration = 0 } = test.diagnostic() ?? {}
        const place = `${module.relativeModuleId}: ${test.fullName} (${duration.toFixed(0)} ms)`
        this.#failures.push(failureLine(place, errors[0]))
      } else this.#skipped += 1
    }
    if (module.ok() || this.#failed > failedBefore) return
    this.#failed += 1
    this.#failures.push(failureLine(module.relativeModuleId, module.errors()[0]))
  }
}

/** Its first line; of a property that failed, the seed and the reason too. */
function failureLine(place: string, error: unknown): string {
  const lines = linesOf(error)
  const [first = ''] = lines
  const seed = lines.find((line) => line.startsWith('{ seed:'))
  const cause = typeof error === 'object' && error !== null && 'cause' in error ? error.cause : ''
  const parts = [first, seed, linesOf(cause).slice(0, 3).join(' ')].filter(Boolean)
  return `FAILED ${place}: ${parts.join(' ')}`.slice(0, mostCharacters)
}

function linesOf(error: unknown): readonly string[] {
  const message =
    typeof error === 'object' && error !== null && 'message' in error ? error.message : error
  return stripVTControlCharacters(String(message)).split('\n')
}

// Vitest loads a reporter by its path and takes the default export.
export default SummaryReporter
